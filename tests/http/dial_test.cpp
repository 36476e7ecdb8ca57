#include "tether/http/dial.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <memory>
#include <utility>
#include <vector>

#include "tether/base/interleave.h"
#include "tether/http/cancel_signal.h"

using namespace tether;
using namespace tether::http;

namespace {

/// Listens on one of the addresses of `localhost`, with room for one connection that nobody takes.
class Listener {
 public:
  Listener(int family, std::uint16_t port) : fd_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)), family_(family) {
    is_good_ = with_address(port, ::bind) && ::listen(fd_, 0) == 0;
  }
  ~Listener() {
    if (first_ >= 0) ::close(first_);
    ::close(fd_);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  bool is_good() const { return is_good_; }
  std::uint16_t port() const {
    sockaddr_in6 address{};
    socklen_t size = sizeof address;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin6_port);  // where that of IPv4 is, too
  }
  /// Whoever comes after this hears nothing.
  void fill() {
    const auto here = port();
    const int listener = std::exchange(fd_, ::socket(family_, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(with_address(here, ::connect));
    first_ = std::exchange(fd_, listener);
  }

 private:
  template <class Call>
  bool with_address(std::uint16_t port, Call call) const {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    v6.sin6_addr = in6addr_loopback;
    return family_ == AF_INET ? call(fd_, reinterpret_cast<const sockaddr*>(&v4), sizeof v4) == 0
                              : call(fd_, reinterpret_cast<const sockaddr*>(&v6), sizeof v6) == 0;
  }

  int fd_;
  int family_;
  int first_ = -1;
  bool is_good_ = false;
};

/// The families that `localhost` has, in the system's order.
std::vector<int> families_of_localhost() {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo("localhost", "1", &hints, &found) != 0) return {};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  std::vector<int> families;
  for (const addrinfo* a = found; a != nullptr; a = a->ai_next) families.push_back(a->ai_family);
  return families;
}

}  // namespace

TEST_CASE("a REST dial whose first address says nothing is not kept waiting for longer than the next one's start") {
  const auto families = families_of_localhost();
  const Listener second(AF_INET, 0);
  Listener first(AF_INET6, second.port());
  if (families != std::vector{AF_INET6, AF_INET} || !first.is_good()) {
    WARN("skipped: localhost has no IPv6 address before 127.0.0.1 here");
    return;
  }
  first.fill();
  const CancelSignal nobody_cancels;
  const TimePoint start = Clock::now();

  const Dialled dialled = dial_tcp("localhost", second.port(), {start + 20s, nobody_cancels.fd()});

  REQUIRE(std::holds_alternative<int>(dialled));
  ::close(std::get<int>(dialled));
  CHECK(Clock::now() - start >= kAddressDelay);
  CHECK(Clock::now() - start < 10s);
}

TEST_CASE("a REST dial that nobody answers ends at its limit, by name of the address") {
  Listener silent(AF_INET, 0);
  silent.fill();
  const CancelSignal nobody_cancels;

  const Dialled dialled = dial_tcp("127.0.0.1", silent.port(), {Clock::now() + 200ms, nobody_cancels.fd()});

  REQUIRE(std::holds_alternative<Problem>(dialled));
  CHECK(std::get<Problem>(dialled).fault == Fault::Timeout);
  CHECK(std::get<Problem>(dialled).message.find("127.0.0.1:") != std::string::npos);
}

TEST_CASE("a dial that does not get to an IPv6 address tells it in brackets") {
  const auto dialled = dial_tcp("::1", 443, {Clock::now(), /*cancel_fd=*/-1});

  CHECK(std::get<Problem>(dialled).message == "[::1]:443: no connection within the limit");
}
