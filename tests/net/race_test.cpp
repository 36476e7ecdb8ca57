#include "tether/net/race.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <optional>

#include "client.h"
#include "tether/base/interleave.h"
#include "tether/net/loop_impl.h"

using namespace tether;
using namespace tether::net;
using namespace tether::net::testing;
using asio::ip::tcp;

namespace {

/// Listens on an address of this host, with room for one connection that nobody takes.
class Listener {
 public:
  explicit Listener(const char* address) : acceptor_(io_, tcp::endpoint(asio::ip::make_address(address), 0)) {
    acceptor_.listen(0);
  }
  /// Whoever comes after this hears nothing.
  void fill() { first_.emplace(io_).connect(endpoint()); }
  tcp::endpoint endpoint() const { return acceptor_.local_endpoint(); }

 private:
  asio::io_context io_;
  tcp::acceptor acceptor_;
  std::optional<tcp::socket> first_;
};

tcp::endpoint nobody() {
  asio::io_context io;
  return tcp::acceptor(io, tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0)).local_endpoint();
}

struct Outcome {
  std::optional<tcp::endpoint> connected;
  std::optional<tcp::endpoint> failed;
  Duration took{};
};

Outcome race(const Lookup::Endpoints& addresses) {
  Loop loop;
  Outcome outcome;
  const TimePoint start = Clock::now();
  Race::Callbacks callbacks;
  callbacks.on_connected = [&outcome](tcp::socket socket) { outcome.connected = socket.remote_endpoint(); };
  callbacks.on_failed = [&outcome](const tcp::endpoint& address, const asio::error_code&) { outcome.failed = address; };
  const Race running(loop, addresses, std::move(callbacks));
  REQUIRE(run_until(loop, [&outcome] { return outcome.connected || outcome.failed; }));
  outcome.took = Clock::now() - start;
  return outcome;
}

}  // namespace

TEST_CASE("an address that says nothing does not keep the next one waiting for longer than its start") {
  Listener silent("127.0.0.1");
  silent.fill();
  const Listener second("127.0.0.2");

  const Outcome outcome = race({silent.endpoint(), second.endpoint()});

  CHECK(outcome.connected == second.endpoint());
  CHECK(outcome.took >= kAddressDelay);
  CHECK(outcome.took < 5s);
}

TEST_CASE("an address that refuses is followed by the next at once, and the first to answer is taken") {
  const Listener second("127.0.0.2");
  const Listener third("127.0.0.3");

  const Outcome outcome = race({nobody(), second.endpoint(), third.endpoint()});

  CHECK(outcome.connected == second.endpoint());
}

TEST_CASE("where nobody answers the last one's failure is told, once all have failed") {
  const auto last = nobody();
  CHECK(race({nobody(), last}).failed == last);
}

TEST_CASE("a race that is given up says nothing") {
  Listener silent("127.0.0.1");
  silent.fill();
  Loop loop;
  int told = 0;
  Race::Callbacks callbacks;
  callbacks.on_connected = [&told](const tcp::socket&) { ++told; };
  callbacks.on_failed = [&told](const tcp::endpoint&, const asio::error_code&) { ++told; };
  std::optional<Race> running(std::in_place, loop, Lookup::Endpoints{silent.endpoint(), nobody()}, callbacks);
  run_for(loop, 50ms);

  running.reset();
  run_for(loop, 400ms);

  CHECK(told == 0);
}

TEST_CASE("the addresses of two families take turns, each in its order, beginning with the first one's") {
  const auto is_small = [](int one) { return one < 10; };
  CHECK(interleaved(std::vector{1, 2, 3, 11, 12}, is_small) == std::vector{1, 11, 2, 12, 3});
  CHECK(interleaved(std::vector{1, 11, 12, 13}, is_small) == std::vector{1, 11, 12, 13});
  CHECK(interleaved(std::vector{1}, is_small) == std::vector{1});
}
