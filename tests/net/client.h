#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tether/net/loop.h"
#include "tether/net/websocket.h"
#include "tether/tls/trust.h"

namespace tether::net::testing {

/// Turns the loop until `done()`, at most ten seconds. False: it never was.
template <class Done>
bool run_until(Loop& loop, Done done, Duration limit = 10s) {
  const TimePoint end = Clock::now() + limit;
  while (!done()) {
    if (Clock::now() >= end) return false;
    // What happens on a server's thread does not wake the loop, so it is left every few milliseconds to look.
    Timer look(loop, [&loop] { loop.stop(); });
    look.arm(Clock::now() + 2ms);
    loop.run();
  }
  return true;
}

inline void run_for(Loop& loop, Duration duration) {
  run_until(
      loop, [] { return false; }, duration);
}

/// A client that writes down what it is told.
struct Client {
  Client(Loop& loop, tls::Trust& trust, DialTarget target)
      : socket(std::in_place, loop, trust, std::move(target), callbacks()) {}

  SocketCallbacks callbacks() {
    SocketCallbacks told;
    told.on_open = [this] { ++opened; };
    told.on_failed = [this](const DialProblem& problem) { failure = problem; };
    told.on_message = [this](std::string_view text) { messages.emplace_back(text); };
    told.on_ping = [this] { ++pings; };
    told.on_pong = [this](std::string_view payload) { pongs.emplace_back(payload); };
    told.on_closed = [this](const SocketEnd& how) {
      end = how;
      ++closed;
    };
    return told;
  }

  int opened = 0;
  int closed = 0;
  int pings = 0;
  std::optional<DialProblem> failure;
  std::optional<SocketEnd> end;
  std::vector<std::string> messages;
  std::vector<std::string> pongs;
  std::optional<WebSocketClient> socket;
};

inline DialTarget plain(std::uint16_t port) {
  DialTarget target;
  target.host = "127.0.0.1";
  target.port = port;
  target.path = "/api/internal/v1/ws/gateways/connect";
  target.tls = false;
  target.token = Secret("tok-1");
  return target;
}

inline DialTarget secure(std::uint16_t port, const std::string& host = "localhost") {
  DialTarget target = plain(port);
  target.host = host;
  target.tls = true;
  return target;
}

}  // namespace tether::net::testing
