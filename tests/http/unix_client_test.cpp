#include "tether/http/unix_client.h"

#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <future>
#include <thread>

#include "raw_server.h"

namespace tether::test {

namespace {

using http::Fault;
using http::Problem;
using http::UnixAnswer;
using http::UnixCall;
using http::UnixClient;

constexpr std::string_view kLastChunk = "0\r\n\r\n";

std::string answer_of(const std::string& body, const std::string& status = "200 OK") {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

UnixCall get_call() {
  return {.method = "GET", .path = "/v1/config/state", .content_type = {}, .next_piece = {}};
}

/// PUT with `pieces` pieces of 16 KiB.
UnixCall put_call(int pieces) {
  return {.method = "PUT",
          .path = "/v1/config",
          .content_type = "application/x-ndjson",
          .next_piece = [pieces, sent = 0](std::string& out) mutable -> Result<bool> {
            out.assign(16UL * 1024, 'x');
            return ++sent < pieces;
          }};
}

Fault fault_of(const http::UnixOutcome& outcome) {
  REQUIRE(std::holds_alternative<Problem>(outcome));
  INFO(std::get<Problem>(outcome).message);
  return std::get<Problem>(outcome).fault;
}

/// Where the time limit is not what is tested it is long: a busy machine is slow.
http::UnixClientOptions options_for(const std::string& path, Duration answer_timeout = 10s) {
  return {.socket_path = path,
          .peer = {},
          .answer_timeout = answer_timeout,
          .body_timeout = 10s,
          .max_answer_bytes = 64UL * 1024};
}

/// A server that reads one request's head and then does as it is told; the client is made after it and goes before it.
struct Scene {
  TemporaryFolder folder;
  std::string path = folder.path("config.sock");
  RawServer server;
  UnixClient client;

  explicit Scene(RawServer::Handler handler, Duration answer_timeout = 10s)
      : server(path, std::move(handler)), client(options_for(path, answer_timeout)) {}
};

}  // namespace

TEST_CASE("requests to a Unix socket share a connection and name localhost") {
  std::atomic<int> connections = 0;
  std::promise<std::string> head;
  Scene scene([&connections, &head](RawConnection& connection, int) {
    ++connections;
    for (int n = 0; connection.read_until(kHeadEnd); ++n) {
      if (n == 0) head.set_value(connection.received());
      connection.forget();
      connection.send(answer_of("{}"));
    }
  });

  for (int n = 0; n < 3; ++n) {
    const auto outcome = scene.client.call(get_call());
    REQUIRE(std::holds_alternative<UnixAnswer>(outcome));
    CHECK(std::get<UnixAnswer>(outcome).status == 200);
    CHECK(std::get<UnixAnswer>(outcome).body == "{}");
  }

  CHECK(connections == 1);
  const std::string sent = head.get_future().get();
  CHECK(sent.starts_with("GET /v1/config/state HTTP/1.1\r\n"));
  CHECK(sent.find("Host: localhost\r\n") != std::string::npos);
}

TEST_CASE("a body is sent in chunks as it is made") {
  std::promise<std::string> request;
  Scene scene([&request](RawConnection& connection, int) {
    if (!connection.read_until(kLastChunk)) return;
    request.set_value(connection.received());
    connection.send(answer_of("done"));
    connection.read_to_end();
  });

  const auto outcome = scene.client.call(put_call(4));

  REQUIRE(std::holds_alternative<UnixAnswer>(outcome));
  CHECK_FALSE(std::get<UnixAnswer>(outcome).early);
  const std::string sent = request.get_future().get();
  CHECK(sent.find("Transfer-Encoding: chunked\r\n") != std::string::npos);
  CHECK(sent.find("Content-Type: application/x-ndjson\r\n") != std::string::npos);
  CHECK(sent.find("\r\n4000\r\nxxxx") != std::string::npos);
}

TEST_CASE("a server that closes after each answer is connected to anew") {
  std::atomic<int> connections = 0;
  Scene scene([&connections](RawConnection& connection, int) {
    ++connections;
    connection.read_until(kHeadEnd);
    connection.send("HTTP/1.0 200 OK\r\n\r\n{}");
  });

  for (int n = 0; n < 3; ++n) {
    const auto outcome = scene.client.call(get_call());
    REQUIRE(std::holds_alternative<UnixAnswer>(outcome));
    CHECK(std::get<UnixAnswer>(outcome).body == "{}");
  }

  CHECK(connections == 3);
}

TEST_CASE("a socket that is not there is refused") {
  const TemporaryFolder folder;
  UnixClient client(options_for(folder.path("config.sock")));

  CHECK(fault_of(client.call(get_call())) == Fault::Refused);
}

TEST_CASE("a path that no socket can have is refused") {
  UnixClient client(options_for("/" + std::string(200, 'x')));

  CHECK(fault_of(client.call(get_call())) == Fault::Refused);
}

TEST_CASE("somebody else behind the socket is sent nothing") {
  const TemporaryFolder folder;
  const std::string path = folder.path("config.sock");
  std::promise<std::string> received;
  const RawServer server(path, [&received](RawConnection& connection, int) {
    connection.read_to_end();
    received.set_value(connection.received());
  });
  auto options = options_for(path);
  options.peer.user = ::geteuid() + 1;
  UnixClient client(options);

  CHECK(fault_of(client.call(get_call())) == Fault::Peer);
  CHECK(received.get_future().get().empty());
}

TEST_CASE("the user that is named is let through") {
  const TemporaryFolder folder;
  const std::string path = folder.path("config.sock");
  const RawServer server(path, answering(answer_of("{}")));
  auto options = options_for(path);
  options.peer.user = ::geteuid();
  UnixClient client(options);

  CHECK(std::holds_alternative<UnixAnswer>(client.call(get_call())));
}

TEST_CASE("a refusal that comes before the end of the body is read, and the rest is not sent") {
  std::atomic<int> connections = 0;
  Scene scene([&connections](RawConnection& connection, int) {
    ++connections;
    connection.read_more();
    // Answers and hangs up with most of the body unread, as a server with a limit does.
    connection.send(answer_of("too much", "413 Payload Too Large"));
  });
  auto pieces = std::make_shared<std::atomic<int>>(0);  // shared with the call's body
  UnixCall call = put_call(100'000);
  call.next_piece = [pieces, next = call.next_piece](std::string& out) {
    ++*pieces;
    return next(out);
  };

  const auto outcome = scene.client.call(call);

  if (const auto* problem = std::get_if<Problem>(&outcome)) FAIL(problem->message);
  CHECK(std::get<UnixAnswer>(outcome).status == 413);
  CHECK(std::get<UnixAnswer>(outcome).body == "too much");
  CHECK(std::get<UnixAnswer>(outcome).early);
  CHECK(pieces->load() < 100'000);
  scene.client.call(get_call());
  CHECK(connections == 2);
}

TEST_CASE("an answer that does not come in time is given up, counted from the end of the body") {
  Scene scene([](RawConnection& connection, int) { connection.read_to_end(); }, 400ms);

  const auto begun = Clock::now();
  CHECK(fault_of(scene.client.call(put_call(2))) == Fault::Timeout);
  CHECK(Clock::now() - begun >= 400ms);
}

TEST_CASE("an answer that trickles is given up at the same limit") {
  Scene scene(
      [](RawConnection& connection, int) {
        connection.read_until(kHeadEnd);
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
        while (!connection.wait_readable(10ms) && connection.send("x")) {
        }
      },
      400ms);

  CHECK(fault_of(scene.client.call(get_call())) == Fault::Timeout);
}

TEST_CASE("a body that is not taken is given up at the body's limit") {
  const TemporaryFolder folder;
  const std::string path = folder.path("config.sock");
  std::promise<void> given_up;
  const RawServer server(path, [&given_up](RawConnection&, int) { given_up.get_future().wait(); });
  auto options = options_for(path);
  options.body_timeout = 200ms;
  UnixClient client(options);

  CHECK(fault_of(client.call(put_call(100'000))) == Fault::Timeout);
  given_up.set_value();
}

TEST_CASE("what is no HTTP answer, or too large a one, is a fault of the server") {
  const auto given =
      GENERATE(std::string("hello\r\n\r\n"), "HTTP/1.1 200 " + std::string(2000, 'x') + "\r\n\r\n",
               "HTTP/1.1 200 OK\r\nA: " + std::string(70'000, 'x') + "\r\n\r\n", answer_of(std::string(100'000, 'x')));
  CAPTURE(given.substr(0, 20));
  Scene scene(answering(given));

  CHECK(fault_of(scene.client.call(get_call())) == Fault::Http);
}

TEST_CASE("a connection that ends before the answer is whole is a closed one") {
  const auto given = GENERATE(std::string(), std::string("HTTP/1.1 200"),
                              std::string("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"));
  Scene scene([given](RawConnection& connection, int) {
    connection.read_until(kHeadEnd);
    connection.send(given);
  });

  CHECK(fault_of(scene.client.call(get_call())) == Fault::Closed);
}

TEST_CASE("a body whose source fails is cut short, so that no server can take it for whole") {
  std::promise<std::string> request;
  Scene scene([&request](RawConnection& connection, int) {
    connection.read_to_end();
    request.set_value(connection.received());
  });
  UnixCall call = put_call(1);
  call.next_piece = [calls = 0](std::string& out) mutable -> Result<bool> {
    if (++calls == 3) return fail(ErrorKind::Retry, "store: gone");
    out = "line\n";
    return true;
  };

  const auto outcome = scene.client.call(call);

  CHECK(fault_of(outcome) == Fault::Receiver);
  CHECK(std::get<Problem>(outcome).message == "store: gone");
  CHECK_FALSE(std::string_view(request.get_future().get()).ends_with(kLastChunk));
}

TEST_CASE("a call can be ended from another thread, and so are all later ones") {
  std::promise<void> asked;
  Scene scene([&asked](RawConnection& connection, int number) {
    connection.read_until(kHeadEnd);
    if (number == 0) asked.set_value();
    connection.read_to_end();
  });
  std::thread canceller([&asked, &scene] {
    asked.get_future().wait();
    scene.client.cancel();
  });

  CHECK(fault_of(scene.client.call(get_call())) == Fault::Cancelled);
  canceller.join();
  CHECK(fault_of(scene.client.call(get_call())) == Fault::Cancelled);
}

}  // namespace tether::test
