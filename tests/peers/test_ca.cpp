#include "tether/peers/test_ca.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <memory>

#include "tether/base/check.h"

namespace tether::peers {
namespace {

constexpr long kHour = 3600;

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Bio = std::unique_ptr<BIO, Freed<BIO_free_all>>;

void must(bool done) {
  check(done, "OpenSSL makes test certificates");
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string pem(X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  must(PEM_write_bio_X509(bio.get(), certificate) == 1);
  return text_of(bio.get());
}

std::string pem(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  must(PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return text_of(bio.get());
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  must(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

/// A certificate for `key` with everything but its issuer, extensions and signature.
Certificate started(EVP_PKEY* key, const std::string& name, long from_s, long to_s) {
  Certificate certificate(X509_new());
  constexpr long kVersion3 = 2;
  X509_set_version(certificate.get(), kVersion3);
  std::array<unsigned char, 8> serial{};
  must(RAND_bytes(serial.data(), serial.size()) == 1);
  serial[0] = static_cast<unsigned char>(serial[0] & 0x7FU);
  BIGNUM* number = BN_bin2bn(serial.data(), serial.size(), nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate.get()));
  BN_free(number);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), from_s);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), to_s);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return certificate;
}

bool is_address(const std::string& name) {
  return name.find(':') != std::string::npos || name.find_first_not_of("0123456789.") == std::string::npos;
}

}  // namespace

TestCa::TestCa() {
  const Key key(EVP_EC_gen("P-256"));
  must(key != nullptr);
  const Certificate ca = started(key.get(), "Test authority", -kHour, 2 * kTestCertificateHours * kHour);
  X509_set_issuer_name(ca.get(), X509_get_subject_name(ca.get()));
  add_extension(ca.get(), ca.get(), NID_basic_constraints, "critical,CA:TRUE");
  add_extension(ca.get(), ca.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  add_extension(ca.get(), ca.get(), NID_subject_key_identifier, "hash");
  must(X509_sign(ca.get(), key.get(), EVP_sha256()) > 0);
  ca_ = {pem(ca.get()), pem(key.get())};
}

PemPair TestCa::issue(const std::vector<std::string>& names, int hours) const {
  const Bio ca_text(BIO_new_mem_buf(ca_.certificate.data(), static_cast<int>(ca_.certificate.size())));
  const Bio key_text(BIO_new_mem_buf(ca_.key.data(), static_cast<int>(ca_.key.size())));
  const Certificate ca(PEM_read_bio_X509(ca_text.get(), nullptr, nullptr, nullptr));
  const Key ca_key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr));
  must(ca != nullptr && ca_key != nullptr);

  std::string alternatives;
  for (const std::string& name : names) {
    alternatives += (alternatives.empty() ? "" : ",") + std::string(is_address(name) ? "IP:" : "DNS:") + name;
  }
  const Key key(EVP_EC_gen("P-256"));
  const long begins = hours < 0 ? 2 * hours * kHour : -kHour;
  const Certificate certificate = started(key.get(), names.front(), begins, hours * kHour);
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(ca.get()));
  add_extension(certificate.get(), ca.get(), NID_basic_constraints, "critical,CA:FALSE");
  add_extension(certificate.get(), ca.get(), NID_ext_key_usage, "serverAuth,clientAuth");
  add_extension(certificate.get(), ca.get(), NID_subject_alt_name, alternatives);
  add_extension(certificate.get(), ca.get(), NID_authority_key_identifier, "keyid");
  must(X509_sign(certificate.get(), ca_key.get(), EVP_sha256()) > 0);
  return {pem(certificate.get()), pem(key.get())};
}

TestCaFiles write_test_ca(const std::string& folder, int hours) {
  const TestCa ca;
  const PemPair server = ca.issue({"localhost", "127.0.0.1", "::1"}, hours);
  const auto write = [&folder](const std::string& name, const std::string& content) {
    const std::string path = folder + "/" + name;
    std::ofstream(path, std::ios::binary) << content;
    return path;
  };
  TestCaFiles files;
  files.ca_file = write("ca.pem", ca.certificate());
  files.certificate_file = write("server.pem", server.certificate);
  files.key_file = write("server.key", server.key);
  std::filesystem::permissions(files.key_file,
                               std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  return files;
}

}  // namespace tether::peers
