#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "../base/peak_memory.h"
#include "raw_connection.h"
#include "tether/admin/admin_server.h"

// What a client may take of the endpoint, over a real socket: before anybody knows who it is.

using namespace tether;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using tether::test::peak_memory_mib;

namespace {

constexpr std::size_t kMiB = std::size_t{1024} * 1024;

struct LimitedServer {
  LimitedServer() {
    AdminSources sources{[] { return Status(); }, [this] { return is_alive(); }};
    sources.resources = [this](const ResourcesAsked&) -> Result<std::string> {
      is_alive();
      return std::string("{}\n");
    };
    sources.release = [](const AgreedRelease&) {};
    auto started = AdminServer::start({"127.0.0.1", 0}, sources, metrics);
    REQUIRE(started);
    server = std::move(*started);
  }

  /// Asked by livez: while it is held, both threads of the server are.
  bool is_alive() {
    ++entered;
    entered.notify_all();
    held.wait(true);
    return true;
  }
  void wait_until_entered(int times) const {
    for (int seen = entered; seen < times; seen = entered) entered.wait(seen);
  }
  void let_go() {
    held = false;
    held.notify_all();
  }

  std::unique_ptr<Connection> connect(const std::string& request = "") const {
    auto connection = std::make_unique<Connection>(server->port());
    REQUIRE(connection->is_open());
    connection->send(request);
    return connection;
  }
  std::string ask(const std::string& request) const { return connect(request)->read_all(); }

  std::atomic<bool> held = false;
  std::atomic<int> entered = 0;
  Metrics metrics{"1.2.3", {{"api.deployed"}, {"RestApi"}, {"deployments"}}};
  std::unique_ptr<AdminServer> server;
};

constexpr const char* kProbe = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";

}  // namespace

TEST_CASE("a request's head has an end, in one line or in many") {
  const LimitedServer server;
  std::string many = "GET /livez HTTP/1.1\r\n";
  for (int i = 0; i < 1000; ++i) many += "X-Header-" + std::to_string(i) + ": " + std::string(30, 'x') + "\r\n";
  CHECK_THAT(server.ask(many + "\r\n"), !StartsWith("HTTP/1.1 200"));

  const auto endless = server.connect("GET /livez HTTP/1.1\r\nX: ");
  const std::size_t before = peak_memory_mib();
  const std::string piece(kMiB, 'x');
  int taken = 0;
  while (taken < 64 && endless->send(piece)) ++taken;
  CHECK(taken < 64);
  CHECK(peak_memory_mib() - before < 16);
  CHECK_THAT(server.ask(kProbe), StartsWith("HTTP/1.1 200"));
}

TEST_CASE("a body is taken neither in pieces nor packed: its length would be known too late") {
  const LimitedServer server;
  const std::string command =
      "POST /release-deletions HTTP/1.1\r\nHost: localhost\r\nX-Tetherd-Command: release-deletions\r\n"
      "Content-Type: application/json\r\n";
  CHECK_THAT(server.ask(command + "Transfer-Encoding: chunked\r\n\r\n"), StartsWith("HTTP/1.1 411"));
  CHECK_THAT(server.ask(command + "Content-Encoding: br\r\nContent-Length: 0\r\n\r\n"), StartsWith("HTTP/1.1 411"));
  CHECK_THAT(server.ask(command + "Content-Length: 2\r\n\r\n{}"), StartsWith("HTTP/1.1 400 "));  // read, and no consent

  // One that says how long it is, and that is too long, is not read to its end.
  const auto endless = server.connect(command + "Content-Length: 1000000000\r\n\r\n");
  const std::string piece(kMiB, ' ');
  int taken = 0;
  while (taken < 64 && endless->send(piece)) ++taken;
  CHECK(taken < 64);
}

TEST_CASE("those who connect and say nothing hold up nobody for longer than one of them would") {
  const LimitedServer server;
  std::vector<std::unique_ptr<Connection>> silent;
  for (int i = 0; i < 20; ++i) silent.push_back(server.connect(i % 2 == 0 ? "" : "GET /status HTTP/1.1\r\n"));

  const auto before = std::chrono::steady_clock::now();
  CHECK_THAT(server.ask(kProbe), StartsWith("HTTP/1.1 200"));
  CHECK(std::chrono::steady_clock::now() - before < 5s);
  for (const auto& connection : silent) CHECK_THAT(connection->read_all(), !StartsWith("HTTP/1.1 200"));
}

TEST_CASE("whoever connects while too many wait is hung up on, and keeps no file open") {
  LimitedServer server;
  server.held = true;
  std::vector<std::unique_ptr<Connection>> waiting;
  for (int i = 0; i < 2; ++i) waiting.push_back(server.connect(kProbe));
  server.wait_until_entered(2);
  for (int i = 0; i < 100; ++i) waiting.push_back(server.connect(kProbe));

  // Nobody is answered yet, so this is no answer that is over.
  CHECK(waiting.back()->read_all().empty());

  server.let_go();
  std::size_t answered = 0;
  for (const auto& connection : waiting) {
    if (connection->read_all().starts_with("HTTP/1.1 200")) ++answered;
  }
  CHECK(answered == 34);  // with the two whose turn it was
  CHECK_THAT(server.ask(kProbe), StartsWith("HTTP/1.1 200"));
}

TEST_CASE("a probe does not wait for a slow answer to somebody else, and the end does") {
  LimitedServer server;
  server.held = true;
  const auto slow = server.connect("GET /resources HTTP/1.1\r\nHost: localhost\r\n\r\n");
  server.wait_until_entered(1);

  CHECK_THAT(server.ask("GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n"), StartsWith("HTTP/1.1 503"));

  std::atomic<bool> has_stopped = false;
  std::thread stopping([&server, &has_stopped] {
    server.server->stop();
    has_stopped = true;
  });
  // Once nothing is told any more, it has begun.
  const std::string probe = "GET /readyz HTTP/1.1\r\n\r\n";
  while (server.server->answer_to(probe).find("stopping") == std::string::npos) std::this_thread::yield();
  CHECK_FALSE(has_stopped);
  server.let_go();
  stopping.join();
  CHECK_THAT(slow->read_all(), StartsWith("HTTP/1.1 200"));
}
