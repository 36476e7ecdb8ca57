#include "tether/net/trust.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "tether/net/trust_impl.h"

namespace tether::net {
namespace {

/// `http/1.1`, and nothing else: a server that may choose `h2` would, and cannot upgrade from there.
constexpr std::array<unsigned char, 9> kAlpn = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

/// Changes when the file does; empty when it cannot be looked at.
std::string fingerprint_of(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return {};
  return std::to_string(info.st_dev) + ':' + std::to_string(info.st_ino) + ':' + std::to_string(info.st_size) + ':' +
         std::to_string(info.st_mtim.tv_sec) + '.' + std::to_string(info.st_mtim.tv_nsec);
}

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

/// The hashed folder is read on demand, one certificate per chain; the bundle would stay in memory as a whole. It is
/// loaded only where there is no such folder, or where SSL_CERT_FILE asks for it.
void load_system_authorities(SSL_CTX* context) {
  const std::string folder = or_default(X509_get_default_cert_dir_env(), X509_get_default_cert_dir());
  const std::string file = or_default(X509_get_default_cert_file_env(), "");
  const bool hashed = is_hashed_folder(folder);
  if (hashed) SSL_CTX_load_verify_dir(context, folder.c_str());
  if (!file.empty()) SSL_CTX_load_verify_file(context, file.c_str());
  if (!hashed && file.empty()) SSL_CTX_set_default_verify_paths(context);
  ERR_clear_error();  // Without authorities every handshake fails, with a message of its own.
}

std::string openssl_reason() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  return reason != nullptr ? reason : "unknown error";
}

}  // namespace

Trust::Trust(std::string ca_file) : ca_file_(std::move(ca_file)) {}
Trust::~Trust() = default;

Result<std::shared_ptr<Trust::Context>> Trust::context() {
  const std::string fingerprint = ca_file_.empty() ? std::string() : fingerprint_of(ca_file_);
  if (context_ && fingerprint == fingerprint_) return context_;

  auto context = std::make_shared<Context>();
  SSL_CTX* const tls = context->tls.native_handle();
  SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
  SSL_CTX_set_alpn_protos(tls, kAlpn.data(), kAlpn.size());
  SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, nullptr);
  // Idle connections give their buffers back, and a session is never resumed by a later dial.
  SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
  if (ca_file_.empty()) {
    load_system_authorities(tls);
  } else {
    ERR_clear_error();
    if (SSL_CTX_load_verify_file(tls, ca_file_.c_str()) != 1) {
      const std::string reason = openssl_reason();
      ERR_clear_error();
      return fail(ErrorKind::Retry, "the CA file " + ca_file_ + " cannot be used: " + reason);
    }
  }
  context_ = std::move(context);
  fingerprint_ = fingerprint;
  return context_;
}

}  // namespace tether::net
