#include "lookout.h"

#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <optional>
#include <thread>
#include <variant>

using namespace tether;
using namespace tether::daemon;

namespace {

/// A port of 127.0.0.1, on which somebody listens from `listen` on.
class Port {
 public:
  Port() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  ~Port() { ::close(fd_); }
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  void listen() const { REQUIRE(::listen(fd_, 8) == 0); }
  std::uint16_t number() const {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
  }

 private:
  int fd_;
};

ControlPlaneSettings at(std::uint16_t port) {
  ControlPlaneSettings settings;
  settings.address.host = "127.0.0.1";
  settings.address.port = port;
  return settings;
}

/// A link that has been lost, whose next attempt is minutes away; its lookout, and a loop.
class Absence {
 public:
  explicit Absence(std::uint16_t port)
      : settings_(at(port)),
        link_(limits(), 1, Clock::now()),
        lookout_(loop_, trust_, settings_, [this](const auto& what) {
          what(link_, now_);
          ++told_;
          loop_.stop();
        }) {
    link_.on_open(now_);
    link_.on_connection_ack(now_);
    link_.on_listing_succeeded(link_.snapshot().link);
    link_.take_commands();
    link_.on_closed({link::NetworkError::Closed, 1006, "gone"}, now_);
    carry_out();
  }

  /// The link's next knock, and what came of it.
  void knock() {
    const int before = told_;
    now_ = *link_.next_deadline();
    link_.on_deadline(now_);
    carry_out();
    run_until_told(before);
  }
  void run_until_told(int before) {
    net::Timer limit(loop_, [this] { loop_.stop(); });
    limit.arm(Clock::now() + 10s);
    if (told_ == before) loop_.run();
    REQUIRE(told_ == before + 1);
  }
  bool wants_to_knock_now() const { return *link_.next_deadline() <= now_; }
  void let_pass(Duration time) { now_ += time; }
  int told() const { return told_; }
  link::Counters counters() const { return link_.snapshot().counters; }

 private:
  static link::LinkLimits limits() {
    link::LinkLimits limits;
    limits.has_token = true;
    limits.reconnect_initial = limits.reconnect_max = 1h;
    limits.knock_interval = 1min;
    return limits;
  }

  void carry_out() {
    for (const link::Command& command : link_.take_commands()) {
      if (std::holds_alternative<link::Watch>(command)) lookout_.watch();
      if (const auto* knock = std::get_if<link::Knock>(&command)) lookout_.knock(*knock);
    }
  }

  TimePoint now_ = Clock::now();
  int told_ = 0;
  net::Loop loop_;
  tls::Trust trust_{{}};
  ControlPlaneSettings settings_;
  link::Link link_;
  Lookout lookout_;
};

}  // namespace

TEST_CASE("what comes of a knock is told to the link") {
  const Port port;
  Absence absence(port.number());

  absence.knock();
  CHECK(absence.counters().knocks_failed == 1);

  port.listen();
  absence.knock();
  CHECK(absence.counters().knocks_answered == 1);
}

TEST_CASE("a change of the host's network is told to the link, which knocks at once") {
  bool is_allowed = false;
  bool wanted_before = true;
  bool wants_after = false;
  std::thread([&] {  // The network namespace is the thread's alone.
    is_allowed = ::unshare(CLONE_NEWNET) == 0;
    if (!is_allowed) return;
    Absence absence(1);
    absence.let_pass(1s);
    wanted_before = absence.wants_to_knock_now();
    ifreq request{};
    std::strncpy(static_cast<char*>(request.ifr_name), "lo", IFNAMSIZ - 1);
    request.ifr_flags = IFF_UP;
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ::ioctl(fd, SIOCSIFFLAGS, &request);
    ::close(fd);
    absence.run_until_told(0);
    wants_after = absence.wants_to_knock_now();
  })
      .join();
  if (!is_allowed) {
    WARN("skipped: only root may make a network namespace");
    return;
  }
  CHECK_FALSE(wanted_before);
  CHECK(wants_after);
}

TEST_CASE("a name has moved when nothing of what it led to is left") {
  CHECK(has_moved({"10.0.0.1", "10.0.0.2"}, {"10.0.0.3"}));
  CHECK_FALSE(has_moved({"10.0.0.1", "10.0.0.2"}, {"10.0.0.2", "10.0.0.3"}));
  CHECK_FALSE(has_moved({"10.0.0.1"}, {"10.0.0.1"}));
  CHECK_FALSE(has_moved({}, {"10.0.0.1"}));
  CHECK_FALSE(has_moved({"10.0.0.1"}, {}));
}
