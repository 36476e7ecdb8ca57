#include "tether/http/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>

#include "tether/http/socket_bio.h"
#include "tether/tls/trust.h"

namespace tether::http {

namespace {

Problem tls_problem(const std::string& host, const std::string& what) {
  return Problem{Fault::Tls, host + ": TLS: " + what};
}

Problem handshake_problem(SSL* session, const std::string& host, int ssl_error) {
  if (const std::string why_not = tls::why_not_verified(session); !why_not.empty()) {
    ERR_clear_error();
    return tls_problem(host, "certificate: " + why_not);
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
  return tls::error_text(code);
}

std::variant<TlsSession, Problem> start_tls(int fd, const std::string& host, tls::Trust& trust,
                                            const DialLimits& limits) {
  const auto context = trust.context();
  if (!context) return tls_problem(host, context.error().message);
  ERR_clear_error();
  TlsSession session(SSL_new(context->get()));
  if (!session) return tls_problem(host, tls_error_text());
  BIO* bio = new_socket_bio(fd);
  if (bio == nullptr) return tls_problem(host, tls_error_text());
  SSL_set_bio(session.get(), bio, bio);
  if (!tls::expect_host(session.get(), host)) return tls_problem(host, "this name cannot be verified");
  if (auto problem = shake_hands(session.get(), fd, host, limits)) return std::move(*problem);
  return session;
}

}  // namespace tether::http
