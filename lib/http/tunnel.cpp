#include "tether/http/tunnel.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>

#include "tether/base/authority.h"
#include "tether/proxy/connect.h"

namespace tether::http {
namespace {

std::string where(const proxy::Proxy& proxy) {
  return "the proxy " + proxy.authority() + " (" + proxy.setting + ")";
}

/// Nothing once it is ready.
std::optional<Problem> await(int fd, short events, const proxy::Proxy& proxy, const DialLimits& limits) {
  switch (wait_for(fd, events, limits)) {
    case Ready::TimedOut:
      return Problem{Fault::Timeout, where(proxy) + " does not answer within the limit"};
    case Ready::Cancelled:
      return Problem{Fault::Cancelled, where(proxy) + ": cancelled"};
    case Ready::Yes:
      break;
  }
  return std::nullopt;
}

Problem broken(const proxy::Proxy& proxy) {
  return {Fault::Reset, where(proxy) + ": " + std::generic_category().message(errno)};
}

std::optional<Problem> open_tunnel(int fd, const proxy::Proxy& proxy, const std::string& target,
                                   const DialLimits& limits) {
  const Secret request = proxy::connect_request(proxy, target);
  for (std::string_view rest = request.reveal(); !rest.empty();) {
    const ssize_t sent = ::send(fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno != EAGAIN && errno != EINTR) {
      return broken(proxy);
    } else if (auto problem = await(fd, POLLOUT, proxy, limits)) {
      return problem;
    }
  }
  proxy::ConnectAnswer answer(proxy);
  std::array<char, 2048> bytes{};
  while (true) {
    if (auto problem = await(fd, POLLIN, proxy, limits)) return problem;
    const ssize_t got = ::recv(fd, bytes.data(), bytes.size(), 0);
    if (got == 0) return Problem{Fault::Closed, where(proxy) + " hung up"};
    if (got < 0 && errno != EAGAIN && errno != EINTR) return broken(proxy);
    if (got < 0) continue;
    const auto open = answer.feed({bytes.data(), static_cast<std::size_t>(got)});
    if (!open) {
      return Problem{open.error().kind == ErrorKind::Retry ? Fault::Refused : Fault::Http, open.error().message};
    }
    if (*open) return std::nullopt;
  }
}

}  // namespace

Dialled dial_through(const std::optional<proxy::Proxy>& proxy, const std::string& host, std::uint16_t port,
                     const DialLimits& limits) {
  if (!proxy) return dial_tcp(host, port, limits);
  if (!proxy->why_unusable.empty()) return Problem{Fault::Refused, proxy->why_unusable};
  auto dialled = dial_tcp(proxy->host, proxy->port, limits);
  if (auto* problem = std::get_if<Problem>(&dialled)) {
    problem->message = where(*proxy) + ": " + problem->message;
    return dialled;
  }
  const int fd = std::get<int>(dialled);
  auto problem = open_tunnel(fd, *proxy, authority(host, port), limits);
  if (!problem) return fd;
  ::close(fd);
  return std::move(*problem);
}

}  // namespace tether::http
