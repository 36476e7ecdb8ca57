#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "tether/http/dial.h"
#include "tether/http/problem.h"

struct ssl_st;

namespace tether::tls {
class Trust;
}

namespace tether::http {

struct FreeTls {
  void operator()(ssl_st* session) const noexcept;
};
using TlsSession = std::unique_ptr<ssl_st, FreeTls>;

/// The handshake as a client over a connected, non-blocking socket: chain and name (or IP address) verified, and all
/// else that `trust` asks for as it is now.
std::variant<TlsSession, Problem> start_tls(int fd, const std::string& host, tls::Trust& trust,
                                            const DialLimits& limits);

/// What OpenSSL's calls left in this thread's error queue, as one sentence part; empties the queue.
std::string tls_error_text();

}  // namespace tether::http
