#include "tether/net/websocket.h"

#include <algorithm>
#include <asio/post.hpp>
#include <chrono>
#include <utility>
#include <websocketpp/client.hpp>
#include <websocketpp/concurrency/none.hpp>
#include <websocketpp/config/core_client.hpp>
#include <websocketpp/logger/stub.hpp>

#include "tether/base/authority.h"
#include "tether/net/loop_impl.h"
#include "tether/net/stream.h"
#include "tether/tls/trust.h"

namespace tether::net {
namespace {

namespace wire = websocketpp;

/// websocketpp as a protocol engine alone: bytes in, bytes out. The stream, its time limits and its errors are ours,
/// which leaves one instantiation for TLS and plain TCP alike, and no thread, lock or log inside.
struct EngineConfig : wire::config::core_client {
  using type = EngineConfig;
  using concurrency_type = wire::concurrency::none;
  using elog_type = wire::log::stub;
  using alog_type = wire::log::stub;
  using rng_type = wire::random::random_device::int_generator<std::uint32_t, concurrency_type>;
  struct transport_config : wire::config::core_client::transport_config {
    using concurrency_type = type::concurrency_type;
    using elog_type = type::elog_type;
    using alog_type = type::alog_type;
  };
  using transport_type = wire::transport::iostream::endpoint<transport_config>;
};
using Engine = wire::client<EngineConfig>;

/// What websocketpp gives as a close code while no close frame has come.
constexpr int kNoCloseFrame = wire::close::status::abnormal_close;

std::string address_of(const DialTarget& target) {
  return authority(target.host, target.port);
}

bool fits_in_header(const std::string& value) {
  return std::all_of(value.begin(), value.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

Instant wall_clock() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(now).count()};
}

}  // namespace

struct WebSocketClient::Impl : std::enable_shared_from_this<WebSocketClient::Impl> {
  enum class Phase { Dialling, Upgrading, Open, Closing, Over };

  Impl(Loop& l, DialTarget t, SocketCallbacks c)
      : loop(l), target(std::move(t)), callbacks(std::move(c)), timer(l, [this] { on_timer(); }) {}

