#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tether/base/secret.h"
#include "tether/base/time.h"
#include "tether/net/loop.h"
#include "tether/proxy/choice.h"

namespace tether::tls {
class Trust;
}

namespace tether::net {

/// Most bytes that may wait to be sent. A peer that takes in nothing is cut off there.
inline constexpr std::size_t kMaxSendBuffer = 8UL * 1024 * 1024;
/// How long after our close frame the peer's is awaited before the connection is cut.
inline constexpr Duration kCloseTimeout = 2s;

struct DialTarget {
  std::string host;  ///< A name or an IP address, IPv6 without brackets.
  std::uint16_t port = 0;
  std::string path;  ///< Begins with a slash.
  bool tls = true;
  std::optional<proxy::Proxy> proxy = {};           ///< The way there; nullopt: directly.
  Secret token;                                     ///< Goes into the `api-key` header and nowhere else.
  Duration dial_timeout = 10s;                      ///< For name, TCP (all addresses), TLS and upgrade together.
  std::size_t max_frame_bytes = 2UL * 1024 * 1024;  ///< Largest message that is read.
};

/// Why there is no connection (any more).
enum class SocketError {
  Dns,      ///< The name did not resolve.
  Refused,  ///< Nobody listens there, or no way there.
  Timeout,
  Tls,     ///< Handshake or certificate; the message says which check failed.
  Reset,   ///< Broken without a goodbye.
  Closed,  ///< A close frame, an orderly end of the stream, or ended by us at a limit.
  Http,    ///< An HTTP answer that is no upgrade, or none that can be read.
};

struct DialProblem {
  SocketError error = SocketError::Closed;
  int http_status = 0;                  ///< 0: no HTTP answer.
  std::optional<Duration> retry_after;  ///< From the `Retry-After` header, in seconds or as a date.
  std::string message;                  ///< Names address or host and what is wrong, without secrets.
  bool was_reached = false;             ///< A TCP connection was accepted.
};

struct SocketEnd {
  SocketError error = SocketError::Closed;
  int code = 1006;      ///< Close code of the peer's frame; 1006: none came. 1009: a message was above our limit.
  std::string message;  ///< The close frame's reason, or the error's text.
};

/// Every member must be set. All are called on the loop thread, none inside a call of the client's methods, and none
/// after the client is destroyed. Exactly one of `on_open` and `on_failed` comes, and `on_closed` exactly once after
/// `on_open`. Any of them may destroy the client.
struct SocketCallbacks {
  std::function<void()> on_open;
  std::function<void(const DialProblem&)> on_failed;
  std::function<void(std::string_view text)> on_message;  ///< A whole text or binary message.
  std::function<void()> on_ping;                          ///< Answered by the client itself.
  std::function<void(std::string_view payload)> on_pong;
  std::function<void(const SocketEnd&)> on_closed;
};

/// One WebSocket connection as a client, from the name lookup to its end: make another object for another connection.
/// Loop thread only. Destroying it cuts what is left of it.
class WebSocketClient {
 public:
  /// Dials at once. `trust` is not used for a target without TLS and may be shared by many.
  WebSocketClient(Loop& loop, tls::Trust& trust, DialTarget target, SocketCallbacks callbacks);
  ~WebSocketClient();
  WebSocketClient(const WebSocketClient&) = delete;
  WebSocketClient& operator=(const WebSocketClient&) = delete;

  bool is_open() const;
  /// When the server's certificate ends, for as long as the connection is open. nullopt: without TLS.
  std::optional<Instant> server_expiry() const;

  /// Queue a frame. Without effect unless open.
  void send_text(std::string_view text);
  /// `payload` at most 125 bytes.
  void send_ping(std::string_view payload);

  /// Sends a close frame and waits for the answer, at most kCloseTimeout; `on_closed` tells the end. While still
  /// dialling the dial is dropped without a callback.
  void close(int code, std::string_view reason);

  /// The bytes that wait to be sent.
  std::size_t buffered_bytes() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  ///< Shared with the operations under way, which end one turn after the handle.
};

}  // namespace tether::net
