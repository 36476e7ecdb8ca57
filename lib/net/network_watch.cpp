#include "tether/net/network_watch.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <utility>

namespace tether::net {
namespace {

constexpr unsigned kGroups =
    RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE;

/// A socket that hears of changes; -1: there is none to be had.
int listen_to_kernel() {
  const int fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
  if (fd < 0) return -1;
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = kGroups;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): how the sockets interface is made.
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  ::close(fd);
  return -1;
}

}  // namespace

struct NetworkWatch::Impl {
  Impl(Loop& loop, std::function<void()> callback) : on_change(std::move(callback)), fd(listen_to_kernel()) {
    if (fd >= 0) watch.emplace(loop, fd, [this] { on_readable(); });
  }
  ~Impl() {
    watch.reset();
    if (fd >= 0) ::close(fd);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  /// What has changed is of no interest: a message that is cut short, or lost for want of room (ENOBUFS), says as much.
  void on_readable() {
    std::array<char, 4096> bytes{};
    while (::recv(fd, bytes.data(), bytes.size(), 0) >= 0 || errno == EINTR || errno == ENOBUFS) {
    }
    const auto tell = on_change;  // Survives us.
    tell();
  }

  std::function<void()> on_change;
  int fd;
  std::optional<FdWatch> watch;
};

NetworkWatch::NetworkWatch(Loop& loop, std::function<void()> on_change)
    : impl_(std::make_unique<Impl>(loop, std::move(on_change))) {}

NetworkWatch::~NetworkWatch() = default;

}  // namespace tether::net
