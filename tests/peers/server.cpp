#include "tether/peers/server.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>

namespace tether::peers {
namespace {

constexpr Duration kHandshakeLimit = 10s;
constexpr int kBacklog = 128;

tl::unexpected<Error> system_failure(const std::string& what) {
  return fail(ErrorKind::Retry, what + ": " + std::strerror(errno));
}

}  // namespace

struct Server::Served {
  Served(std::uint64_t number, int fd) : connection(number, fd) {}
  Connection connection;
  std::atomic<bool> done = false;
  std::thread thread;
};

Server::Server(const ServerOptions& options, Serve serve) : options_(options), serve_(std::move(serve)) {}

Result<std::unique_ptr<Server>> Server::listen(const ServerOptions& options, Serve serve) {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL.
  std::unique_ptr<Server> server(new Server(options, std::move(serve)));
  if (const auto opened = server->open(); !opened) return tl::unexpected<Error>(opened.error());
  return server;
}

Result<Done> Server::open() {
  if (!options_.certificate_file.empty()) {
    auto context = make_tls_context(options_.certificate_file, options_.key_file, options_.client_ca_file);
    if (!context) return tl::unexpected<Error>(context.error());
    tls_ = *context;
  }
  if (const auto opened = options_.unix_path.empty() ? open_tcp() : open_unix(); !opened) return opened;
  if (::listen(listener_, kBacklog) != 0) return system_failure("listen");
  stop_ = eventfd(0, EFD_CLOEXEC);
  thread_ = std::thread([this] { accept_loop(); });
  return Done{};
}

Result<Done> Server::open_tcp() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(options_.port);
  if (inet_pton(AF_INET, options_.host.c_str(), &address.sin_addr) != 1) {
    return fail(ErrorKind::Reject, "listen: not an IPv4 address: " + options_.host);
  }
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  socklen_t size = sizeof address;
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), size) != 0) {
    return system_failure("bind " + options_.host + ":" + std::to_string(options_.port));
  }
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  return Done{};
}

Result<Done> Server::open_unix() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (options_.unix_path.size() >= sizeof address.sun_path) {
    return fail(ErrorKind::Reject, "listen: the socket's path is too long: " + options_.unix_path);
  }
  options_.unix_path.copy(address.sun_path, options_.unix_path.size());
  ::unlink(options_.unix_path.c_str());
  listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return system_failure("bind " + options_.unix_path);
  }
  return Done{};
}

Server::~Server() {
  if (stop_ >= 0) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(stop_, &one, sizeof one);
  }
  if (thread_.joinable()) thread_.join();
  if (listener_ >= 0) ::close(listener_);
  if (listener_ >= 0 && !options_.unix_path.empty()) ::unlink(options_.unix_path.c_str());
  if (stop_ >= 0) ::close(stop_);
  reap(/*all=*/true);
}

void Server::accept_loop() {
  while (true) {
    std::array<pollfd, 2> fds{{{listener_, POLLIN, 0}, {stop_, POLLIN, 0}}};
    if (::poll(fds.data(), fds.size(), -1) < 0) continue;
    if (fds[1].revents != 0) return;
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) continue;
    const int on = 1;
    if (options_.unix_path.empty()) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    reap(/*all=*/false);
    const std::lock_guard lock(mutex_);
    Served& served = *served_.emplace_back(std::make_unique<Served>(next_number_++, fd));
    served.thread = std::thread([this, &served] { serve_one(served); });
  }
}

void Server::serve_one(Served& served) {
  Stream& stream = served.connection.stream();
  if (options_.stalls && options_.stalls()) {
    while (stream.pause(Clock::now() + 1h) != Io::Closed) {
    }
  }
  const bool open = !tls_ || stream.accept_tls(tls_, Clock::now() + kHandshakeLimit) == Io::Ok;
  if (open) serve_(served.connection);
  stream.close();
  served.done = true;
}

void Server::reap(bool all) {
  std::list<std::unique_ptr<Served>> gone;
  {
    const std::lock_guard lock(mutex_);
    for (auto it = served_.begin(); it != served_.end();) {
      const auto current = it++;
      if (all) (*current)->connection.stream().abort();
      if (all || (*current)->done) gone.splice(gone.end(), served_, current);
    }
  }
  for (const auto& served : gone) served->thread.join();
}

}  // namespace tether::peers
