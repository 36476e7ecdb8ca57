#include "tether/admin/admin_server.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "raw_connection.h"
#include "tether/admin/heartbeat.h"

namespace tether {

using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;
using Catch::Matchers::StartsWith;

namespace {

struct Answer {
  int code = 0;
  std::string head;
  std::string body;
};

/// A server with a status that the test sets.
class Fixture {
 public:
  Fixture() {
    auto started = AdminServer::start({"127.0.0.1", 0}, sources(), metrics);
    REQUIRE(started);
    server = std::move(*started);
  }

  AdminSources sources() {
    return {[this] {
              const std::lock_guard lock(mutex);
              return status;
            },
            [this] { return alive.load(); }};
  }

  Answer ask(const std::string& method, const std::string& path, const std::string& body = "") const {
    return exchange(method + " " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
                    std::to_string(body.size()) + "\r\n\r\n" + body);
  }
  Answer exchange(const std::string& request) const {
    const Connection connection(server->port());
    connection.send(request);
    const std::string all = connection.read_all();
    CAPTURE(all);
    REQUIRE(all.starts_with("HTTP/1.1 "));
    const auto end = all.find("\r\n\r\n");
    REQUIRE(end != std::string::npos);
    return {std::stoi(all.substr(9, 3)), all.substr(0, end + 2), all.substr(end + 4)};
  }
  Answer get(const std::string& path) const { return ask("GET", path); }

  std::mutex mutex;
  Status status;
  std::atomic<bool> alive = true;
  Metrics metrics{"1.2.3", {{"api.deployed"}, {"RestApi"}, {"deployments"}}};
  std::unique_ptr<AdminServer> server;
};

}  // namespace

TEST_CASE("livez is 200 while the loop turns") {
  Fixture fixture;
  CHECK(fixture.get("/livez").code == 200);

  fixture.alive = false;
  CHECK(fixture.get("/livez").code == 503);
}

TEST_CASE("readyz is 200 once the gateway has answered a push, else 503 with one line of reason") {
  Fixture fixture;
  fixture.status.gateway.last_error = "no such file";
  const Answer not_yet = fixture.get("/readyz");
  CHECK(not_yet.code == 503);
  CHECK(not_yet.body == "the gateway has not answered a push: it is away\n");

  fixture.status.gateway.has_answered_push = true;
  CHECK(fixture.get("/readyz").code == 200);
  CHECK(fixture.get("/readyz").body == "ok\n");

  fixture.status.stale_after = 1ns;  // and the gateway stays ready
  const Answer stale = fixture.get("/readyz");
  CHECK(stale.code == 200);
  CHECK_THAT(stale.body, Contains("stale") && Contains("control plane"));
}

TEST_CASE("status is JSON of the present state (R14)") {
  Fixture fixture;
  fixture.status.control_plane.state = ControlPlaneStatus::State::Connected;
  fixture.status.control_plane.last_proven_sync = Clock::now() - 100s;

  const Answer answer = fixture.get("/status");

  CHECK(answer.code == 200);
  CHECK_THAT(answer.head, Contains("application/json"));
  const auto json = nlohmann::json::parse(answer.body);
  CHECK(json["control_plane"]["state"] == "connected");
  CHECK(json["control_plane"]["last_proven_sync_age_s"] >= 100.0);
}

TEST_CASE("metrics are those of the present state (R16)") {
  Fixture fixture;
  fixture.status.store.resources = {{"RestApi", 7}};
  fixture.metrics.count_event("api.deployed");

  const Answer answer = fixture.get("/metrics");

  CHECK(answer.code == 200);
  CHECK_THAT(answer.head, Contains("text/plain; version=0.0.4"));
  CHECK_THAT(answer.body, Contains("tetherd_resources{kind=\"RestApi\"} 7\n"));
  CHECK_THAT(answer.body, Contains("tetherd_events_received_total{type=\"api.deployed\"} 1\n"));
}

TEST_CASE("a planted secret is in no answer (R3)") {
  Fixture fixture;
  fixture.server->stop();
  AdminSources sources = fixture.sources();
  sources.redact = [](std::string_view text) {
    const std::string secret = "s3cret-token";
    std::string out(text);
    for (auto at = out.find(secret); at != std::string::npos; at = out.find(secret))
      out.replace(at, secret.size(), "x");
    return out;
  };
  fixture.status.gateway.last_error = "no s3cret-token";
  fixture.status.quarantined = {{"RestApi", "id-1", "s3cret-token", "s3cret-token", {}}};
  fixture.metrics.count_event("s3cret-token");
  auto started = AdminServer::start({"127.0.0.1", 0}, sources, fixture.metrics);
  REQUIRE(started);
  fixture.server = std::move(*started);

  for (const char* path : {"/livez", "/readyz", "/status", "/metrics", "/s3cret-token"}) {
    CAPTURE(path);
    CHECK_THAT(fixture.get(path).body, !Contains("s3cret"));
  }
  CHECK_THAT(fixture.get("/status").body, Contains("no x"));
}

TEST_CASE("HEAD is answered without a body, other methods are refused, other paths are not there") {
  const Fixture fixture;

  const Answer head = fixture.ask("HEAD", "/status");
  CHECK(head.code == 200);
  CHECK(head.body.empty());
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS"}) {
    CAPTURE(method);
    const Answer refused = fixture.ask(method, "/status", "x=1");
    CHECK(refused.code == 405);
    CHECK_THAT(refused.head, Contains("Allow: GET, HEAD\r\n"));
  }
  CHECK(fixture.get("/").code == 404);
  CHECK(fixture.get("/status/").code == 404);
  CHECK(fixture.get("/../etc/passwd").code == 404);
}

