#include "tether/peers/gateway.h"

#include <catch2/catch.hpp>

#include "tether/peers/documents.h"
#include "tether/peers/plain_client.h"
#include "tether/peers/temp_dir.h"

namespace tether::peers {
namespace {

using nlohmann::json;

std::string artifact_line(const std::string& kind, const std::string& id, const std::string& handle,
                          const std::string& op = {}) {
  SampleDocument sample;
  sample.kind = kind;
  sample.handle = handle;
  json line{{"kind", kind},
            {"id", id},
            {"handle", handle},
            {"deploymentId", "d-" + id},
            {"deployedAt", "2026-08-22T11:02:03.417Z"},
            {"document", sample_document(sample)}};
  if (!op.empty()) line["op"] = op;
  return line.dump() + "\n";
}

std::string delete_line(const std::string& kind, const std::string& id) {
  return json{{"op", "delete"}, {"kind", kind}, {"id", id}}.dump() + "\n";
}

/// A gateway and a client on its socket.
struct Pair {
  TempDir folder;
  std::unique_ptr<Gateway> gateway;
  std::unique_ptr<PlainClient> client;

  Pair() {
    auto started = Gateway::start({folder.file("gateway.sock"), {}});
    REQUIRE(started);
    gateway = std::move(*started);
    reconnect();
  }
  void reconnect() { client = PlainClient::to_socket(gateway->socket_path()); }
  HttpAnswer state() const { return client->ask("GET", "/v1/config/state"); }
  HttpAnswer send(const std::string& method, const json& header, const std::string& lines) const {
    return client->ask(method, "/v1/config", header.dump() + "\n" + lines, {"Content-Type: application/x-ndjson"});
  }
  HttpAnswer put(int revision, int count, const std::string& lines) const {
    return send("PUT", {{"epoch", "e"}, {"revision", revision}, {"count", count}}, lines);
  }
  HttpAnswer patch(int from, int revision, int count, const std::string& lines) const {
    return send("PATCH",
                {{"from_epoch", "e"}, {"from", from}, {"epoch", "e"}, {"revision", revision}, {"count", count}}, lines);
  }
};

TEST_CASE("a fresh gateway has nothing") {
  const Pair pair;

  const auto state = pair.state().json();

  CHECK(state["epoch"].is_null());
  CHECK(state["revision"] == 0);
  CHECK(state["resources"] == 0);
  CHECK_FALSE(state["instance"].get<std::string>().empty());
}

TEST_CASE("a PUT replaces everything, a PATCH changes what it names") {
  const Pair pair;
  CHECK(pair.put(1, 1, artifact_line("RestApi", "old", "old")).status == 200);
  const auto answer = pair.put(2, 2, artifact_line("RestApi", "a", "pets") + artifact_line("Mcp", "b", "weather"));

  CHECK(answer.json() == json{{"epoch", "e"}, {"revision", 2}, {"rejected", json::array()}});
  CHECK(pair.gateway->resources().size() == 2);

  CHECK(pair.patch(2, 3, 2, delete_line("Mcp", "b") + artifact_line("RestApi", "c", "cats", "put")).status == 200);
  CHECK_FALSE(pair.gateway->resource("Mcp", "b"));
  CHECK(pair.gateway->resource("RestApi", "c")->value("op", "none") == "none");
  CHECK(pair.state().json()["revision"] == 3);
  CHECK(pair.gateway->violations().empty());
  CHECK(pair.gateway->wait_until([](const GatewayView& view) { return view.history.size() == 4; }));
}

TEST_CASE("a body with another number of lines is refused whole") {
  const Pair pair;

  CHECK(pair.put(1, 2, artifact_line("RestApi", "a", "pets")).status == 400);
  CHECK(pair.put(1, 1, "no json\n").status == 400);
  CHECK(pair.client->ask("PUT", "/v1/config", "{}\n", {"Content-Type: application/x-ndjson"}).status == 400);

  CHECK(pair.gateway->resources().empty());
  CHECK(pair.state().json()["revision"] == 0);
  CHECK_FALSE(pair.gateway->violations().empty());
}

TEST_CASE("a PATCH from elsewhere is answered with the state") {
  const Pair pair;
  CHECK(pair.put(5, 0, "").status == 200);

  const auto answer = pair.patch(4, 6, 0, "");

  CHECK(answer.status == 409);
  CHECK(answer.json()["revision"] == 5);
  CHECK(answer.json()["epoch"] == "e");
  CHECK(pair.patch(5, 6, 0, "").status == 200);
}

TEST_CASE("a chunked body is read as it comes") {
  const Pair pair;
  const std::string line = artifact_line("RestApi", "a", "pets");
  const std::string head = json{{"epoch", "e"}, {"revision", 1}, {"count", 1}}.dump() + "\n";
  const auto chunk = [](const std::string& text) {
    std::ostringstream size;
    size << std::hex << text.size();
    return size.str() + "\r\n" + text + "\r\n";
  };
  const std::string body = chunk(head + line.substr(0, 10)) + chunk(line.substr(10)) + "0\r\n\r\n";
  pair.client->send(
      "PUT /v1/config HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
      "Content-Type: application/x-ndjson\r\n\r\n" +
      body);

  CHECK(pair.gateway->wait_until([](const GatewayView& view) { return view.config.revision == 1; }));
  CHECK(pair.gateway->resources().size() == 1);
  CHECK(pair.gateway->violations().empty());
}

TEST_CASE("a refused line of a PUT leaves nothing, of a PATCH the earlier version") {
  const Pair pair;
  CHECK(pair.put(1, 1, artifact_line("RestApi", "a", "pets")).status == 200);
  const std::string before = pair.gateway->resources().at({"RestApi", "a"});
  pair.gateway->change_faults([](GatewayFaults& faults) { faults.refuse = {{"", "", "pets", "", "broken"}}; });

  const auto patched = pair.patch(1, 2, 1, artifact_line("RestApi", "a", "pets", "put")).json();
  CHECK(patched["rejected"] == json::array({{{"kind", "RestApi"}, {"id", "a"}, {"reason", "broken"}}}));
  CHECK(pair.gateway->resources().at({"RestApi", "a"}) == before);

  CHECK(pair.put(3, 1, artifact_line("RestApi", "a", "pets")).json()["rejected"].size() == 1);
  CHECK(pair.gateway->resources().empty());
  CHECK(pair.state().json()["revision"] == 3);
}

TEST_CASE("it can refuse every body that has a certain line, and nothing of it is applied") {
  const Pair pair;
  CHECK(pair.put(1, 1, artifact_line("RestApi", "a", "pets")).status == 200);
  pair.gateway->change_faults([](GatewayFaults& faults) {
    faults.refuse_bodies = {{"", "", "cats", "", "cannot parse"}, {"RestApi", "a", "", "", "cannot go"}};
  });

  const std::string both = artifact_line("RestApi", "d", "dogs", "put") + artifact_line("RestApi", "c", "cats", "put");
  const auto refused = pair.patch(1, 2, 2, both);
  CHECK(refused.status == 400);
  CHECK(refused.json()["error"] == "cannot parse");
  CHECK(pair.patch(1, 2, 1, delete_line("RestApi", "a")).status == 400);
  CHECK(pair.gateway->resources().size() == 1);
  CHECK(pair.state().json()["revision"] == 1);

  CHECK(pair.patch(1, 2, 1, artifact_line("RestApi", "d", "dogs", "put")).status == 200);
  CHECK(pair.gateway->resources().size() == 2);
  CHECK(pair.gateway->violations().empty());
}

TEST_CASE("an LlmProxy needs a provider that was heard of, not one that is there") {
  const Pair pair;
  const std::string proxy = artifact_line("LlmProxy", "p", "assistant");
  CHECK(pair.put(1, 1, proxy).json()["rejected"][0]["reason"] == "provider 'openai-provider' not found");

  const std::string provider = artifact_line("LlmProvider", "o", "openai-provider");
  CHECK(pair.put(2, 2, provider + proxy).json()["rejected"].empty());
  CHECK(pair.put(3, 1, proxy).json()["rejected"].empty());
  CHECK(pair.gateway->violations().empty());

  CHECK(pair.put(4, 2, proxy + provider).status == 200);
  CHECK(pair.gateway->violations().size() == 1);
}

TEST_CASE("keys before their artifact, removals before their dependants and wrong shapes are violations") {
  const Pair pair;
  const json key{{"kind", "ApiKey"},
                 {"id", "k"},
                 {"data",
                  {{"uuid", "k"},
                   {"name", "mobile"},
                   {"artifactUuid", "a"},
                   {"status", "active"},
                   {"apiKeyHashes", {{"sha256", "00"}}}}}};
  const std::string api = artifact_line("RestApi", "a", "pets");
  const auto violations = [&pair] { return pair.gateway->violations().size(); };

  CHECK(pair.put(1, 2, api + key.dump() + "\n").status == 200);
  CHECK(violations() == 0);
  CHECK(pair.put(2, 2, key.dump() + "\n" + api).status == 200);
  CHECK(violations() == 1);
  CHECK(pair.patch(2, 3, 2, delete_line("RestApi", "a") + delete_line("ApiKey", "k")).status == 200);
  CHECK(violations() == 2);
  json two_decimals = json::parse(api);
  two_decimals["deployedAt"] = "2026-08-22T11:02:03.41Z";
  CHECK(pair.put(4, 1, two_decimals.dump() + "\n").status == 200);
  CHECK(violations() == 3);
  CHECK(pair.put(5, 2, api + api).status == 200);
  CHECK(violations() == 4);
  CHECK(pair.send("PUT", {{"epoch", "e"}, {"revision", 6}, {"count", 1}}, api.substr(0, api.size() - 1)).status == 400);
  CHECK(violations() > 4);
}

TEST_CASE("answers can be lost before and after applying") {
  Pair pair;
  pair.gateway->change_faults([](GatewayFaults& faults) { faults.cut_before = 1; });
  CHECK(pair.put(1, 0, "").status == 0);
  CHECK(pair.gateway->state()["revision"] == 0);

  pair.reconnect();
  pair.gateway->change_faults([](GatewayFaults& faults) { faults.cut_after = 1; });
  CHECK(pair.put(1, 0, "").status == 0);
  CHECK(pair.gateway->state()["revision"] == 1);

  pair.reconnect();
  CHECK(pair.state().status == 200);
}

TEST_CASE("it can refuse, lie, delay and stall") {
  const Pair pair;
  pair.gateway->change_faults([](GatewayFaults& faults) {
    faults.status = 503;
    faults.status_count = 1;
    faults.lie_about_revision = 7;
    faults.lie_about_epoch = "another";
    faults.delay_ms = 20;
  });
  CHECK(pair.put(1, 0, "").status == 503);
  CHECK(pair.gateway->state()["revision"] == 0);
  const TimePoint begin = Clock::now();
  const auto lie = pair.put(1, 0, "").json();
  CHECK(lie["revision"] == 7);
  CHECK(lie["epoch"] == "another");
  CHECK(Clock::now() - begin >= 20ms);
  CHECK(pair.gateway->state()["revision"] == 1);
  CHECK(pair.gateway->state()["epoch"] == "e");

  pair.gateway->change_faults([](GatewayFaults& faults) { faults.stall = true; });
  pair.client->send("GET /v1/config/state HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK_FALSE(pair.client->ends(30ms));
}

TEST_CASE("it restarts empty or full as a new instance, and forgets or is set back in silence as the same") {
  Pair pair;
  CHECK(pair.put(1, 1, artifact_line("RestApi", "a", "pets")).status == 200);
  const std::string first = pair.state().json()["instance"];

  REQUIRE(pair.gateway->come_back(/*empty=*/false));
  pair.reconnect();
  const auto kept = pair.state().json();
  CHECK(kept["instance"] != first);
  CHECK(kept["revision"] == 1);

  pair.gateway->forget();
  const auto forgotten = pair.state().json();
  CHECK(forgotten["instance"] == kept["instance"]);
  CHECK(forgotten["revision"] == 0);

  CHECK(pair.put(5, 1, artifact_line("RestApi", "b", "cats")).status == 200);
  const GatewayConfig then = pair.gateway->backup();
  CHECK(pair.put(6, 0, "").status == 200);
  pair.gateway->restore_backup(then);
  const auto set_back = pair.state().json();
  CHECK(set_back["instance"] == kept["instance"]);
  CHECK(set_back["revision"] == 5);
  CHECK(pair.gateway->resource("RestApi", "b"));

  pair.gateway->stop();
  CHECK_FALSE(PlainClient::to_socket(pair.gateway->socket_path()));
}

}  // namespace
}  // namespace tether::peers
