#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace tether::test {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

/// A certificate and its key; an authority signs others.
struct Identity {
  Key key{nullptr, &EVP_PKEY_free};
  Certificate certificate{nullptr, &X509_free};
};

Identity make_authority(const std::string& name);
/// `alternative_names` as OpenSSL writes them: `DNS:localhost,IP:127.0.0.1`.
Identity make_server(const Identity& authority, const std::string& alternative_names, bool expired = false);
/// Writes a PEM file.
void write_certificate(const Identity& identity, const std::string& path);

}  // namespace tether::test
