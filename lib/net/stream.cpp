#include "tether/net/stream.h"

#include <openssl/ssl.h>

#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <asio/post.hpp>
#include <asio/ssl/error.hpp>
#include <asio/write.hpp>
#include <sstream>
#include <utility>

#include "tether/base/authority.h"
#include "tether/net/loop_impl.h"
#include "tether/tls/trust.h"

namespace tether::net {
namespace {

SocketError classify(const asio::error_code& error) {
  if (error == asio::error::eof || error == asio::ssl::error::stream_truncated) return SocketError::Closed;
  if (error == asio::error::timed_out) return SocketError::Timeout;
  const bool refused = error == asio::error::connection_refused || error == asio::error::host_unreachable ||
                       error == asio::error::network_unreachable;
  if (refused) return SocketError::Refused;
  if (error.category() == asio::error::get_ssl_category() ||
      error.category() == asio::ssl::error::get_stream_category()) {
    return SocketError::Tls;
  }
  return SocketError::Reset;
}

std::string text_of(const asio::error_code& error) {
  if (error == asio::error::eof || error == asio::ssl::error::stream_truncated) return "the peer ended the connection";
  if (error.category() == asio::error::get_ssl_category()) {
    return tls::error_text(static_cast<unsigned long>(error.value()));
  }
  return error.message();
}

std::string name_of(const asio::ip::tcp::endpoint& endpoint) {
  std::ostringstream text;
  text << endpoint;
  return text.str();
}

std::string names_of(const Lookup::Endpoints& addresses) {
  std::string names;
  for (const auto& address : addresses) names += (names.empty() ? "" : ", ") + name_of(address);
  return names;
}

/// Before what is done on the way there.
std::string by(const std::optional<proxy::Proxy>& proxy) {
  return proxy ? "the proxy " + proxy->authority() + " (" + proxy->setting + "): " : "";
}

}  // namespace

Stream::Stream(Loop& loop, std::string host, std::uint16_t port, StreamCallbacks callbacks)
    : loop_(loop), host_(std::move(host)), port_(port), callbacks_(std::move(callbacks)), socket_(loop.impl().io) {}

void Stream::connect(const std::shared_ptr<ssl_ctx_st>& context) {
  if (context) {
    SSL_CTX_up_ref(context.get());
    context_.emplace(context.get());
  }
  if (proxy_ && !proxy_->why_unusable.empty()) {
    asio::post(loop_.impl().io, [self = shared_from_this()] {
      self->end({SocketError::Refused, self->proxy_->why_unusable});
    });
    return;
  }
  const std::string& first = proxy_ ? proxy_->host : host_;
  doing_ = by(proxy_) + "looking up " + first;
  lookup_.emplace(
      loop_.impl().io, first, proxy_ ? proxy_->port : port_,
      [self = weak_from_this()](const Lookup::Endpoints& endpoints, const std::string& error) {
        const auto stream = self.lock();
        if (!stream || stream->is_cut_) return;
        if (!error.empty()) {
          const std::string& name = stream->proxy_ ? stream->proxy_->host : stream->host_;
          return stream->end({SocketError::Dns, by(stream->proxy_) + "the name " + name + " was not found: " + error});
        }
        stream->connect_to(endpoints);
      });
}

void Stream::connect_to(const Lookup::Endpoints& addresses) {
  addresses_ = addresses;
  doing_ = by(proxy_) + "connecting to " + names_of(addresses);
  Race::Callbacks callbacks;
  callbacks.on_connected = [self = weak_from_this()](asio::ip::tcp::socket socket) {
    const auto stream = self.lock();
    if (!stream || stream->is_cut_) return;
    stream->socket_ = std::move(socket);
    stream->on_tcp_connected();
  };
  callbacks.on_failed = [self = weak_from_this()](const asio::ip::tcp::endpoint& address,
                                                  const asio::error_code& error) {
    const auto stream = self.lock();
    if (!stream || stream->is_cut_) return;
    const SocketError kind = classify(error);
    stream->end({kind == SocketError::Reset ? SocketError::Refused : kind,
                 by(stream->proxy_) + "connecting to " + name_of(address) + ": " + text_of(error)});
  };
  race_.emplace(loop_, addresses, std::move(callbacks));
}

void Stream::on_tcp_connected() {
  asio::error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  proxy_ ? ask_proxy() : on_way_open();
}

void Stream::ask_proxy() {
  doing_ = "asking the proxy " + proxy_->authority() + " (" + proxy_->setting + ")";
  way_.emplace(*proxy_);
  const auto request =
      std::make_shared<Secret>(proxy::connect_request(*proxy_, authority(host_, port_)));  // Shared with the writing.
  asio::async_write(socket_, asio::buffer(request->reveal()),
                    [self = shared_from_this(), request](const asio::error_code& error, std::size_t /*count*/) {
                      if (self->is_cut_) return;
                      if (error) return self->end({classify(error), self->doing_ + ": " + text_of(error)});
                      self->read_proxy();
                    });
}

void Stream::read_proxy() {
  socket_.async_read_some(
      asio::buffer(read_buffer_), [self = shared_from_this()](const asio::error_code& error, std::size_t count) {
        if (self->is_cut_) return;
        if (error) return self->end({classify(error), self->doing_ + ": " + text_of(error)});
        const auto open = self->way_->feed({self->read_buffer_.data(), count});
        if (!open) {
          const bool no_way = open.error().kind == ErrorKind::Retry;
          return self->end({no_way ? SocketError::Refused : SocketError::Http, open.error().message});
        }
        *open ? self->on_way_open() : self->read_proxy();
      });
}

void Stream::on_way_open() {
  was_reached_ = true;  // A proxy alone is not where we want to go.
  way_.reset();
  if (context_) return handshake();
  callbacks_.on_connected();
  if (!is_cut_) start_reading();
}

void Stream::handshake() {
  doing_ = "the TLS handshake with " + host_;
  tls_.emplace(socket_, *context_);
  if (!tls::expect_host(tls_->native_handle(), host_)) {
    return end({SocketError::Tls, host_ + ": TLS: this name cannot be verified"});
  }
  tls_->async_handshake(Tls::client, [self = shared_from_this()](const asio::error_code& error) {
    if (!self->is_cut_) self->on_handshake(error);
  });
}

void Stream::on_handshake(const asio::error_code& error) {
  if (!error) {
    callbacks_.on_connected();
    if (!is_cut_) start_reading();
    return;
  }
  const std::string why_not = tls::why_not_verified(tls_->native_handle());
  if (!why_not.empty()) {
    return end({SocketError::Tls, "the certificate of " + host_ + " is not accepted: " + why_not});
  }
  end({classify(error), doing_ + ": " + text_of(error)});
}

std::optional<Instant> Stream::server_expiry() const {
  // Of a handle that const forbids to ask for.
  return tls_ ? tls::peer_expiry(const_cast<Tls&>(*tls_).native_handle()) : std::nullopt;
}

void Stream::start_reading() {
  const auto done = [self = shared_from_this()](const asio::error_code& error, std::size_t count) {
    if (!self->is_cut_) self->on_read(error, count);
  };
  if (tls_) {
    tls_->async_read_some(asio::buffer(read_buffer_), done);
  } else {
    socket_.async_read_some(asio::buffer(read_buffer_), done);
  }
}

void Stream::on_read(const asio::error_code& error, std::size_t count) {
  if (count > 0 && !cut_when_written_) callbacks_.on_bytes({read_buffer_.data(), count});
  if (is_cut_) return;
  if (error) return end({classify(error), text_of(error)});
  start_reading();
}

void Stream::write(std::string_view bytes) {
  if (is_cut_) return;
  queued_.append(bytes);
  if (writing_.empty()) start_writing();
}

void Stream::start_writing() {
  std::swap(writing_, queued_);
  const auto done = [self = shared_from_this()](const asio::error_code& error, std::size_t /*count*/) {
    if (!self->is_cut_) self->on_written(error);
  };
  if (tls_) {
    asio::async_write(*tls_, asio::buffer(writing_), done);
  } else {
    asio::async_write(socket_, asio::buffer(writing_), done);
  }
}

void Stream::on_written(const asio::error_code& error) {
  writing_ = std::string();  // Gives the memory of a large message back.
  if (error) {
    if (cut_when_written_) return cut();
    return end({classify(error), text_of(error)});
  }
  if (!queued_.empty()) return start_writing();
  if (cut_when_written_) cut();
}

void Stream::end(const StreamEnd& how) {
  if (is_cut_) return;
  const bool quietly = cut_when_written_;
  const auto on_end = callbacks_.on_end;  // Survives the destruction of its stream.
  cut();
  if (!quietly) on_end(how);
}

void Stream::cut_when_written() {
  cut_when_written_ = true;
  if (queued_bytes() == 0) cut();
}

void Stream::cut() {
  is_cut_ = true;
  lookup_.reset();
  race_.reset();
  asio::error_code ignored;
  socket_.close(ignored);
}

}  // namespace tether::net
