#pragma once

#include <array>
#include <asio/ip/tcp.hpp>
#include <asio/ssl/context.hpp>
#include <asio/ssl/stream.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tether/net/lookup.h"
#include "tether/net/loop.h"
#include "tether/net/race.h"
#include "tether/net/websocket.h"
#include "tether/proxy/connect.h"

struct ssl_ctx_st;

namespace tether::net {

/// Why a stream could not be had, or ended.
struct StreamEnd {
  SocketError error = SocketError::Closed;
  std::string message;
};

/// What the stream tells. None is called after `cut`.
struct StreamCallbacks {
  std::function<void()> on_connected;
  std::function<void(std::string_view bytes)> on_bytes;
  std::function<void(const StreamEnd& end)> on_end;  ///< Once, as the last one, connected or not.
};

/// A byte stream to a server, over TCP or TLS: looks the name up, takes the address that answers first, shakes hands,
/// then carries bytes. Loop thread only. For the sources of this library only.
class Stream : public std::enable_shared_from_this<Stream> {  // Shared with the operations under way.
 public:
  Stream(Loop& loop, std::string host, std::uint16_t port, StreamCallbacks callbacks);

  /// Asks this proxy for the way. Before connect().
  void go_through(const proxy::Proxy& proxy) { proxy_ = proxy; }
  /// `context` null: without TLS. No time limit is watched here.
  void connect(const std::shared_ptr<ssl_ctx_st>& context);
  /// Queues bytes; order is kept.
  void write(std::string_view bytes);
  std::size_t queued_bytes() const { return queued_.size() + writing_.size(); }
  /// Ends the stream once everything queued is with the kernel. No callback after this.
  void cut_when_written();
  void cut();

  /// What is being done until connected, to say what took too long.
  const std::string& doing() const { return doing_; }
  /// When the certificate ends that the server has shown. nullopt: without TLS.
  std::optional<Instant> server_expiry() const;
  /// A connection was accepted, whatever came of it.
  bool was_reached() const { return was_reached_; }
  /// What the name led to; empty before that is known.
  const Lookup::Endpoints& addresses() const { return addresses_; }

 private:
  using Tls = asio::ssl::stream<asio::ip::tcp::socket&>;

  void connect_to(const Lookup::Endpoints& addresses);
  void on_tcp_connected();
  void ask_proxy();
  void read_proxy();
  void on_way_open();
  void handshake();
  void on_handshake(const asio::error_code& error);
  void start_reading();
  void on_read(const asio::error_code& error, std::size_t count);
  void start_writing();
  void on_written(const asio::error_code& error);
  void end(const StreamEnd& how);

  Loop& loop_;
  std::string host_;
  std::uint16_t port_;
  StreamCallbacks callbacks_;
  std::optional<asio::ssl::context> context_;  ///< The one that was given, shared with others.
  std::optional<proxy::Proxy> proxy_;
  std::optional<proxy::ConnectAnswer> way_;  ///< While the proxy is asked.
  std::string doing_;

  std::optional<Lookup> lookup_;
  Lookup::Endpoints addresses_;
  std::optional<Race> race_;

  asio::ip::tcp::socket socket_;
  std::optional<Tls> tls_;
  std::array<char, 8192> read_buffer_{};
  std::string queued_;   ///< Not with the kernel yet, after `writing_`.
  std::string writing_;  ///< Being written: must not change meanwhile.
  bool was_reached_ = false;
  bool is_cut_ = false;
  bool cut_when_written_ = false;
};

}  // namespace tether::net
