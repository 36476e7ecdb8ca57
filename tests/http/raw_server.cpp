#include "raw_server.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "tether/base/check.h"

namespace tether::test {

namespace {

constexpr int kPatienceMs = 10'000;

void bind_and_listen(int fd, const sockaddr* address, socklen_t size) {
  check(fd >= 0 && ::bind(fd, address, size) == 0 && ::listen(fd, 16) == 0, "the test's server can listen");
}

}  // namespace

RawConnection::~RawConnection() {
  ::close(fd_);
}

bool RawConnection::wait_readable(Duration limit) const {
  pollfd readable{fd_, POLLIN, 0};
  return ::poll(&readable, 1, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(limit).count())) > 0;
}

bool RawConnection::read_more() {
  if (!wait_readable(std::chrono::milliseconds(kPatienceMs))) return false;
  std::array<char, 4096> buffer{};
  const auto size = ::recv(fd_, buffer.data(), buffer.size(), 0);
  if (size <= 0) return false;
  received_.append(buffer.data(), static_cast<std::size_t>(size));
  return true;
}

bool RawConnection::read_until(std::string_view ending) {
  while (!std::string_view(received_).ends_with(ending)) {
    if (!read_more()) return false;
  }
  return true;
}

void RawConnection::read_to_end() {
  while (read_more()) {
  }
}

bool RawConnection::send(std::string_view text) {
  while (!text.empty()) {
    const auto sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

RawServer::RawServer(Handler handler)
    : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), stop_(::eventfd(0, EFD_CLOEXEC)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  bind_and_listen(listener_, generic, sizeof address);
  socklen_t size = sizeof address;
  ::getsockname(listener_, generic, &size);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this, served = std::move(handler)] { serve(served); });
}

RawServer::RawServer(const std::string& socket_path, Handler handler)
    : listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)), stop_(::eventfd(0, EFD_CLOEXEC)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  check(socket_path.size() < sizeof address.sun_path, "the path fits");
  std::memcpy(address.sun_path, socket_path.c_str(), socket_path.size() + 1);
  bind_and_listen(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  thread_ = std::thread([this, served = std::move(handler)] { serve(served); });
}

RawServer::~RawServer() {
  ::eventfd_write(stop_, 1);
  thread_.join();
  ::close(listener_);
  ::close(stop_);
}

void RawServer::serve(const Handler& handler) const {
  for (int number = 0;; ++number) {
    std::array<pollfd, 2> fds{{{listener_, POLLIN, 0}, {stop_, POLLIN, 0}}};
    if (::poll(fds.data(), fds.size(), -1) < 0 || fds[1].revents != 0) return;
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    RawConnection connection(fd);
    handler(connection, number);
  }
}

RawServer::Handler answering(const std::string& answer) {
  return [answer](RawConnection& connection, int) {
    while (connection.read_until(kHeadEnd)) {
      connection.forget();
      connection.send(answer);
    }
  };
}

TemporaryFolder::TemporaryFolder() {
  std::string pattern = std::filesystem::temp_directory_path() / "tether-XXXXXX";
  check(::mkdtemp(pattern.data()) != nullptr, "a temporary folder can be made");
  folder_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

}  // namespace tether::test