  ~Impl() {
    phase = Phase::Over;
    // An engine that waits for bytes holds itself; the end of the stream frees it.
    if (connection) connection->eof();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void start(tls::Trust& trust) {
    timer.arm(Clock::now() + target.dial_timeout);
    if (!fits_in_header(target.token.reveal())) {
      return fail_later({SocketError::Http, 0, std::nullopt, "the token has characters that no header can carry"});
    }
    std::shared_ptr<ssl_ctx_st> context;
    if (target.tls) {
      auto made = trust.context();
      if (!made) return fail_later({SocketError::Tls, 0, std::nullopt, made.error().message});
      context = *made;
    }
    StreamCallbacks from_stream;
    from_stream.on_connected = [this] { upgrade(); };
    from_stream.on_bytes = [this](std::string_view bytes) { feed(bytes); };
    from_stream.on_end = [this](const StreamEnd& end) { on_stream_end(end); };
    // The stream is cut before we go, and says nothing after that.
    stream = std::make_shared<Stream>(loop, target.host, target.port, std::move(from_stream));
    if (target.proxy) stream->go_through(*target.proxy);
    stream->connect(context);
  }

  // ---- Dialling

  void upgrade() {
    phase = Phase::Upgrading;
    engine.set_secure(target.tls);
    engine.set_user_agent("tetherd");
    engine.set_max_message_size(target.max_frame_bytes);
    wire::lib::error_code error;
    const auto uri = std::make_shared<wire::uri>(target.tls, bracketed(target.host), target.port, target.path);
    connection = engine.get_connection(uri, error);
    if (error) return fail({SocketError::Http, 0, std::nullopt, "the address cannot be used: " + error.message()});
    if (!target.token.empty()) connection->append_header("api-key", target.token.reveal());

    connection->set_write_handler([this](const wire::connection_hdl&, const char* bytes, std::size_t count) {
      return send({bytes, count});
    });
    connection->set_open_handler([this](const wire::connection_hdl&) { on_open(); });
    connection->set_fail_handler([this](const wire::connection_hdl&) { on_refused(); });
    connection->set_message_handler([this](const wire::connection_hdl&, const Engine::message_ptr& message) {
      if (phase == Phase::Open) callbacks.on_message(message->get_payload());
    });
    connection->set_ping_handler([this](const wire::connection_hdl&, const std::string&) {
      if (phase == Phase::Open) callbacks.on_ping();
      return phase == Phase::Open;
    });
    connection->set_pong_handler([this](const wire::connection_hdl&, const std::string& payload) {
      if (phase == Phase::Open) callbacks.on_pong(payload);
    });
    engine.connect(connection);
  }

  void on_open() {
    if (phase != Phase::Upgrading) return;
    phase = Phase::Open;
    timer.cancel();
    callbacks.on_open();
  }

  void on_refused() {
    if (phase != Phase::Upgrading) return;
    const int status = static_cast<int>(connection->get_response_code());
    if (status == 0) {
      return fail({SocketError::Http, 0, std::nullopt, address_of(target) + " does not answer in HTTP"});
    }
    const std::string what = status == 101 ? "with an upgrade that is not valid: " + connection->get_ec().message()
                                           : "with HTTP " + std::to_string(status);
    fail({SocketError::Http, status, parse_retry_after(connection->get_response_header("Retry-After"), wall_clock()),
          address_of(target) + " answered the dial " + what});
  }

  void fail_later(DialProblem problem) {
    asio::post(loop.impl().io, [self = shared_from_this(), problem = std::move(problem)] { self->fail(problem); });
  }

  void fail(const DialProblem& problem) {
    if (phase == Phase::Over) return;
    DialProblem told = problem;
    told.was_reached = stream && stream->was_reached();
    become_over();
    callbacks.on_failed(told);
  }

  // ---- Open

  wire::lib::error_code send(std::string_view bytes) {
    if (stream->queued_bytes() + bytes.size() > kMaxSendBuffer) {
      // Not from inside a call of the client's methods.
      asio::post(loop.impl().io, [self = shared_from_this()] {
        self->end({SocketError::Closed, kNoCloseFrame, "the peer takes in nothing: too much waits to be sent"});
      });
      return wire::transport::error::make_error_code(wire::transport::error::pass_through);
    }
    stream->write(bytes);
    return {};
  }

  void feed(std::string_view bytes) {
    if (phase == Phase::Over) return;
    connection->read_all(bytes.data(), bytes.size());
    const bool was_open = phase == Phase::Open || phase == Phase::Closing;
    if (!was_open || connection->get_state() == wire::session::state::open) return;
    if (connection->get_remote_close_code() != kNoCloseFrame) {
      return end({SocketError::Closed, connection->get_remote_close_code(), connection->get_remote_close_reason()});
    }
    if (phase == Phase::Closing) return;
    // Nobody asked for it: the engine has refused what it read.
    const int code = connection->get_local_close_code();
    const bool oversize = code == wire::close::status::message_too_big;
    end({SocketError::Closed, oversize ? code : kNoCloseFrame,
         "hung up on a frame that is not accepted: " + connection->get_local_close_reason()});
  }

  void close(int code, std::string_view reason) {
    if (phase == Phase::Dialling || phase == Phase::Upgrading) return cut();
    if (phase != Phase::Open) return;
    phase = Phase::Closing;
    timer.arm(Clock::now() + kCloseTimeout);
    wire::lib::error_code ignored;  // A frame that cannot be sent is a connection that is ending already.
    connection->close(static_cast<wire::close::status::value>(code), std::string(reason), ignored);
  }

  void on_stream_end(const StreamEnd& how) {
    if (phase == Phase::Open || phase == Phase::Closing) return end({how.error, kNoCloseFrame, how.message});
    fail({how.error, 0, std::nullopt,
          phase == Phase::Upgrading ? address_of(target) + " hung up on the dial: " + how.message : how.message});
  }

  void on_timer() {
    if (phase == Phase::Closing) {
      return end({SocketError::Timeout, kNoCloseFrame, "no answer to the close frame"});
    }
    const std::string doing = phase == Phase::Upgrading || !stream ? "the answer to the upgrade" : stream->doing();
    fail({SocketError::Timeout, 0, std::nullopt, address_of(target) + ": the dial took too long at " + doing});
  }

  void end(const SocketEnd& how) {
    if (phase == Phase::Over) return;
    become_over();
    callbacks.on_closed(how);
  }

  void become_over() {
    phase = Phase::Over;
    timer.cancel();
    // What was queued last is our answer to a close frame.
    if (stream) stream->cut_when_written();
  }

  void cut() {
    phase = Phase::Over;
    timer.cancel();
    if (stream) stream->cut();
  }

  Loop& loop;
  DialTarget target;
  SocketCallbacks callbacks;
  Timer timer;
  Phase phase = Phase::Dialling;
  std::shared_ptr<Stream> stream;  ///< Shared with its own operations under way.
  Engine engine;
  Engine::connection_ptr connection;
};

WebSocketClient::WebSocketClient(Loop& loop, tls::Trust& trust, DialTarget target, SocketCallbacks callbacks)
    : impl_(std::make_shared<Impl>(loop, std::move(target), std::move(callbacks))) {
  impl_->start(trust);
}

WebSocketClient::~WebSocketClient() {
  impl_->cut();
  // We may be inside one of its callbacks: it goes when the loop is back.
  asio::post(impl_->loop.impl().io, [impl = impl_] {});
}

bool WebSocketClient::is_open() const {
  return impl_->phase == Impl::Phase::Open;
}

std::optional<Instant> WebSocketClient::server_expiry() const {
  return is_open() ? impl_->stream->server_expiry() : std::nullopt;
}

void WebSocketClient::send_text(std::string_view text) {
  if (!is_open()) return;
  // An error is one of the stream, which tells the end by itself.
  impl_->connection->send(text.data(), text.size(), wire::frame::opcode::text);
}

void WebSocketClient::send_ping(std::string_view payload) {
  if (!is_open()) return;
  wire::lib::error_code ignored;  // As above.
  impl_->connection->ping(std::string(payload), ignored);
}

void WebSocketClient::close(int code, std::string_view reason) {
  impl_->close(code, reason);
}

std::size_t WebSocketClient::buffered_bytes() const {
  return impl_->stream ? impl_->stream->queued_bytes() : 0;
}

}  // namespace tether::net
