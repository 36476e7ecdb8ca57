#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <string>

#include "fuzz.h"
#include "tether/base/check.h"
#include "tether/net/loop.h"
#include "tether/net/websocket.h"
#include "tether/tls/trust.h"

using namespace tether;
using namespace tether::net;

/// What the other side of the WebSocket sends: the answer to the upgrade, frames, pings, and close frames with their
/// reasons. Over a real connection, because that is what the client takes.
namespace {

constexpr std::size_t kMaxMessage = std::size_t{2} * 1024;

class Server {
 public:
  Server() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    socklen_t length = sizeof(address);
    const bool listens = ::bind(listener_, any, length) == 0 && ::listen(listener_, 1) == 0 &&
                         ::getsockname(listener_, any, &length) == 0;
    check(listens, "a server can be made");
    port_ = ntohs(address.sin_port);
  }
  ~Server() { ::close(listener_); }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t port() const { return port_; }
  /// -1 while nobody has dialled.
  int accept() const { return ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC); }

 private:
  int listener_;
  std::uint16_t port_ = 0;
};

/// The proof that an upgrade asks for (RFC 6455 section 4.2.2), from the request's own text.
std::string accept_value(const std::string& request) {
  const std::string name = "Sec-WebSocket-Key: ";
  const auto at = request.find(name);
  if (at == std::string::npos) return "";
  const auto begin = at + name.size();
  const std::string key =
      request.substr(begin, request.find('\r', begin) - begin) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
  SHA1(reinterpret_cast<const unsigned char*>(key.data()), key.size(), digest.data());
  std::array<unsigned char, 32> text{};
  const int length = EVP_EncodeBlock(text.data(), digest.data(), SHA_DIGEST_LENGTH);
  return {reinterpret_cast<const char*>(text.data()), static_cast<std::size_t>(length)};
}

std::string upgrade_answer(const std::string& request) {
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
         accept_value(request) + "\r\n\r\n";
}

/// One dial to its end. The first byte says whether the input is frames or the answer to the upgrade itself.
class Dial {
 public:
  Dial(Loop& loop, tls::Trust& trust, const Server& server, std::string_view input)
      : loop_(loop), trust_(trust), server_(server), input_(input) {
    DialTarget target;
    target.host = "127.0.0.1";
    target.port = server.port();
    target.path = "/connect";
    target.tls = false;
    target.token = Secret("planted-3f1c9a77");
    target.max_frame_bytes = kMaxMessage;
    client_.emplace(loop_, trust_, std::move(target), callbacks());
    loop_.post([this] { answer_when_asked(); });
    loop_.run();
    client_.reset();
    // What it has posted runs before the next one begins.
    loop_.post([this] { loop_.stop(); });
    loop_.run();
    // A reset instead of a goodbye, so that no port stays taken.
    const linger at_once{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    ::close(fd_);
    check(ends_ == 1, "a dial ends once");
  }

 private:
  SocketCallbacks callbacks() {
    SocketCallbacks told;
    told.on_open = [this] { is_open_ = true; };
    told.on_failed = [this](const DialProblem& problem) {
      check(!is_open_, "what is open has not failed");
      check(!problem.message.empty() && problem.message.find("planted") == std::string::npos, "a problem is told");
      check(!problem.retry_after || *problem.retry_after <= kMaxRetryAfter, "a wait is within its limit");
      over();
    };
    told.on_message = [this](std::string_view text) {
      check(is_open_ && text.size() <= kMaxMessage, "a message is within its limit");
    };
    told.on_ping = [] {};
    told.on_pong = [](std::string_view payload) { check(payload.size() <= 125, "a pong is within its limit"); };
    told.on_closed = [this](const SocketEnd& end) {
      check(is_open_, "what was never open does not close");
      check(end.code >= 0 && end.code <= 0xFFFF, "a close code has two bytes");
      // A reason of at most 123 bytes, or our own words and the engine's.
      check(end.message.size() <= 300, "a reason is within its limit");
      over();
    };
    return told;
  }

  void over() {
    ++ends_;
    loop_.stop();
  }

  void answer_when_asked() {
    if (fd_ < 0) fd_ = server_.accept();
    std::array<char, 4096> room{};
    const ssize_t got = ::recv(fd_, room.data(), room.size(), MSG_DONTWAIT);
    if (got > 0) request_.append(room.data(), static_cast<std::size_t>(got));
    if (request_.find("\r\n\r\n") == std::string::npos) return loop_.post([this] { answer_when_asked(); });
    const bool is_upgrade = (static_cast<unsigned char>(input_.front()) & 1U) == 0;
    const std::string answer = (is_upgrade ? upgrade_answer(request_) : "") + std::string(input_.substr(1));
    ::send(fd_, answer.data(), answer.size(), MSG_NOSIGNAL);
    ::shutdown(fd_, SHUT_WR);
  }

  Loop& loop_;
  tls::Trust& trust_;
  const Server& server_;
  std::string_view input_;
  std::optional<WebSocketClient> client_;
  int fd_ = -1;
  std::string request_;
  bool is_open_ = false;
  int ends_ = 0;
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Server server;
  static Loop loop;
  static tls::Trust trust({});
  if (size > 0) Dial(loop, trust, server, fuzz::as_text(data, size));
  return 0;
}