namespace {

constexpr const char* kAcceptance =
    R"({"deployed":7,"documents":4,"gateway_id":"g-2","in_service":10,"resources":5,"waits_for":"the operator"})";
constexpr const char* kConsent = R"({"holds":[{"listing":"deployments","noted":42}]})";

/// A server with one held listing and a link, and what was agreed to.
class CommandFixture : public Fixture {
 public:
  CommandFixture() {
    server->stop();
    AdminSources with_commands = sources();
    with_commands.release = [this](const AgreedRelease& release) {
      const std::lock_guard lock(mutex);
      agreed.insert(agreed.end(), release.holds.begin(), release.holds.end());
    };
    with_commands.accept = [this](const AgreedIdentity& identity) {
      const std::lock_guard lock(mutex);
      accepted.push_back(identity.gateway_id);
    };
    auto started = AdminServer::start({"127.0.0.1", 0}, with_commands, metrics);
    REQUIRE(started);
    server = std::move(*started);
    status.control_plane.state = ControlPlaneStatus::State::Connected;
    status.holds = {{"deployments", HoldNote::State::Held, {}, 6, 20, {}, 42}};
  }

  Answer post(const std::map<std::string, std::string>& changed = {}, const std::string& body = kConsent,
              const std::string& command = kReleaseCommand) const {
    std::map<std::string, std::string> headers = {{"Host", "localhost"},
                                                  {"Content-Type", "application/json"},
                                                  {kCommandHeader, command},
                                                  {"Content-Length", std::to_string(body.size())}};
    for (const auto& [name, value] : changed) headers[name] = value;
    std::string head;
    for (const auto& [name, value] : headers) {
      if (!value.empty()) head += name + ": " + value + "\r\n";
    }
    return exchange("POST /" + command + " HTTP/1.1\r\n" + head + "\r\n" + body);
  }

  /// The link is another identity's, which is staged.
  void stage() {
    status.control_plane.other_gateway_id = "g-2";
    status.control_plane.staged = StagedStatus{"g-2", {}, 7, 4, 5, "the operator", /*needs_operator=*/true};
    status.store.resources = {{"RestApi", 9}, {"ApiKey", 1}};
  }
  Answer accept(const std::string& body = kAcceptance) const { return post({}, body, kAcceptCommand); }

  std::vector<AgreedHold> agreed;
  std::vector<std::string> accepted;
};

}  // namespace

TEST_CASE("an operator's consent is taken from this machine") {
  CommandFixture fixture;
  for (const char* host : {"localhost", "localhost:9469", "127.0.0.1", "127.0.0.1:9469", "[::1]:9469"}) {
    CAPTURE(host);
    CHECK(fixture.post({{"Host", host}}).code == 202);
  }
  CHECK(fixture.agreed == std::vector<AgreedHold>(5, {"deployments", 42}));
}

