#include "certificates.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>

#include "tether/base/check.h"

namespace tether::test {

namespace {

constexpr long kDay = 24L * 60 * 60;

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()), &X509_EXTENSION_free);
  check(extension != nullptr, "the extension is well formed");
  X509_add_ext(certificate, extension.get(), -1);
}

Identity begin(const std::string& name, long serial, bool expired) {
  Identity identity;
  identity.key.reset(EVP_EC_gen("P-256"));
  identity.certificate.reset(X509_new());
  X509* certificate = identity.certificate.get();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -2 * kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate), expired ? -kDay : kDay);
  X509_set_pubkey(certificate, identity.key.get());
  const std::string subject = name;
  X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), NID_commonName, MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(subject.c_str()), -1, -1, 0);
  return identity;
}

}  // namespace

Identity make_authority(const std::string& name) {
  Identity authority = begin(name, 1, /*expired=*/false);
  X509* certificate = authority.certificate.get();
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE");
  X509_sign(certificate, authority.key.get(), EVP_sha256());
  return authority;
}

Identity make_server(const Identity& authority, const std::string& alternative_names, bool expired) {
  Identity server = begin("server", 2, expired);
  X509* certificate = server.certificate.get();
  X509* issuer = authority.certificate.get();
  X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
  add_extension(certificate, issuer, NID_subject_alt_name, alternative_names);
  X509_sign(certificate, authority.key.get(), EVP_sha256());
  return server;
}

void write_certificate(const Identity& identity, const std::string& path) {
  const std::unique_ptr<std::FILE, decltype(&std::fclose)> file(std::fopen(path.c_str(), "w"), &std::fclose);
  check(file != nullptr && PEM_write_X509(file.get(), identity.certificate.get()) == 1, "the certificate is written");
}

}  // namespace tether::test
