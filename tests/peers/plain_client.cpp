#include "tether/peers/plain_client.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>

#include "tether/base/check.h"
#include "tether/peers/texts.h"

namespace tether::peers {
namespace {

constexpr Duration kPatience = 10s;

}  // namespace

std::unique_ptr<PlainClient> PlainClient::to_port(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::unique_ptr<PlainClient> client(new PlainClient(fd));
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return nullptr;
  return client;
}

std::unique_ptr<PlainClient> PlainClient::to_socket(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  check(path.size() < sizeof address.sun_path, "the path fits");
  path.copy(address.sun_path, path.size());
  std::unique_ptr<PlainClient> client(new PlainClient(fd));
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return nullptr;
  return client;
}

void PlainClient::send(const std::string& bytes) {
  stream_.write_all(bytes, Clock::now() + kPatience);
}

bool PlainClient::read_line(std::string& line, TimePoint deadline) {
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n")) == std::string::npos) {
    if (stream_.read_some(buffer_, deadline) != Io::Ok) return false;
  }
  line = buffer_.substr(0, end);
  buffer_.erase(0, end + 2);
  return true;
}

HttpAnswer PlainClient::ask(const std::string& method, const std::string& target, const std::string& body,
                            const std::vector<std::string>& headers) {
  std::string request = method + " " + target + " HTTP/1.1\r\nHost: localhost\r\n";
  for (const std::string& header : headers) request += header + "\r\n";
  if (!body.empty()) request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  send(request + "\r\n" + body);

  HttpAnswer answer;
  const TimePoint deadline = Clock::now() + kPatience;
  std::string line;
  if (!read_line(line, deadline)) return {};
  answer.status = std::stoi(line.substr(line.find(' ') + 1));
  while (true) {
    if (!read_line(line, deadline)) return {};
    if (line.empty()) break;
    std::string name = line.substr(0, line.find(':'));
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    answer.headers[name] = line.substr(std::min(line.size(), name.size() + 2));
  }
  const auto length = answer.headers.find("content-length");
  const std::size_t size = length == answer.headers.end() ? 0 : std::stoul(length->second);
  while (buffer_.size() < size) {
    if (stream_.read_some(buffer_, deadline) != Io::Ok) return {};
  }
  answer.body = buffer_.substr(0, size);
  buffer_.erase(0, size);
  return answer;
}

HttpAnswer PlainClient::dial(const std::string& token, const std::vector<std::string>& more_headers) {
  std::vector<std::string> headers{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="};
  if (!token.empty()) headers.push_back("api-key: " + token);
  headers.insert(headers.end(), more_headers.begin(), more_headers.end());
  return ask("GET", "/api/internal/v1/ws/gateways/connect", {}, headers);
}

std::optional<Frame> PlainClient::next_frame(Duration limit) {
  const TimePoint deadline = Clock::now() + limit;
  while (true) {
    if (auto frame = take_frame(buffer_)) return frame;
    if (stream_.read_some(buffer_, deadline) != Io::Ok) return std::nullopt;
  }
}

nlohmann::json PlainClient::next_message(Duration limit) {
  const TimePoint deadline = Clock::now() + limit;
  while (auto frame = next_frame(deadline - Clock::now())) {
    if (frame->opcode == Opcode::Ping) send(client_frame(Opcode::Pong, frame->payload));
    if (frame->opcode == Opcode::Text) return nlohmann::json::parse(frame->payload, nullptr, false);
  }
  return nullptr;
}

nlohmann::json PlainClient::message_of_type(const std::string& type, Duration limit) {
  const TimePoint deadline = Clock::now() + limit;
  while (true) {
    nlohmann::json message = next_message(deadline - Clock::now());
    if (message.is_null() || message.value("type", "") == type) return message;
  }
}

bool PlainClient::ends(Duration limit) {
  const TimePoint deadline = Clock::now() + limit;
  while (true) {
    const Io io = stream_.read_some(buffer_, deadline);
    if (io != Io::Ok) return io == Io::Closed;
  }
}

}  // namespace tether::peers
