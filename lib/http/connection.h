#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "tether/http/problem.h"
#include "tether/http/transport.h"

// httplib.h as the sources of this library see it.
#include <httplib.h>

namespace tether::http {

/// cpp-httplib's client over transports of ours. httplib writes and reads HTTP and keeps the connection; the transport
/// dials, verifies, keeps the limits and tells apart how a connection can fail, which httplib's own does not. Only for
/// the sources of this library. One thread.
class Connection : private httplib::ClientImpl {
 public:
  using Dial = std::function<std::variant<std::unique_ptr<Transport>, Problem>()>;

  /// `host` is the value of the Host header.
  Connection(std::string host, Dial dial);
  ~Connection() override;

  struct Exchange {
    httplib::Response response;
    bool answered_early = false;  ///< The answer came before the whole body and its end were sent.
  };
  /// `limits` is called once a connection is there. A request with any status is answered.
  std::variant<Exchange, Problem> send(httplib::Request request, const std::function<TransportLimits()>& limits);

  /// While a body is being sent: nobody reads it any more.
  bool is_answered_early() const { return transport_ && transport_->answered_early(); }

  /// Whether the last request went over a connection that an earlier one had made, and not a byte of an answer came:
  /// the server had closed it.
  bool was_stale() const { return was_stale_; }

 private:
  bool create_and_connect_socket(Socket& socket, httplib::Error& error) override;
  void shutdown_ssl(Socket& socket, bool shutdown_gracefully) override;
  bool process_socket(const Socket& socket, std::function<bool(httplib::Stream&)> callback) override;

  std::string host_header_;
  Dial dial_;
  std::function<TransportLimits()> limits_of_request_;
  std::unique_ptr<Transport> transport_;
  std::optional<Problem> dial_problem_;
  bool fresh_ = false;
  bool was_stale_ = false;
};

}  // namespace tether::http
