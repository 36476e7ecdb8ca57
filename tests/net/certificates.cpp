#include "certificates.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace tether::net::testing {
namespace {

void must(bool fine, const char* what) {
  if (!fine) throw std::runtime_error(std::string("certificates: ") + what);
}

void add_extension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  must(extension != nullptr, "extension");
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

Identity make(const std::string& name, long valid_for_s) {
  static long serial = 1;
  Identity identity;
  identity.key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  identity.certificate.reset(X509_new());
  must(identity.key && identity.certificate, "key");
  X509* const certificate = identity.certificate.get();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), valid_for_s);
  X509_set_pubkey(certificate, identity.key.get());
  std::string text = name;
  X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), NID_commonName, MBSTRING_ASC,
                             reinterpret_cast<unsigned char*>(text.data()), static_cast<int>(text.size()), -1, 0);
  return identity;
}

}  // namespace

Authority::Authority() : self_(make("test authority", 3600)) {
  X509* const certificate = self_.certificate.get();
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(certificate, NID_subject_key_identifier, "hash");
  must(X509_sign(certificate, self_.key.get(), EVP_sha256()) > 0, "sign");

  std::string pattern = (std::filesystem::temp_directory_path() / "tether-ca-XXXXXX").string();
  must(mkdtemp(pattern.data()) != nullptr, "folder");
  folder_ = pattern;
  ca_file_ = folder_ + "/ca.pem";
  std::FILE* const file = std::fopen(ca_file_.c_str(), "w");
  must(file != nullptr && PEM_write_X509(file, certificate) == 1, "write");
  std::fclose(file);
}

Authority::~Authority() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

Identity Authority::issue(const std::string& names, long valid_for_s) const {
  Identity identity = make("test server", valid_for_s);
  X509* const certificate = identity.certificate.get();
  X509_set_issuer_name(certificate, X509_get_subject_name(self_.certificate.get()));
  add_extension(certificate, NID_subject_alt_name, names);
  must(X509_sign(certificate, self_.key.get(), EVP_sha256()) > 0, "sign");
  return identity;
}

}  // namespace tether::net::testing
