#include "tether/http/connection.h"

#include "tether/base/check.h"

namespace tether::http {

namespace {

/// How httplib sees a transport.
class TransportStream : public httplib::Stream {
 public:
  explicit TransportStream(Transport& transport) : transport_(transport) {}

  // Both wait inside read() and write(), with limits of their own.
  bool is_readable() const override { return true; }
  bool is_writable() const override { return true; }
  ssize_t read(char* data, std::size_t size) override { return transport_.read(data, size); }
  ssize_t write(const char* data, std::size_t size) override { return transport_.write({data, size}); }
  void get_remote_ip_and_port(std::string& /*ip*/, int& /*port*/) const override {}
  void get_local_ip_and_port(std::string& /*ip*/, int& /*port*/) const override {}
  socket_t socket() const override { return transport_.fd(); }

 private:
  Transport& transport_;
};

}  // namespace

Connection::Connection(std::string host, Dial dial)
    : ClientImpl("localhost"), host_header_(std::move(host)), dial_(std::move(dial)) {
  set_keep_alive(/*on=*/true);
  set_follow_location(/*on=*/false);
  set_url_encode(/*on=*/false);
}

Connection::~Connection() {
  stop();
}

std::variant<Connection::Exchange, Problem> Connection::send(httplib::Request request,
                                                             const std::function<TransportLimits()>& limits) {
  limits_of_request_ = limits;
  dial_problem_.reset();
  fresh_ = false;
  was_stale_ = false;
  request.set_header("Host", host_header_);
  request.set_header("User-Agent", "tetherd");

  Exchange exchange;
  auto error = httplib::Error::Success;
  const bool answered = ClientImpl::send(request, exchange.response, error);
  if (dial_problem_) return std::move(*dial_problem_);
  check(transport_ != nullptr, "a request that was not dialled for has a connection");
  if (answered) {
    exchange.answered_early = transport_->answered_early();
    // The rest of the body was not sent: nothing else can follow on this connection.
    if (exchange.answered_early) stop();
    return exchange;
  }
  was_stale_ = !fresh_ && !transport_->has_answer();
  if (error == httplib::Error::Canceled) transport_->fail(Fault::Receiver, "given up");
  transport_->fail(Fault::Http, "no HTTP answer");
  return *transport_->problem();
}

bool Connection::create_and_connect_socket(Socket& socket, httplib::Error& error) {
  transport_.reset();
  auto dialled = dial_();
  if (auto* problem = std::get_if<Problem>(&dialled)) {
    dial_problem_ = std::move(*problem);
    error = httplib::Error::Connection;
    return false;
  }
  transport_ = std::move(std::get<std::unique_ptr<Transport>>(dialled));
  socket.sock = transport_->fd();
  fresh_ = true;
  return true;
}

void Connection::shutdown_ssl(Socket& /*socket*/, bool /*shutdown_gracefully*/) {
  if (transport_) transport_->close_tls();
}

bool Connection::process_socket(const Socket& /*socket*/, std::function<bool(httplib::Stream&)> callback) {
  transport_->begin_request(limits_of_request_());
  TransportStream stream(*transport_);
  return callback(stream);
}

}  // namespace tether::http
