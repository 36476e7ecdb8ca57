#include "tether/peers/proxy.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "tether/base/check.h"

namespace tether::peers {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

void write_all(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t sent = ::send(fd, data.data(), data.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    data.remove_prefix(static_cast<std::size_t>(sent));
  }
}

/// True: `fd` has something to read, or has ended. False: it is time to go.
bool await(int fd, int stop) {
  std::array<pollfd, 2> fds{{{fd, POLLIN, 0}, {stop, POLLIN, 0}}};
  return ::poll(fds.data(), fds.size(), -1) > 0 && fds[1].revents == 0;
}

/// A byte after the other: what follows the head belongs to the server.
std::string read_head(int fd, int stop) {
  std::string head;
  char byte = 0;
  while (!head.ends_with("\r\n\r\n") && await(fd, stop) && ::recv(fd, &byte, 1, 0) == 1) head += byte;
  return head;
}

/// The port in `CONNECT host:port HTTP/1.1`: all names are this machine's.
std::uint16_t port_of(const std::string& head) {
  const auto end = head.find(" HTTP/");
  const auto colon = head.rfind(':', end);
  return static_cast<std::uint16_t>(std::strtoul(head.c_str() + colon + 1, nullptr, 10));
}

}  // namespace

Proxy::Proxy() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), stop_(eventfd(0, EFD_CLOEXEC)) {
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  const bool listens = ::bind(listener_, generic, size) == 0 && ::listen(listener_, SOMAXCONN) == 0 &&
                       ::getsockname(listener_, generic, &size) == 0;
  check(listens, "a proxy for tests can listen");
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { accept_loop(); });
}

Proxy::~Proxy() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(stop_, &one, sizeof one);
  thread_.join();
  for (auto& serving : serving_) serving.join();
  ::close(listener_);
  ::close(stop_);
}

void Proxy::want(const std::string& authorization) {
  const std::lock_guard lock(mutex_);
  wanted_ = authorization;
}

std::vector<std::string> Proxy::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void Proxy::accept_loop() {
  while (await(listener_, stop_)) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    serving_.emplace_back([this, fd] {
      serve(fd);
      ::close(fd);
    });
  }
}

std::string Proxy::answer_to(const std::string& head) {
  const std::lock_guard lock(mutex_);
  requests_.push_back(head);
  if (!wanted_.empty() && head.find("Proxy-Authorization: " + wanted_ + "\r\n") == std::string::npos) {
    return "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n";
  }
  switch (mood_) {
    case Mood::Refusing:
      return "HTTP/1.1 502 Bad Gateway\r\n\r\n";
    case Mood::Babbling:
      return "SSH-2.0-OpenSSH_9.2\r\n";
    default:
      return {};
  }
}

void Proxy::serve(int fd) {
  const std::string head = read_head(fd, stop_);
  if (head.empty()) return;
  const std::string refusal = answer_to(head);
  if (!refusal.empty()) return write_all(fd, refusal);
  if (mood_ == Mood::HangingUp) return;
  if (mood_ == Mood::Silent) {
    char byte = 0;
    while (await(fd, stop_) && ::recv(fd, &byte, 1, 0) > 0) {
    }
    return;
  }
  const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in to = loopback(port_of(head));
  if (::connect(server, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) {
    write_all(fd, "HTTP/1.1 200 Connection established\r\n\r\n");
    ++tunnels_;
    carry(fd, server);
  } else {
    write_all(fd, "HTTP/1.1 503 Service Unavailable\r\n\r\n");
  }
  ::close(server);
}

void Proxy::carry(int client, int server) const {
  std::array<char, 16384> bytes{};
  while (true) {
    std::array<pollfd, 3> fds{{{client, POLLIN, 0}, {server, POLLIN, 0}, {stop_, POLLIN, 0}}};
    if (::poll(fds.data(), fds.size(), -1) < 0 || fds[2].revents != 0) return;
    for (std::size_t i = 0; i < 2; ++i) {
      if (fds.at(i).revents == 0) continue;
      const ssize_t got = ::recv(fds.at(i).fd, bytes.data(), bytes.size(), 0);
      if (got <= 0) return;
      write_all(fds.at(1 - i).fd, {bytes.data(), static_cast<std::size_t>(got)});
    }
  }
}

}  // namespace tether::peers
