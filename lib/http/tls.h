#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "tether/http/dial.h"
#include "tether/http/problem.h"

struct ssl_st;

namespace tether::http {

struct FreeTls {
  void operator()(ssl_st* session) const noexcept;
};
using TlsSession = std::unique_ptr<ssl_st, FreeTls>;

/// The handshake as a client over a connected, non-blocking socket: TLS 1.2 or newer, chain and name (or IP address)
/// verified. The context is made for each connection, so that a changed CA file counts from the next one on and an idle
/// client holds none. `ca_file` empty: the system's authorities.
std::variant<TlsSession, Problem> start_tls(int fd, const std::string& host, const std::string& ca_file,
                                            const DialLimits& limits);

/// What OpenSSL's calls left in this thread's error queue, as one sentence part; empties the queue.
std::string tls_error_text();

}  // namespace tether::http
