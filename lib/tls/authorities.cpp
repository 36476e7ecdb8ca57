#include "tether/tls/authorities.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace tether::tls {
namespace {

std::string or_default(const char* variable, const char* fallback) {
  const char* value = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): nothing here sets variables.
  return value != nullptr && *value != '\0' ? value : fallback;
}

/// Whether a folder holds certificates under their hashes (`5ad8a5d6.0`), as OpenSSL looks them up.
bool is_hashed_folder(const std::string& folder) {
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".0") return true;
  }
  return false;
}

}  // namespace

void trust_system_authorities(ssl_ctx_st* context) {
  const std::string folder = or_default(X509_get_default_cert_dir_env(), X509_get_default_cert_dir());
  const std::string file = or_default(X509_get_default_cert_file_env(), "");
  const bool hashed = is_hashed_folder(folder);
  if (hashed) SSL_CTX_load_verify_dir(context, folder.c_str());
  if (!file.empty()) SSL_CTX_load_verify_file(context, file.c_str());
  if (!hashed && file.empty()) SSL_CTX_set_default_verify_paths(context);
  ERR_clear_error();
}

}  // namespace tether::tls
