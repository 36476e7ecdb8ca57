#include "scripted_gateway.h"

#include <utility>

namespace tether::test {

namespace {

std::string header_of(const std::string& head, const std::string& name) {
  const auto begin = head.find("\r\n" + name + ": ");
  if (begin == std::string::npos) return {};
  const auto value = begin + name.size() + 4;
  return head.substr(value, head.find("\r\n", value) - value);
}

std::string join_chunks(const std::string& chunked) {
  std::string body;
  std::size_t at = 0;
  for (;;) {
    const auto line_end = chunked.find("\r\n", at);
    const auto size = std::stoul(chunked.substr(at, line_end - at), nullptr, 16);
    if (size == 0) return body;
    body += chunked.substr(line_end + 2, size);
    at = line_end + 2 + size + 2;
  }
}

}  // namespace

ScriptedGateway::ScriptedGateway(const std::string& socket_path, Answer answer)
    : answer_(std::move(answer)), server_(socket_path, [this](RawConnection& connection, int) { serve(connection); }) {}

std::vector<SeenRequest> ScriptedGateway::seen() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

void ScriptedGateway::serve(RawConnection& connection) {
  for (;;) {
    connection.forget();
    const auto has_all = [&connection] {
      const std::string& text = connection.received();
      const bool chunked = text.find("Transfer-Encoding: chunked") != std::string::npos;
      return !chunked || text.ends_with("\r\n0\r\n\r\n");
    };
    do {
      if (!connection.read_until("\r\n\r\n")) return;
    } while (!has_all() && connection.read_more());

    const std::string& text = connection.received();
    const auto head_end = text.find("\r\n\r\n");
    const std::string head = text.substr(0, head_end + 2);
    SeenRequest request;
    request.method = head.substr(0, head.find(' '));
    request.path =
        head.substr(request.method.size() + 1, head.find(' ', request.method.size() + 1) - request.method.size() - 1);
    request.content_type = header_of(head, "Content-Type");
    if (text.size() > head_end + 4) request.body = join_chunks(text.substr(head_end + 4));
    {
      const std::lock_guard lock(mutex_);
      seen_.push_back(request);
    }
    if (!connection.send(answer_(request))) return;
  }
}

std::string http_answer(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) +
         " Status\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

}  // namespace tether::test