TEST_CASE("a page in a browser can give no consent") {
  CommandFixture fixture;
  using Headers = std::map<std::string, std::string>;
  const auto headers =
      GENERATE(Headers{{kCommandHeader, ""}}, Headers{{kCommandHeader, "x"}}, Headers{{"Origin", "http://localhost"}},
               Headers{{"Sec-Fetch-Site", "same-origin"}}, Headers{{"Host", "evil.example:9469"}},
               Headers{{"Host", "127.0.0.1.evil.example"}}, Headers{{"Host", ""}},
               Headers{{"Content-Type", "text/plain"}}, Headers{{"Content-Type", ""}});
  CAPTURE(headers);

  CHECK(fixture.post(headers).code == 403);
  fixture.stage();
  CHECK(fixture.post(headers, kAcceptance, kAcceptCommand).code == 403);

  CHECK(fixture.agreed.empty());
  CHECK(fixture.accepted.empty());
}

TEST_CASE("a consent that cannot be followed is refused with the reason in one line") {
  CommandFixture fixture;
  const auto refused = [&fixture](const std::string& body = kConsent) {
    const Answer answer = fixture.post({}, body);
    CHECK(fixture.agreed.empty());
    return std::to_string(answer.code) + " " + answer.body;
  };

  CHECK_THAT(refused("x=1"), StartsWith("400 the body should be "));
  CHECK_THAT(refused(std::string(kMaxConsentBytes + 1, ' ')), StartsWith("413"));
  CHECK(refused(R"({"holds":[{"listing":"plans","noted":42}]})") ==
        "409 nothing of that listing is held any more: look again\n");
  CHECK(refused(R"({"holds":[{"listing":"deployments","noted":41}]})") ==
        "409 something else is missing than was shown: look again\n");
  fixture.status.control_plane.other_gateway_id = "g-2";
  CHECK(refused() == "409 the link is that of another gateway id than the one in service\n");
  fixture.status.control_plane.state = ControlPlaneStatus::State::Reconnecting;
  CHECK(refused() == "409 there is no link to the control plane, which has to confirm it: it is reconnecting\n");
  fixture.status.store.degraded = true;
  fixture.status.store.last_error = "disk is full";
  CHECK(refused() == "409 nothing can be stored: disk is full\n");
}

TEST_CASE("a staged identity is accepted as it was shown, and as nothing else") {
  CommandFixture fixture;
  fixture.stage();

  CHECK(fixture.accept().code == 202);
  CHECK(fixture.accepted == std::vector<std::string>{"g-2"});

  const auto refused = [&fixture](const std::string& body = kAcceptance) {
    const Answer answer = fixture.accept(body);
    CHECK(fixture.accepted.size() == 1);
    return std::to_string(answer.code) + " " + answer.body;
  };
  CHECK_THAT(refused("x=1"), StartsWith("400 the body should be "));
  CHECK_THAT(refused(std::string(kMaxConsentBytes + 1, ' ')), StartsWith("413"));
  std::string other = kAcceptance;
  CHECK(refused(other.replace(other.find("g-2"), 3, "g-3")) ==
        "409 another identity is staged than was shown: look again\n");
  StagedStatus& staged = *fixture.status.control_plane.staged;
  const std::string changed = "409 it has something else than was shown, or what is in service has: look again\n";
  for (std::uint64_t* const number :
       {&staged.deployed, &staged.documents, &staged.resources, &fixture.status.store.resources["ApiKey"]}) {
    ++*number;
    CHECK(refused() == changed);
    --*number;
  }
  staged.waits_for = "the operator, for something else";
  CHECK(refused() ==
        "409 it waits for something else than was shown: look again. It waits for the operator, for something else\n");
  staged.needs_operator = false;
  CHECK_THAT(refused(), StartsWith("409 no operator can make up for what it waits for"));
  fixture.status.control_plane.other_gateway_id.reset();
  CHECK(refused() == "409 the link is not that of the staged identity\n");
  fixture.status.control_plane.state = ControlPlaneStatus::State::Reconnecting;
  CHECK(refused() == "409 there is no link to the control plane, which has to show what it has: it is reconnecting\n");
  fixture.status.control_plane.staged.reset();
  CHECK(refused() == "409 no other identity is staged any more: look again\n");
  fixture.status.store.degraded = true;
  fixture.status.store.last_error = "disk is full";
  CHECK(refused() == "409 nothing can be stored: disk is full\n");
}

TEST_CASE("a consent to one command is none to the other") {
  CommandFixture fixture;
  fixture.stage();
  CHECK(fixture.post({{kCommandHeader, kReleaseCommand}}, kAcceptance, kAcceptCommand).code == 403);
  CHECK(fixture.post({{kCommandHeader, kAcceptCommand}}).code == 403);
  CHECK(fixture.post({}, kAcceptance).code == 400);
  CHECK(fixture.post({}, kConsent, kAcceptCommand).code == 400);
  CHECK(fixture.accepted.empty());
  CHECK(fixture.agreed.empty());
}

