#include "tether/http/reachability.h"

#include <netdb.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>

#include "tether/http/dial.h"
#include "tether/http/tls.h"
#include "tether/http/tunnel.h"
#include "tether/tls/trust.h"

namespace tether::http {
namespace {

/// Nobody cancels.
DialLimits within(Duration limit) {
  return {Clock::now() + limit, /*cancel_fd=*/-1};
}

/// Closes it when it goes.
class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() { ::close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

std::variant<std::vector<std::string>, Problem> look_up(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int looked_up = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (looked_up != 0) return Problem{Fault::Dns, host + ": " + ::gai_strerror(looked_up)};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  std::vector<std::string> out;
  for (const addrinfo* a = addresses.get(); a != nullptr; a = a->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    const int named = ::getnameinfo(a->ai_addr, a->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST);
    if (named == 0 && std::find(out.begin(), out.end(), text.data()) == out.end()) out.emplace_back(text.data());
  }
  return out;
}

std::optional<Problem> try_tcp(const Server& server, Duration limit) {
  auto dialled = dial_through(server.proxy, server.host, server.port, within(limit));
  if (auto* problem = std::get_if<Problem>(&dialled)) return std::move(*problem);
  ::close(std::get<int>(dialled));
  return std::nullopt;
}

std::variant<TlsFacts, Problem> try_tls(const Server& server, tls::Trust& trust, Duration limit) {
  const DialLimits limits = within(limit);
  auto dialled = dial_through(server.proxy, server.host, server.port, limits);
  if (auto* problem = std::get_if<Problem>(&dialled)) return std::move(*problem);
  const Socket socket(std::get<int>(dialled));
  auto started = start_tls(socket.fd(), server.host, trust, limits);
  if (auto* problem = std::get_if<Problem>(&started)) return std::move(*problem);
  ssl_st* const session = std::get<TlsSession>(started).get();
  TlsFacts facts{SSL_get_version(session), tls::peer_expiry(session).value_or(Instant{})};
  SSL_shutdown(session);
  return facts;
}

}  // namespace tether::http
