#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace tether::net::testing {

using KeyPtr = std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)>;
using CertPtr = std::unique_ptr<X509, void (*)(X509*)>;

/// A certificate and its key, made in memory.
struct Identity {
  KeyPtr key{nullptr, EVP_PKEY_free};
  CertPtr certificate{nullptr, X509_free};
};

/// A throw-away authority. Its certificate as a PEM file lives as long as it does.
class Authority {
 public:
  Authority();
  ~Authority();
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  const std::string& ca_file() const { return ca_file_; }
  /// `names`: e.g. "DNS:localhost,IP:127.0.0.1". Valid from an hour ago for `valid_for_s` seconds from now (may be
  /// below 0).
  Identity issue(const std::string& names, long valid_for_s = 3600) const;

 private:
  Identity self_;
  std::string folder_;
  std::string ca_file_;
};

}  // namespace tether::net::testing
