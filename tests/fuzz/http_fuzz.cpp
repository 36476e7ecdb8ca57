#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

#include "fuzz.h"
#include "tether/base/check.h"
#include "tether/http/connection.h"

using namespace tether;
using namespace tether::http;

/// Answers over HTTP, the control plane's and the gateway's: their bytes come from a socket whose other end says
/// nothing more.
namespace {

constexpr std::size_t kMaxBody = std::size_t{16} * 1024;

struct SocketPair {
  SocketPair() {
    check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0, "a pair of sockets can be made");
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);  // Ours belongs to the connection, which closes it.
  }
  ~SocketPair() { ::close(ends[1]); }
  SocketPair(const SocketPair&) = delete;
  SocketPair& operator=(const SocketPair&) = delete;

  std::array<int, 2> ends{};
};

TransportLimits limits(bool heed_early_answer) {
  const TimePoint end = Clock::now() + 10s;
  return {.silence = 10s,
          .send_deadline = end,
          .answer_deadline = end,
          .max_answer_bytes = kMaxBody + kMaxHeadBytes,
          .heed_early_answer = heed_early_answer};
}

httplib::Request request_of(const std::string& method, std::string& body, bool is_received) {
  httplib::Request request;
  request.method = method;
  request.path = "/deployments";
  request.set_header("api-key", "planted-3f1c9a77");
  if (is_received) {
    request.response_handler = [](const httplib::Response& response) {
      check(response.status >= 0 && response.status <= 999, "a status has three digits");
      const auto date = parse_http_date(response.get_header_value("Date")).value_or(Instant{});
      const auto wait = parse_retry_after(response.get_header_value("Retry-After"), date);
      check(!wait || *wait <= kMaxRetryAfter, "a wait is within its limit");
      return true;
    };
    request.content_receiver = [&body](const char* bytes, std::size_t count, std::uint64_t /*offset*/,
                                       std::uint64_t /*total*/) {
      body.append(bytes, count);
      return body.size() <= kMaxBody;
    };
  }
  return request;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto answer = fuzz::as_text(data, size).substr(1);
  const bool is_received = (data[0] & 1U) != 0;
  const SocketPair pair;
  if (::send(pair.ends[1], answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT) !=
      static_cast<ssize_t>(answer.size())) {
    ::close(pair.ends[0]);
    return 0;
  }
  ::shutdown(pair.ends[1], SHUT_WR);

  bool is_dialled = false;
  Connection connection("localhost", [&]() -> std::variant<std::unique_ptr<Transport>, Problem> {
    if (std::exchange(is_dialled, true)) return Problem{Fault::Refused, "once only"};
    return std::make_unique<Transport>(pair.ends[0], TlsSession{}, "here", /*cancel_fd=*/-1);
  });
  std::string body;
  const auto outcome = connection.send(request_of((data[0] & 2U) != 0 ? "HEAD" : "GET", body, is_received),
                                       [&] { return limits((data[0] & 4U) != 0); });
  if (const auto* problem = std::get_if<Problem>(&outcome)) {
    check(problem->message.starts_with("here: ") && problem->message.size() < 200, "a problem is one sentence");
    check(problem->fault != Fault::Timeout, "an answer that has ended is not waited for");
  } else {
    const auto& response = std::get<Connection::Exchange>(outcome).response;
    check(response.body.size() + body.size() <= kMaxBody + kMaxHeadBytes, "a body is within its limit");
  }
  return 0;
}
