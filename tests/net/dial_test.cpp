#include <catch2/catch.hpp>
#include <ctime>
#include <iterator>

#include "client.h"
#include "test_server.h"

using namespace tether;
using namespace tether::net;
using namespace tether::net::testing;

namespace {

std::size_t occurrences(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

/// Dials a plain server that answers with these bytes; how that fails.
DialProblem dial_answered_with(const std::string& answer) {
  TestServer server([&answer](Peer& peer) {
    peer.read_request();
    peer.write(answer);
  });
  Loop loop;
  tls::Trust trust({});
  Client client(loop, trust, plain(server.port()));
  REQUIRE(run_until(loop, [&] { return client.failure.has_value(); }));
  CHECK(client.opened == 0);
  CHECK(client.closed == 0);
  return *client.failure;
}

}  // namespace

TEST_CASE("the upgrade request is the protocol's, with the token in the api-key header and nowhere else (R5)") {
  std::string head;
  TestServer server([&](Peer& peer) {
    head = peer.upgrade();
    peer.read_frame();
  });
  Loop loop;
  tls::Trust trust({});
  Client client(loop, trust, plain(server.port()));

  REQUIRE(run_until(loop, [&] { return client.opened == 1; }));
  client.socket.reset();
  server.finish();

  CHECK(head.starts_with("GET /api/internal/v1/ws/gateways/connect HTTP/1.1\r\n"));
  CHECK(head.find("Host: 127.0.0.1:" + std::to_string(server.port()) + "\r\n") != std::string::npos);
  CHECK(head.find("Upgrade: websocket\r\n") != std::string::npos);
  CHECK(head.find("Connection: Upgrade\r\n") != std::string::npos);
  CHECK(head.find("Sec-WebSocket-Version: 13\r\n") != std::string::npos);
  CHECK(head.find("api-key: tok-1\r\n") != std::string::npos);
  CHECK(occurrences(head, "tok-1") == 1);
  CHECK(head.find("Sec-WebSocket-Protocol") == std::string::npos);
  CHECK(head.find("Sec-WebSocket-Extensions") == std::string::npos);
}

TEST_CASE("an HTTP answer that is no upgrade is reported with its status") {
  const int status = GENERATE(301, 400, 401, 403, 404, 429, 500, 503, 999);
  CAPTURE(status);

  const DialProblem problem =
      dial_answered_with("HTTP/1.1 " + std::to_string(status) + " Some Reason\r\nContent-Length: 0\r\n\r\n");

  CHECK(problem.error == SocketError::Http);
  CHECK(problem.http_status == status);
  CHECK_FALSE(problem.retry_after);
  CHECK(problem.message.find("HTTP " + std::to_string(status)) != std::string::npos);
  CHECK(problem.message.find("tok-1") == std::string::npos);
}

TEST_CASE("Retry-After is read as seconds") {
  const auto [text, expected] = GENERATE(table<std::string, std::optional<Duration>>({{"120", Duration(120s)},
                                                                                      {"0", Duration(0s)},
                                                                                      {"soon", std::nullopt},
                                                                                      {"-5", std::nullopt},
                                                                                      {"12x", std::nullopt}}));
  CAPTURE(text);

  const DialProblem problem = dial_answered_with("HTTP/1.1 429 Too Many\r\nRetry-After: " + text + "\r\n\r\n");

  CHECK(problem.http_status == 429);
  CHECK(problem.retry_after == expected);
}

TEST_CASE("Retry-After is read as a date") {
  const std::time_t later = std::time(nullptr) + 600;
  std::string date(64, '\0');
  std::tm utc{};
  gmtime_r(&later, &utc);
  date.resize(std::strftime(date.data(), date.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc));

  const DialProblem problem = dial_answered_with("HTTP/1.1 503 Away\r\nRetry-After: " + date + "\r\n\r\n");

  REQUIRE(problem.retry_after);
  CHECK(*problem.retry_after > 580s);
  CHECK(*problem.retry_after <= 600s);
}

TEST_CASE("an answer that is not HTTP, or an upgrade that is not valid, fails the dial") {
  const std::string answer =
      GENERATE(as<std::string>(), "SSH-2.0-OpenSSH_9.2\r\n\r\n",
               "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Accept: wrong\r\n\r\n");
  CAPTURE(answer);

  CHECK(dial_answered_with(answer).error == SocketError::Http);
}

TEST_CASE("a server that hangs up instead of answering is told from one that resets") {
  CHECK(dial_answered_with("").error == SocketError::Closed);

  TestServer server([](Peer& peer) {
    peer.read_request();
    peer.reset();
  });
  Loop loop;
  tls::Trust trust({});
  Client client(loop, trust, plain(server.port()));
  REQUIRE(run_until(loop, [&] { return client.failure.has_value(); }));
  CHECK(client.failure->error == SocketError::Reset);
}

TEST_CASE("a port on which nobody listens is refused, by name of the address") {
  Loop loop;
  tls::Trust trust({});
  const auto port = unused_port();
  Client client(loop, trust, plain(port));

  REQUIRE(run_until(loop, [&] { return client.failure.has_value(); }));

  CHECK(client.failure->error == SocketError::Refused);
  CHECK(client.failure->message.find("127.0.0.1:" + std::to_string(port)) != std::string::npos);
}

TEST_CASE("a name that does not resolve is a dns failure") {
  Loop loop;
  tls::Trust trust({});
  DialTarget target = plain(443);
  target.host = std::string(64, 'a') + ".invalid";  // A label has at most 63 characters, so nobody is asked.
  Client client(loop, trust, target);

  REQUIRE(run_until(loop, [&] { return client.failure.has_value(); }));

  CHECK(client.failure->error == SocketError::Dns);
  CHECK(client.failure->message.find(target.host) != std::string::npos);
}

TEST_CASE("every address of a name is tried") {
  // `localhost` has ::1 besides 127.0.0.1 on most hosts, and the server listens on the latter only.
  TestServer server([](Peer& peer) {
    peer.upgrade();
    peer.read_frame();
  });
  Loop loop;
  tls::Trust trust({});
  DialTarget target = plain(server.port());
  target.host = "localhost";
  Client client(loop, trust, target);

  CHECK(run_until(loop, [&] { return client.opened == 1; }));
}

TEST_CASE("a server that takes the connection and says nothing runs into the dial's time limit") {
  const bool tls = GENERATE(false, true);
  CAPTURE(tls);
  TestServer server([](Peer& peer) { peer.wait_for_end(); });
  Loop loop;
  tls::Trust trust({});
  DialTarget target = plain(server.port());
  target.tls = tls;
  target.dial_timeout = 2s;
  REQUIRE(trust.context());  // Made before, so that the dial's time goes to the server alone.
  const TimePoint start = Clock::now();
  Client client(loop, trust, target);

  REQUIRE(run_until(loop, [&] { return client.failure.has_value(); }));

  CHECK(client.failure->error == SocketError::Timeout);
  CHECK(client.failure->message.find(tls ? "TLS handshake" : "upgrade") != std::string::npos);
  CHECK(Clock::now() - start >= 2s);
}

TEST_CASE("a token that would break the header is not sent") {
  const std::string token = GENERATE(as<std::string>(), "two words", "line\r\nX-Evil: 1", "caf\xc3\xa9");
  TestServer server([](Peer& peer) { peer.wait_for_end(); });
  Loop loop;
  tls::Trust trust({});
  DialTarget target = plain(server.port());
  target.token = Secret(token);
  Client client(loop, trust, target);

  REQUIRE(run_until(loop, [&] { return client.failure.has_value(); }));

  CHECK(server.connections() == 0);
  CHECK(client.failure->message.find(token) == std::string::npos);
}

TEST_CASE("a client destroyed while it dials says nothing more") {
  TestServer server([](Peer& peer) { peer.wait_for_end(); });
  Loop loop;
  tls::Trust trust({});
  Client client(loop, trust, plain(server.port()));
  REQUIRE(run_until(loop, [&] { return server.connections() == 1; }));

  client.socket.reset();
  run_for(loop, 30ms);

  CHECK_FALSE(client.failure);
}
