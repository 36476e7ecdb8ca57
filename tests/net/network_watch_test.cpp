#include "tether/net/network_watch.h"

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <thread>

#include "client.h"

using namespace tether;
using namespace tether::net;
using namespace tether::net::testing;

namespace {

/// Takes up the loopback device of the thread's network namespace.
bool take_up_loopback() {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  std::strncpy(static_cast<char*>(request.ifr_name), "lo", IFNAMSIZ - 1);
  request.ifr_flags = IFF_UP;
  const bool done = ::ioctl(fd, SIOCSIFFLAGS, &request) == 0;
  ::close(fd);
  return done;
}

}  // namespace

TEST_CASE("a change of a link is told, in the network namespace that it is in") {
  bool is_allowed = false;
  bool was_quiet = false;
  bool was_told = false;
  std::thread([&] {  // The namespace is the thread's alone.
    is_allowed = ::unshare(CLONE_NEWNET) == 0;
    if (!is_allowed) return;
    Loop loop;
    int told = 0;
    const NetworkWatch watch(loop, [&told] { ++told; });
    run_for(loop, 20ms);
    was_quiet = told == 0;
    was_told = take_up_loopback() && run_until(loop, [&told] { return told > 0; });
  })
      .join();
  if (!is_allowed) {
    WARN("skipped: only root may make a network namespace");
    return;
  }
  CHECK(was_quiet);
  CHECK(was_told);
}

TEST_CASE("a network watch may be destroyed in its own callback") {
  bool is_allowed = false;
  bool was_told = false;
  std::thread([&] {
    is_allowed = ::unshare(CLONE_NEWNET) == 0;
    if (!is_allowed) return;
    Loop loop;
    std::optional<NetworkWatch> watch;
    watch.emplace(loop, [&watch, &was_told] {
      watch.reset();
      was_told = true;
    });
    take_up_loopback();
    run_until(loop, [&was_told] { return was_told; });
  }).join();
  if (is_allowed) CHECK(was_told);
}
