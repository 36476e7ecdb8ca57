#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "tether/tls/trust.h"

/// For the sources of this library only.
namespace tether::tls {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using CertPtr = std::unique_ptr<X509, Freed<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;

/// Our own certificate, what it was signed by, and its key.
struct OwnCert {
  CertPtr leaf;
  std::vector<CertPtr> chain;
  KeyPtr key;
};
std::variant<OwnCert, Flaw> read_own_cert(const std::string& cert_file, const std::string& key_file);

/// The certificates of one PEM file, or of every regular file of a folder; at least one.
std::variant<std::vector<CertPtr>, Flaw> read_authorities(const std::string& path);

/// Changes when a file, or a file of a folder, does. A part that cannot be looked at is empty.
std::string fingerprint_of(const std::string& path);

std::optional<Instant> expiry_of(const X509* certificate);
Pin pin_of(const X509* certificate);

}  // namespace tether::tls