TEST_CASE("the paths of consents take nothing but POST") {
  const CommandFixture fixture;
  const std::string path = GENERATE("/release-deletions", "/accept-identity");
  for (const char* method : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}) {
    CAPTURE(method);
    const Answer refused = fixture.ask(method, path);
    CHECK(refused.code == 405);
    CHECK_THAT(refused.head, Contains("Allow: POST\r\n"));
  }
}

TEST_CASE("what is no HTTP is refused, and a request has a longest address") {
  const Fixture fixture;
  const Connection connection(fixture.server->port());

  connection.send("GARBAGE\r\n\r\n");

  CHECK_THAT(connection.read_all(), StartsWith("HTTP/1.1 400"));
  CHECK(fixture.get("/" + std::string(10'000, 'x')).code == 414);
  CHECK(fixture.get("/livez").code == 200);
}

TEST_CASE("a request that comes over no socket is answered as one that does") {
  const Fixture fixture;
  for (const std::string request : {"GET /livez HTTP/1.1\r\n\r\n", "PUT /livez HTTP/1.1\r\n\r\n", "nothing\r\n\r\n"}) {
    CAPTURE(request);
    const Connection connection(fixture.server->port());
    connection.send(request);
    CHECK(fixture.server->answer_to(request) == connection.read_all());
  }
}

TEST_CASE("an address that is taken is an error that says so") {
  Fixture fixture;

  const auto second = AdminServer::start({"127.0.0.1", fixture.server->port()}, fixture.sources(), fixture.metrics);

  REQUIRE_FALSE(second);
  CHECK_THAT(second.error().message, StartsWith("admin: listen on 127.0.0.1 port ") && EndsWith("in use"));
}

TEST_CASE("an address that is none of this machine is an error") {
  Fixture fixture;

  const auto other = AdminServer::start({"192.0.2.1", 0}, fixture.sources(), fixture.metrics);

  REQUIRE_FALSE(other);
  CHECK_THAT(other.error().message, StartsWith("admin: listen on 192.0.2.1 port 0: "));
}

TEST_CASE("a port is free again once the server has stopped") {
  Fixture fixture;
  const std::uint16_t port = fixture.server->port();
  CHECK(fixture.get("/livez").code == 200);

  fixture.server->stop();
  CHECK_FALSE(Connection(port).is_open());
  const auto next = AdminServer::start({"127.0.0.1", port}, fixture.sources(), fixture.metrics);

  REQUIRE(next);
  CHECK((*next)->port() == port);
}

TEST_CASE("clients that do not finish hold up neither the others' answers for long, nor the end") {
  Fixture fixture;
  std::vector<std::unique_ptr<Connection>> slow;
  for (int i = 0; i < 4; ++i) {
    slow.push_back(std::make_unique<Connection>(fixture.server->port()));
    slow.back()->send("GET /status HTTP/1.1\r\n");
  }
  CHECK(fixture.get("/livez").code == 200);  // Once the slow ones were hung up on.

  for (int i = 0; i < 2; ++i) {
    slow.push_back(std::make_unique<Connection>(fixture.server->port()));
    slow.back()->send("GET /status HTTP/1.1\r\n");
  }
  const auto before = std::chrono::steady_clock::now();
  fixture.server->stop();
  CHECK(std::chrono::steady_clock::now() - before < 4s);

  slow.back()->send("\r\n");
  CHECK_THAT(slow.back()->read_all(), !Contains("control_plane"));  // Nothing is told after the end.
}

TEST_CASE("scrapes, probes and changes do not disturb each other") {
  Fixture fixture;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&fixture] {
      for (int i = 0; i < 20; ++i) {
        const Connection connection(fixture.server->port());
        connection.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
        (void)connection.read_all();
      }
    });
  }
  for (int i = 0; i < 200; ++i) {
    const std::lock_guard lock(fixture.mutex);
    fixture.status.store.resources["RestApi"] = static_cast<std::uint64_t>(i);
    fixture.metrics.count_event("api.deployed");
  }
  for (std::thread& thread : threads) thread.join();

  CHECK_THAT(fixture.get("/metrics").body, Contains("tetherd_events_received_total{type=\"api.deployed\"} 200\n"));
}

}  // namespace tether
