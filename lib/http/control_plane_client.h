#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "tether/base/result.h"
#include "tether/base/secret.h"
#include "tether/base/time.h"
#include "tether/http/problem.h"
#include "tether/proxy/choice.h"

namespace tether::tls {
class Trust;
}

namespace tether::http {

/// Most that is read of an answer that is no success, for its message.
inline constexpr std::size_t kMaxMessageBytes = std::size_t{4} * 1024;

struct ControlPlaneOptions {
  std::string host;  ///< A name or an IP address, IPv6 without brackets.
  std::uint16_t port = 0;
  bool tls = true;
  std::optional<proxy::Proxy> proxy;  ///< The way there; nullopt: directly.
  std::shared_ptr<tls::Trust> trust;  ///< Shared with all other connections. Not needed without TLS.
  std::string rest_base;              ///< Begins with a slash and does not end in one; put before every path.
  Duration connect_timeout = 10s;  ///< For TCP over all addresses and TLS together. The name's lookup is the system's.
  Duration read_timeout = 30s;     ///< Without a byte, either way.
  Duration total_limit = 120s;     ///< For one call, from its start to the end of its body.
};

struct RestCall {
  std::string method = "GET";  ///< GET or POST.
  std::string path = {};       ///< Below the base, with its query, percent-encoded.
  std::string body = {};
  std::string content_type = {};  ///< Empty: no body.
  std::string accept = "application/json";
  std::size_t max_answer_bytes = std::size_t{4} * 1024 * 1024;  ///< The longest body of a success answer; see call().
};

struct RestAnswer {
  int status = 0;
  std::string date;                     ///< The `Date` header as received, or empty.
  std::optional<Duration> retry_after;  ///< From `Retry-After`; a date counts from `Date`.
  std::string message;                  ///< Of an answer that is no success: its body's first kMaxMessageBytes.

  bool is_success() const { return status >= 200 && status < 300; }
};

using RestOutcome = std::variant<RestAnswer, Problem>;

/// Requests to the control plane's REST interface, over one connection that is kept. Certificates and the host's name
/// are always verified, as `trust` asks for; no redirect is followed. Blocking: one object per
/// worker thread, which makes all calls; cancel() from any thread.
class ControlPlaneClient {
 public:
  /// Gets a success body in pieces as they arrive. Its error ends the call with Fault::Receiver.
  using OnChunk = std::function<Result<Done>(std::string_view chunk)>;

  explicit ControlPlaneClient(ControlPlaneOptions options);
  ~ControlPlaneClient();
  ControlPlaneClient(const ControlPlaneClient&) = delete;
  ControlPlaneClient& operator=(const ControlPlaneClient&) = delete;

  /// `token` goes into the `api-key` header. An answer with any status is an answer. A kept connection that the server
  /// had closed is replaced once, unseen; `on_chunk` has then not been called yet. A success
  /// body over the call's limit is Fault::Http; `on_chunk` is given the piece that passes it, and may say more.
  RestOutcome call(const RestCall& call, const Secret& token, const OnChunk& on_chunk);

  /// Ends the call under way, and every later one at once, with Fault::Cancelled. For the daemon's end.
  void cancel();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tether::http
