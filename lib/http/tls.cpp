#include "tether/http/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>

#include <array>

#include "tether/http/socket_bio.h"
#include "tether/tls/authorities.h"

namespace tether::http {

namespace {

using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;

Problem tls_problem(const std::string& host, const std::string& what) {
  return Problem{Fault::Tls, host + ": TLS: " + what};
}

bool expect_host(SSL* session, const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> ignored{};
  const bool is_address = ::inet_pton(AF_INET, host.c_str(), ignored.data()) == 1 ||
                          ::inet_pton(AF_INET6, host.c_str(), ignored.data()) == 1;
  if (is_address) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host.c_str()) == 1;
  SSL_set_hostflags(session, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (SSL_set1_host(session, host.c_str()) != 1) return false;
  // What the macro SSL_set_tlsext_host_name does; the name is copied.
  std::string name = host;
  return SSL_ctrl(session, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()) == 1;
}

Problem handshake_problem(SSL* session, const std::string& host, int ssl_error) {
  if (const long verified = SSL_get_verify_result(session); verified != X509_V_OK) {
    ERR_clear_error();
    return tls_problem(host, std::string("certificate: ") + X509_verify_cert_error_string(verified));
  }
  if (ssl_error == SSL_ERROR_SYSCALL) {
    ERR_clear_error();
    return Problem{Fault::Reset, host + ": TLS: the connection broke during the handshake"};
  }
  const std::string text = tls_error_text();
  return tls_problem(host, text.empty() ? "the handshake was ended" : text);
}

std::optional<Problem> shake_hands(SSL* session, int fd, const std::string& host, const DialLimits& limits) {
  for (;;) {
    ERR_clear_error();
    const int result = SSL_connect(session);
    if (result == 1) return std::nullopt;
    const int error = SSL_get_error(session, result);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) return handshake_problem(session, host, error);
    switch (wait_for(fd, error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, limits)) {
      case Ready::TimedOut:
        return Problem{Fault::Timeout, host + ": TLS: no handshake within the limit"};
      case Ready::Cancelled:
        return Problem{Fault::Cancelled, host + ": cancelled"};
      case Ready::Yes:
        break;
    }
  }
}

}  // namespace

void FreeTls::operator()(ssl_st* session) const noexcept {
  SSL_free(session);
}

std::string tls_error_text() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return {};
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "error " + std::to_string(code);
}

std::variant<TlsSession, Problem> start_tls(int fd, const std::string& host, const std::string& ca_file,
                                            const DialLimits& limits) {
  ERR_clear_error();
  const Context context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
  if (!context) return tls_problem(host, tls_error_text());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  if (ca_file.empty()) {
    tls::trust_system_authorities(context.get());
  } else if (SSL_CTX_load_verify_file(context.get(), ca_file.c_str()) != 1) {
    return tls_problem(host, "cannot read " + ca_file + ": " + tls_error_text());
  }
  TlsSession session(SSL_new(context.get()));
  if (!session) return tls_problem(host, tls_error_text());
  BIO* bio = new_socket_bio(fd);
  if (bio == nullptr) return tls_problem(host, tls_error_text());
  SSL_set_bio(session.get(), bio, bio);
  if (!expect_host(session.get(), host)) return tls_problem(host, "this name cannot be verified");
  if (auto problem = shake_hands(session.get(), fd, host, limits)) return std::move(*problem);
  return session;
}

}  // namespace tether::http
