#include "tether/http/unix_client.h"

#include <cerrno>
#include <system_error>
#include <utility>

#include "tether/http/cancel_signal.h"
#include "tether/http/connection.h"

namespace tether::http {

struct UnixClient::Impl {
  explicit Impl(UnixClientOptions given)
      : options(std::move(given)), connection("localhost", [this] { return dial(); }) {}

  std::variant<std::unique_ptr<Transport>, Problem> dial() const {
    auto dialled = dial_unix(options.socket_path, options.peer, {Clock::now() + options.connect_timeout, cancel.fd()});
    if (auto* problem = std::get_if<Problem>(&dialled)) return std::move(*problem);
    return std::make_unique<Transport>(std::get<int>(dialled), TlsSession{}, options.socket_path, cancel.fd());
  }

  TransportLimits limits() const {
    const TimePoint sent_by = Clock::now() + options.body_timeout;
    return {.silence = options.answer_timeout,
            .send_deadline = sent_by,
            .answer_deadline = sent_by + options.answer_timeout,
            .answer_within = options.answer_timeout,
            .max_answer_bytes = options.max_answer_bytes,
            .heed_early_answer = true};
  }

  UnixClientOptions options;
  CancelSignal cancel;
  Connection connection;
};

UnixClient::UnixClient(UnixClientOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}

UnixClient::~UnixClient() = default;

void UnixClient::cancel() {
  impl_->cancel.raise();
}

UnixOutcome UnixClient::call(const UnixCall& call) {
  if (!impl_->cancel.is_ready()) {
    return Problem{Fault::Refused,
                   impl_->options.socket_path + ": nothing can be asked: " + std::generic_category().message(errno)};
  }
  httplib::Request request;
  request.method = call.method;
  request.path = call.path;
  request.set_header("Accept", "application/json");

  std::string piece;
  bool is_body_sent = !call.next_piece;
  std::optional<Error> source_error;
  if (call.next_piece) {
    request.set_header("Content-Type", call.content_type);
    request.set_header("Transfer-Encoding", "chunked");
    request.is_chunked_content_provider_ = true;
    request.content_provider_ = [this, &call, &piece, &is_body_sent, &source_error](
                                    std::size_t /*offset*/, std::size_t /*length*/, httplib::DataSink& sink) {
      if (impl_->connection.is_answered_early()) {
        sink.done();
        return true;
      }
      piece.clear();
      const auto more = call.next_piece(piece);
      if (!more) {
        source_error = more.error();
        return false;
      }
      if (!piece.empty() && !sink.write(piece.data(), piece.size())) return false;
      if (!*more) {
        is_body_sent = !impl_->connection.is_answered_early();
        sink.done();
      }
      return true;
    };
  }

  auto outcome = impl_->connection.send(std::move(request), [this] { return impl_->limits(); });
  if (source_error) return Problem{Fault::Receiver, source_error->message};
  if (auto* problem = std::get_if<Problem>(&outcome)) return std::move(*problem);
  auto& exchange = std::get<Connection::Exchange>(outcome);
  return UnixAnswer{exchange.response.status, std::move(exchange.response.body),
                    exchange.answered_early && !is_body_sent};
}

}  // namespace tether::http
