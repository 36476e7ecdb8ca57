#include "tether/gateway/push_driver.h"

#include <utility>

#include "tether/http/unix_client.h"
#include "tether/protocol/gateway.h"

namespace tether::gateway {

namespace {

using delivery::GatewayFailure;
using delivery::GatewayProblem;

/// Lines are sent together up to this: one system call and one chunk for many short ones.
constexpr std::size_t kPieceBytes = 32UL * 1024;

constexpr int kOk = 200;

GatewayFailure failure_of(http::Fault fault) {
  switch (fault) {
    case http::Fault::Timeout:
      return GatewayFailure::Timeout;
    case http::Fault::Http:
      return GatewayFailure::BadAnswer;
    case http::Fault::Peer:
      return GatewayFailure::WrongUser;
    case http::Fault::Folder:
      return GatewayFailure::UnsafeFolder;
    case http::Fault::Receiver:
      return GatewayFailure::Source;
    case http::Fault::Cancelled:
      return GatewayFailure::Cancelled;
    default:
      return GatewayFailure::Gone;
  }
}

GatewayProblem problem_of(http::Problem problem) {
  return {failure_of(problem.fault), 0, std::move(problem.message)};
}

GatewayProblem status_problem(const http::UnixAnswer& answer) {
  std::string text = "the gateway answered " + std::to_string(answer.status);
  if (!answer.body.empty()) text += ": " + answer.body;
  return {GatewayFailure::Status, answer.status, std::move(text)};
}

GatewayProblem bad_answer(const std::string& what) {
  return {GatewayFailure::BadAnswer, 0, "the gateway's answer cannot be used: " + what};
}

/// Writes a body as the protocol wants it, in pieces, and keeps account of what went out.
class Body {
 public:
  Body(PushSource& source, bool full) : source_(source), full_(full) {}

  Result<bool> next_piece(std::string& out) {
    if (!begun_) {
      begun_ = true;
      const PushHeader& header = source_.header();
      out += full_ ? protocol::write_put_header(header.epoch, header.revision, header.count)
                   : protocol::write_patch_header(header.from_epoch, header.from, header.epoch, header.revision,
                                                  header.count);
    }
    while (out.size() < kPieceBytes) {
      auto more = source_.next(line_);
      if (!more) return more;
      if (!*more) return finish();
      out += line_.text;
      only_line_ = ++lines_ == 1 ? std::optional(sync::Key{line_.kind, line_.id}) : std::nullopt;
    }
    return true;
  }

  delivery::PushOutcome outcome(std::variant<protocol::PushAnswer, GatewayProblem> answer) const {
    const PushHeader& header = source_.header();
    // What an unfinished body would have held is the header's word; `only_line` is known in either case.
    return {header.epoch, header.revision, header.count, header.count == 1 ? only_line_ : std::nullopt,
            std::move(answer)};
  }

 private:
  Result<bool> finish() const {
    const std::int64_t promised = source_.header().count;
    if (lines_ == promised) return false;
    return fail(ErrorKind::Retry,
                "the body has " + std::to_string(lines_) + " lines, its header says " + std::to_string(promised));
  }

  PushSource& source_;
  bool full_;
  bool begun_ = false;
  PushLine line_;
  std::int64_t lines_ = 0;
  std::optional<sync::Key> only_line_;
};

std::variant<protocol::PushAnswer, GatewayProblem> read_answer(const http::UnixOutcome& outcome) {
  if (const auto* problem = std::get_if<http::Problem>(&outcome)) return problem_of(*problem);
  const auto& answer = std::get<http::UnixAnswer>(outcome);
  if (answer.status != kOk) return status_problem(answer);
  // It cannot have applied what it had not read.
  if (answer.early) return bad_answer("200 before the last line was sent");
  auto parsed = protocol::parse_push_answer(answer.body);
  if (!parsed) return bad_answer(parsed.error().message);
  return std::move(*parsed);
}

}  // namespace

struct PushDriver::Impl {
  explicit Impl(const PushDriverOptions& options)
      : client({.socket_path = options.socket_path,
                .peer = {options.user, options.group},
                .connect_timeout = options.connect_timeout,
                .answer_timeout = options.answer_timeout,
                .body_timeout = options.body_timeout,
                .max_answer_bytes = protocol::kMaxGatewayAnswerBytes}) {}

  delivery::PushOutcome push(std::string method, PushSource& source, bool full) {
    Body body(source, full);
    http::UnixCall call;
    call.method = std::move(method);
    call.path = "/v1/config";
    call.content_type = "application/x-ndjson";
    call.next_piece = [&body](std::string& out) { return body.next_piece(out); };
    return body.outcome(read_answer(client.call(call)));
  }

  http::UnixClient client;
};

PushDriver::PushDriver(const PushDriverOptions& options) : impl_(std::make_unique<Impl>(options)) {}

PushDriver::~PushDriver() = default;

delivery::StateOutcome PushDriver::state() {
  auto outcome = impl_->client.call({.method = "GET", .path = "/v1/config/state"});
  if (auto* problem = std::get_if<http::Problem>(&outcome)) return problem_of(std::move(*problem));
  const auto& answer = std::get<http::UnixAnswer>(outcome);
  if (answer.status != kOk) return status_problem(answer);
  auto parsed = protocol::parse_gateway_state(answer.body);
  if (!parsed) return bad_answer(parsed.error().message);
  return std::move(*parsed);
}

delivery::PushOutcome PushDriver::replace(PushSource& source) {
  return impl_->push("PUT", source, /*full=*/true);
}

delivery::PushOutcome PushDriver::apply(PushSource& source) {
  return impl_->push("PATCH", source, /*full=*/false);
}

void PushDriver::cancel() {
  impl_->client.cancel();
}

}  // namespace tether::gateway
