#include "tether/http/dial.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

namespace tether::http {

namespace {

std::string text_of(int error_number) {
  return std::generic_category().message(error_number);
}

Fault fault_of_connect(int error_number) {
  switch (error_number) {
    case ETIMEDOUT:
    case EAGAIN:
      return Fault::Timeout;
    case ECONNRESET:
      return Fault::Reset;
    default:
      return Fault::Refused;
  }
}

/// Nothing if `fd` is connected.
std::optional<Problem> connect_to(int fd, const sockaddr* address, socklen_t size, const std::string& where,
                                  const DialLimits& limits) {
  if (::connect(fd, address, size) == 0) return std::nullopt;
  // A Unix socket whose queue is full says EAGAIN and cannot be waited for.
  if (errno != EINPROGRESS) return Problem{fault_of_connect(errno), where + ": " + text_of(errno)};
  switch (wait_for(fd, POLLOUT, limits)) {
    case Ready::TimedOut:
      return Problem{Fault::Timeout, where + ": no connection within the limit"};
    case Ready::Cancelled:
      return Problem{Fault::Cancelled, where + ": cancelled"};
    case Ready::Yes:
      break;
  }
  int error_number = 0;
  socklen_t length = sizeof error_number;
  ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error_number, &length);
  if (error_number == 0) return std::nullopt;
  return Problem{fault_of_connect(error_number), where + ": " + text_of(error_number)};
}

std::optional<Problem> check_peer(int fd, const PeerPolicy& policy, const std::string& path) {
  ucred peer{};
  socklen_t length = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) {
    return Problem{Fault::Peer, path + ": who listens cannot be told: " + text_of(errno)};
  }
  const auto why_not = why_not_peer(policy, {peer.uid, peer.gid}, ::geteuid());
  return why_not ? std::optional(Problem{Fault::Peer, path + ": " + *why_not}) : std::nullopt;
}

}  // namespace

Ready wait_for(int fd, short events, const DialLimits& limits) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(limits.deadline - Clock::now()).count();
    std::array<pollfd, 2> fds{{{fd, events, 0}, {limits.cancel_fd, POLLIN, 0}}};
    const int timeout_ms = static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
    const int ready = ::poll(fds.data(), fds.size(), timeout_ms);
    if (ready < 0 && errno == EINTR) continue;
    if (fds[1].revents != 0) return Ready::Cancelled;
    if (ready > 0) return Ready::Yes;
    return Ready::TimedOut;
  }
}

Dialled dial_tcp(const std::string& host, std::uint16_t port, const DialLimits& limits) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int looked_up = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (looked_up != 0) return Problem{Fault::Dns, host + ": " + ::gai_strerror(looked_up)};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);

  const std::string where = host + ":" + std::to_string(port);
  Problem last{Fault::Refused, where + ": no address to connect to"};
  for (const addrinfo* a = addresses.get(); a != nullptr; a = a->ai_next) {
    const int fd = ::socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
    if (fd < 0) continue;
    auto problem = connect_to(fd, a->ai_addr, a->ai_addrlen, where, limits);
    if (!problem) {
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      return fd;
    }
    ::close(fd);
    last = std::move(*problem);
    if (last.fault == Fault::Cancelled) break;
  }
  return last;
}

Dialled dial_unix(const std::string& path, const PeerPolicy& policy, const DialLimits& limits) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return Problem{Fault::Refused, path + ": no path that a Unix socket can have"};
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);

  if (const auto why_not = why_not_socket_folder(policy, path)) return Problem{Fault::Peer, path + ": " + *why_not};
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return Problem{Fault::Refused, path + ": " + text_of(errno)};
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): how the sockets interface is made.
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  auto problem = connect_to(fd, generic, sizeof address, path, limits);
  if (!problem) problem = check_peer(fd, policy, path);
  if (!problem) return fd;
  ::close(fd);
  return std::move(*problem);
}

}  // namespace tether::http
