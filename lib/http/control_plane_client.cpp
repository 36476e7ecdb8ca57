#include "tether/http/control_plane_client.h"

#include <cerrno>
#include <system_error>
#include <utility>

#include "tether/base/authority.h"
#include "tether/http/cancel_signal.h"
#include "tether/http/connection.h"
#include "tether/http/tunnel.h"

namespace tether::http {

namespace {

std::string host_header(const ControlPlaneOptions& options) {
  const bool usual = options.port == (options.tls ? 443 : 80);
  return usual ? bracketed(options.host) : authority(options.host, options.port);
}

std::optional<Duration> read_retry_after(const httplib::Response& response) {
  return parse_retry_after(response.get_header_value("Retry-After"),
                           parse_http_date(response.get_header_value("Date")).value_or(Instant{}));
}

/// Takes in one answer's body: on to the receiver if it is a success, else the beginning of it as the message.
struct Intake {
  const ControlPlaneClient::OnChunk& on_chunk;
  std::size_t max_body_bytes;

  std::optional<RestAnswer> answer = std::nullopt;
  std::size_t body_bytes = 0;
  bool message_full = false;
  std::optional<Problem> refused = std::nullopt;

  bool begin(const httplib::Response& response) {
    answer = RestAnswer{response.status, response.get_header_value("Date"), read_retry_after(response), {}};
    return true;
  }

  bool take(std::string_view chunk) {
    if (!answer->is_success()) {
      answer->message += chunk.substr(0, kMaxMessageBytes - answer->message.size());
      message_full = answer->message.size() == kMaxMessageBytes;
      return !message_full;
    }
    if (const auto taken = on_chunk(chunk); !taken) {
      refused = Problem{Fault::Receiver, taken.error().message};
      return false;
    }
    body_bytes += chunk.size();
    if (body_bytes > max_body_bytes) {
      refused = Problem{Fault::Http, "an answer over " + std::to_string(max_body_bytes) + " bytes"};
      return false;
    }
    return true;
  }
};

}  // namespace

struct ControlPlaneClient::Impl {
  explicit Impl(ControlPlaneOptions given)
      : options(std::move(given)), connection(host_header(options), [this] { return dial(); }) {}

  std::variant<std::unique_ptr<Transport>, Problem> dial() const {
    const DialLimits limits{std::min(Clock::now() + options.connect_timeout, call_deadline), cancel.fd()};
    auto dialled = dial_through(options.proxy, options.host, options.port, limits);
    if (auto* problem = std::get_if<Problem>(&dialled)) return std::move(*problem);
    const int fd = std::get<int>(dialled);
    TlsSession session;
    if (options.tls) {
      auto started = start_tls(fd, options.host, *options.trust, limits);
      if (auto* problem = std::get_if<Problem>(&started)) {
        ::close(fd);
        return std::move(*problem);
      }
      session = std::move(std::get<TlsSession>(started));
    }
    return std::make_unique<Transport>(fd, std::move(session), options.host, cancel.fd());
  }

  TransportLimits limits(std::size_t max_body_bytes) const {
    return {.silence = options.read_timeout,
            .send_deadline = call_deadline,
            .answer_deadline = call_deadline,
            .max_answer_bytes = max_body_bytes + max_body_bytes / 8 + kMaxHeadBytes};  // chunking too
  }

  RestOutcome call_once(const RestCall& call, const Secret& token, const OnChunk& on_chunk) {
    Intake intake{on_chunk, call.max_answer_bytes};
    httplib::Request request;
    request.method = call.method;
    request.path = options.rest_base + call.path;
    request.set_header("api-key", token.reveal());
    request.set_header("Accept", call.accept);
    if (!call.content_type.empty()) {
      request.set_header("Content-Type", call.content_type);
      request.body = call.body;
    }
    request.response_handler = [&intake](const httplib::Response& response) { return intake.begin(response); };
    request.content_receiver = [&intake](const char* data, std::size_t size, std::uint64_t /*offset*/,
                                         std::uint64_t /*total*/) {
      return intake.take({data, size});
    };

    auto outcome = connection.send(std::move(request), [this, &call] { return limits(call.max_answer_bytes); });
    if (intake.refused) return Problem{intake.refused->fault, options.host + ": " + intake.refused->message};
    if (intake.message_full) return std::move(*intake.answer);
    if (auto* problem = std::get_if<Problem>(&outcome)) return std::move(*problem);
    // An answer that can have no body (204) is never announced to the handler.
    if (!intake.answer) intake.begin(std::get<Connection::Exchange>(outcome).response);
    return std::move(*intake.answer);
  }

  ControlPlaneOptions options;
  CancelSignal cancel;
  TimePoint call_deadline;
  Connection connection;
};

ControlPlaneClient::ControlPlaneClient(ControlPlaneOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}

ControlPlaneClient::~ControlPlaneClient() = default;

void ControlPlaneClient::cancel() {
  impl_->cancel.raise();
}

RestOutcome ControlPlaneClient::call(const RestCall& call, const Secret& token, const OnChunk& on_chunk) {
  if (!impl_->cancel.is_ready()) {
    return Problem{Fault::Refused,
                   impl_->options.host + ": nothing can be asked: " + std::generic_category().message(errno)};
  }
  impl_->call_deadline = Clock::now() + impl_->options.total_limit;
  auto outcome = impl_->call_once(call, token, on_chunk);
  const auto* problem = std::get_if<Problem>(&outcome);
  const bool was_closed = problem != nullptr && (problem->fault == Fault::Closed || problem->fault == Fault::Reset);
  // A server may close an idle connection at the moment in which it is used again. All calls may be repeated.
  if (was_closed && impl_->connection.was_stale()) return impl_->call_once(call, token, on_chunk);
  return outcome;
}

}  // namespace tether::http
