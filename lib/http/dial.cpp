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
#include <utility>
#include <vector>

#include "tether/base/authority.h"
#include "tether/base/interleave.h"

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

/// A connection to whichever of several addresses answers first (RFC 8305): the next is tried beside those before it
/// once they have had kAddressDelay, or at once when one fails.
class Race {
 public:
  Race(const std::vector<const addrinfo*>& addresses, std::string where, const DialLimits& limits)
      : addresses_(addresses), where_(std::move(where)), limits_(limits) {}
  ~Race() {
    for (const pollfd& one : under_way_) ::close(one.fd);
  }
  Race(const Race&) = delete;
  Race& operator=(const Race&) = delete;

  Dialled run() {
    Problem last{Fault::Refused, where_ + ": no address to connect to"};
    for (;;) {
      const TimePoint now = Clock::now();
      if (now >= limits_.deadline) return Problem{Fault::Timeout, where_ + ": no connection within the limit"};
      if (next_ < addresses_.size() && (under_way_.empty() || now >= next_at_)) {
        if (const int error_number = try_next(now)) last = problem_of(error_number);
        continue;
      }
      if (under_way_.empty()) return last;
      if (!wait_unless_cancelled()) return Problem{Fault::Cancelled, where_ + ": cancelled"};
      for (std::size_t i = 0; i < under_way_.size(); ++i) {
        if (under_way_[i].revents == 0) continue;
        const int fd = under_way_[i].fd;
        under_way_.erase(under_way_.begin() + static_cast<std::ptrdiff_t>(i));
        const int error_number = error_of(fd);
        if (error_number == 0) return made(fd);
        ::close(fd);
        last = problem_of(error_number);
        next_at_ = now;
        break;
      }
    }
  }

 private:
  /// The error, or 0 if it is under way.
  int try_next(TimePoint now) {
    const addrinfo& address = *addresses_[next_++];
    next_at_ = now + kAddressDelay;
    const int fd = ::socket(address.ai_family, address.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address.ai_protocol);
    if (fd < 0) return errno;
    if (::connect(fd, address.ai_addr, address.ai_addrlen) == 0 || errno == EINPROGRESS) {
      under_way_.push_back({fd, POLLOUT, 0});
      return 0;
    }
    const int error_number = errno;
    ::close(fd);
    return error_number;
  }

  /// Waits until something has happened to one of them, which its `revents` then says, or the next is to be tried.
  /// False: cancelled.
  bool wait_unless_cancelled() {
    TimePoint until = limits_.deadline;
    if (next_ < addresses_.size()) until = std::min(until, next_at_);
    under_way_.push_back({limits_.cancel_fd, POLLIN, 0});
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    ::poll(under_way_.data(), under_way_.size(), static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000)));
    const bool cancelled = under_way_.back().revents != 0;
    under_way_.pop_back();
    return !cancelled;
  }

  static int error_of(int fd) {
    int error_number = 0;
    socklen_t length = sizeof error_number;
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error_number, &length);
    return error_number;
  }

  static int made(int fd) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
  }

  Problem problem_of(int error_number) const {
    return {fault_of_connect(error_number), where_ + ": " + text_of(error_number)};
  }

  const std::vector<const addrinfo*>& addresses_;
  std::string where_;
  const DialLimits& limits_;
  std::vector<pollfd> under_way_;
  std::size_t next_ = 0;
  TimePoint next_at_{};
};

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

  std::vector<const addrinfo*> in_order;
  for (const addrinfo* a = addresses.get(); a != nullptr; a = a->ai_next) in_order.push_back(a);
  const int first_family = addresses->ai_family;
  in_order = interleaved(in_order, [first_family](const addrinfo* one) { return one->ai_family == first_family; });
  return Race(in_order, authority(host, port), limits).run();
}

Dialled dial_unix(const std::string& path, const PeerPolicy& policy, const DialLimits& limits) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return Problem{Fault::Refused, path + ": no path that a Unix socket can have"};
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);

  if (const auto why_not = why_not_socket_folder(policy, path)) return Problem{Fault::Folder, path + ": " + *why_not};
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
