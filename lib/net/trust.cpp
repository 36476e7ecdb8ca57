#include "tether/net/trust.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include <array>

#include "tether/net/trust_impl.h"
#include "tether/tls/authorities.h"

namespace tether::net {
namespace {

/// `http/1.1`, and nothing else: a server that may choose `h2` would, and cannot upgrade from there.
constexpr std::array<unsigned char, 9> kAlpn = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

/// Changes when the file does; empty when it cannot be looked at.
std::string file_fingerprint(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return {};
  return std::to_string(info.st_dev) + ':' + std::to_string(info.st_ino) + ':' + std::to_string(info.st_size) + ':' +
         std::to_string(info.st_mtim.tv_sec) + '.' + std::to_string(info.st_mtim.tv_nsec);
}

std::string openssl_reason() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  return reason != nullptr ? reason : "unknown error";
}

}  // namespace

Trust::Trust(std::string ca_file) : ca_file_(std::move(ca_file)) {}
Trust::~Trust() = default;

Result<std::shared_ptr<Trust::Context>> Trust::context() {
  const std::string fingerprint = ca_file_.empty() ? std::string() : file_fingerprint(ca_file_);
  if (context_ && fingerprint == fingerprint_) return context_;

  auto context = std::make_shared<Context>();
  SSL_CTX* const handle = context->tls.native_handle();
  SSL_CTX_set_min_proto_version(handle, TLS1_2_VERSION);
  SSL_CTX_set_alpn_protos(handle, kAlpn.data(), kAlpn.size());
  SSL_CTX_set_verify(handle, SSL_VERIFY_PEER, nullptr);
  // Idle connections give their buffers back, and a session is never resumed by a later dial.
  SSL_CTX_set_mode(handle, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(handle, SSL_SESS_CACHE_OFF);
  if (ca_file_.empty()) {
    tls::trust_system_authorities(handle);
  } else {
    ERR_clear_error();
    if (SSL_CTX_load_verify_file(handle, ca_file_.c_str()) != 1) {
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
