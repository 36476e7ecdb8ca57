#include "tether/peers/control_plane.h"

#include <catch2/catch.hpp>

#include "tether/peers/plain_client.h"

namespace tether::peers {
namespace {

constexpr const char* kBase = "/api/internal/v1";

std::unique_ptr<ControlPlane> started(ControlPlaneOptions options = {}) {
  auto control_plane = ControlPlane::start(std::move(options));
  REQUIRE(control_plane);
  return std::move(*control_plane);
}

std::unique_ptr<PlainClient> linked(const ControlPlane& control_plane) {
  auto client = PlainClient::to_port(control_plane.port());
  REQUIRE(client);
  REQUIRE(client->dial(control_plane.token()).status == 101);
  return client;
}

std::string ack_of(const nlohmann::json& event, const std::string& status = "success") {
  const auto& payload = event["payload"];
  return nlohmann::json{{"type", "deployment.ack"},
                        {"payload",
                         {{"deploymentId", payload["deploymentId"]},
                          {"artifactId", payload["apiId"]},
                          {"resourceType", "api"},
                          {"action", event["type"] == "api.deployed" ? "deploy" : "undeploy"},
                          {"status", status},
                          {"performedAt", payload["performedAt"]}}}}
      .dump();
}

TEST_CASE("an event goes out, its ack comes back, the deployment is DEPLOYED") {
  const auto control_plane = started();
  const auto client = linked(*control_plane);

  const auto hello = client->next_message();
  CHECK(hello["type"] == "connection.ack");
  CHECK(hello["gatewayId"] == control_plane->gateway_id());
  CHECK(parse_rfc3339(hello["timestamp"].get<std::string>()));

  const Deployed pets = control_plane->deploy("RestApi", "pets");
  const auto event = client->next_message();
  CHECK(event["type"] == "api.deployed");
  CHECK(event["payload"]["apiId"] == pets.artifact_id);
  client->send_text(ack_of(event));

  CHECK(control_plane->wait_until([&pets](const Observed&, const Desire& desire) {
    return desire.rows().at(pets.artifact_id).status == Status::Deployed;
  }));
  CHECK(control_plane->observed().acks_with(pets.artifact_id, "success") == 1);
  CHECK(control_plane->violations().empty());
}

TEST_CASE("a wrong client is found out") {
  const auto control_plane = started();
  const auto client = linked(*control_plane);
  const Deployed pets = control_plane->deploy("RestApi", "pets");
  const auto event = client->message_of_type("api.deployed");

  client->send_text(ack_of(event));
  client->send_text(ack_of(event, "failed"));
  auto other_time = nlohmann::json::parse(ack_of(event));
  other_time["payload"]["performedAt"] = "2020-01-01T00:00:00Z";
  client->send_text(other_time.dump());
  client->send_text("hello");
  client->send(server_frame(Opcode::Ping, ""));  // Unmasked.

  CHECK(control_plane->wait_until([](const Observed& seen, const Desire&) { return seen.unmasked_frames == 1; }));
  CHECK(control_plane->violations().size() == 4);
  CHECK(control_plane->status_of(pets.artifact_id) == Status::Failed);
}

TEST_CASE("dials are refused in the order of the protocol") {
  const auto control_plane = started();
  const auto dial = [&control_plane](const std::string& token) {
    return PlainClient::to_port(control_plane->port())->dial(token);
  };

  CHECK(dial("").status == 401);
  CHECK(dial("wrong").json()["code"] == "UNAUTHORIZED");
  const auto no_upgrade =
      PlainClient::to_port(control_plane->port())
          ->ask("GET", std::string(kBase) + "/ws/gateways/connect", {}, {"api-key: " + control_plane->token()});
  CHECK(no_upgrade.status == 400);

  control_plane->change_faults([](Faults& faults) {
    faults.dial_status = 503;
    faults.dial_status_count = 1;
  });
  CHECK(dial(control_plane->token()).status == 503);
  CHECK(dial(control_plane->token()).status == 101);

  control_plane->change_faults([](Faults& faults) { faults.rate_limit_per_min = 4; });
  const auto limited = dial(control_plane->token());
  CHECK(limited.status == 429);
  CHECK(limited.json()["code"] == "TOO_MANY_REQUESTS");
  CHECK(control_plane->observed().dials.size() == 6);
}

TEST_CASE("beyond the maximum there is one message and no close frame") {
  const auto control_plane = started();
  control_plane->change_faults([](Faults& faults) { faults.max_connections = 1; });
  const auto first = linked(*control_plane);
  CHECK(first->next_message()["type"] == "connection.ack");
  const auto second = linked(*control_plane);

  const auto error = second->next_frame();

  REQUIRE(error);
  CHECK(error->payload.find("maximum connection limit reached (1)") != std::string::npos);
  CHECK(second->ends());
}

TEST_CASE("a silent client is hung up on at a ping, an answering one is timed") {
  const auto control_plane = started();
  control_plane->change_faults([](Faults& faults) {
    faults.ping_interval_ms = 20;
    faults.pong_limit_ms = 3'000;
  });
  const auto client = linked(*control_plane);
  CHECK(client->next_frame()->opcode == Opcode::Text);
  const auto ping = client->next_frame();
  REQUIRE(ping);
  REQUIRE(ping->opcode == Opcode::Ping);
  client->send(client_frame(Opcode::Pong, ""));

  std::optional<Frame> last;
  while (auto frame = client->next_frame()) last = frame;

  REQUIRE(last);
  CHECK(last->opcode == Opcode::Close);
  CHECK(last->payload.substr(2) == "normal closure");
  CHECK(control_plane->observed().links.begin()->second.pongs == 1);
  CHECK(control_plane->violations().size() == 1);
}

TEST_CASE("links end in each of the ways that there are") {
  const auto control_plane = started();
  const auto last_frame = [&control_plane](Ending how) {
    const auto client = linked(*control_plane);
    CHECK(client->next_message()["type"] == "connection.ack");
    control_plane->end_links(how);
    const auto frame = client->next_frame();
    CHECK(client->ends());
    return frame;
  };

  CHECK(last_frame(Ending::ServerShutdown)->payload == std::string("\x03\xE8") + "server shutdown");
  CHECK(last_frame(Ending::NormalClosure)->payload.substr(2) == "normal closure");
  CHECK_FALSE(last_frame(Ending::TcpClose));
  CHECK_FALSE(last_frame(Ending::TcpReset));
}

TEST_CASE("recent events are replayed at the first connect, and continued at the next") {
  const auto control_plane = started();
  const Deployed first = control_plane->deploy("RestApi", "first");
  {
    const auto client = linked(*control_plane);
    CHECK(client->message_of_type("api.deployed")["payload"]["apiId"] == first.artifact_id);
  }
  REQUIRE(control_plane->wait_until([](const Observed& seen, const Desire&) { return seen.open_links() == 0; }));
  const Deployed second = control_plane->deploy("RestApi", "second");
  const auto client = linked(*control_plane);

  CHECK(client->message_of_type("api.deployed")["payload"]["apiId"] == second.artifact_id);

  control_plane->kill();
  CHECK(client->ends());
  CHECK_FALSE(PlainClient::to_port(control_plane->port()));
  REQUIRE(control_plane->revive());
  const auto again = linked(*control_plane);
  CHECK(again->message_of_type("api.deployed")["payload"]["apiId"] == first.artifact_id);
}

TEST_CASE("the newest events can be lost with the link") {
  const auto control_plane = started();
  control_plane->change_faults([](Faults& faults) { faults.lose_at_disconnect = 1; });
  {
    const auto client = linked(*control_plane);
    control_plane->deploy("RestApi", "arrives");
    control_plane->deploy("RestApi", "is-lost");
    CHECK_FALSE(client->message_of_type("api.deployed").is_null());
    control_plane->end_links(Ending::TcpReset);
  }
  REQUIRE(control_plane->wait_until([](const Observed& seen, const Desire&) { return seen.open_links() == 0; }));
  control_plane->change_faults([](Faults& faults) { faults.lose_at_disconnect = 0; });
  const auto client = linked(*control_plane);
  CHECK(client->next_message()["type"] == "connection.ack");
  const Deployed last = control_plane->deploy("RestApi", "arrives-too");

  CHECK(client->next_message()["payload"]["apiId"] == last.artifact_id);
}

TEST_CASE("events can come early, late, twice, padded and in strange company") {
  const auto control_plane = started();
  control_plane->change_faults([](Faults& faults) {
    faults.ack_delay_ms = 300;
    faults.event_delay_ms = 5;
    faults.unknown_events = true;
    faults.unknown_members = true;
    faults.pad_events_to_bytes = 1'048'576;
  });
  control_plane->deploy("RestApi", "pets");
  const auto client = linked(*control_plane);

  CHECK(client->next_message()["type"] == "future.thing");
  const auto frame = client->next_frame();
  REQUIRE(frame);
  CHECK(frame->payload.size() == 1'048'576);
  CHECK(frame->payload.find("xFutureMember") != std::string::npos);
  CHECK(client->next_message()["type"] == "connection.ack");

  control_plane->change_faults([](Faults& faults) {
    faults = {};
    faults.repeat_last = 1;
    faults.event_before_ack = true;
  });
  control_plane->deploy("RestApi", "more");
  const auto repeated = client->next_message();
  CHECK(repeated["correlationId"] == nlohmann::json::parse(frame->payload)["correlationId"]);
  const auto more = client->next_message();
  const auto other = linked(*control_plane);
  CHECK(other->next_message()["correlationId"] == more["correlationId"]);
  CHECK(other->next_message()["type"] == "connection.ack");
}

TEST_CASE("revoking a token closes nothing, deleting the gateway silences the link") {
  const auto control_plane = started();
  const std::string first = control_plane->token();
  const auto client = linked(*control_plane);
  const std::string second = control_plane->add_token();
  control_plane->revoke_token(first);
  const auto rest = PlainClient::to_port(control_plane->port());

  CHECK(rest->ask("GET", std::string(kBase) + "/deployments", {}, {"api-key: " + first}).status == 401);
  CHECK(rest->ask("GET", std::string(kBase) + "/deployments", {}, {"api-key: " + second}).status == 200);
  control_plane->deploy("RestApi", "pets");
  CHECK_FALSE(client->message_of_type("api.deployed").is_null());

  control_plane->delete_gateway();
  control_plane->deploy("RestApi", "unheard");
  CHECK(rest->ask("GET", std::string(kBase) + "/deployments", {}, {"api-key: " + second}).status == 401);
  CHECK_FALSE(client->next_frame(50ms));
  CHECK(control_plane->observed().open_links() == 1);
}

TEST_CASE("another database comes and goes with its gateway id") {
  const auto control_plane = started();
  const std::string first = control_plane->gateway_id();
  const Deployed pets = control_plane->deploy("RestApi", "pets");

  control_plane->swap_database("0191d7a2-5a2c-7f3e-9b51-000000000002");
  CHECK_FALSE(control_plane->status_of(pets.artifact_id));
  const auto client = linked(*control_plane);
  CHECK(client->next_message()["gatewayId"] == "0191d7a2-5a2c-7f3e-9b51-000000000002");

  control_plane->swap_database(first);
  CHECK(control_plane->status_of(pets.artifact_id) == Status::Deploying);
}

TEST_CASE("a backup brings back what was") {
  const auto control_plane = started();
  const Deployed pets = control_plane->deploy("RestApi", "pets");
  const Desire backup = control_plane->backup();
  control_plane->delete_artifact(pets.artifact_id);

  control_plane->restore_backup(backup);

  CHECK(control_plane->status_of(pets.artifact_id) == Status::Deploying);
}

TEST_CASE("a deployment that nobody acks times out on the sweep") {
  const auto control_plane = started();
  control_plane->change_faults([](Faults& faults) {
    faults.deploy_timeout_ms = 1;
    faults.sweep_interval_ms = 10;
  });
  const Deployed pets = control_plane->deploy("RestApi", "pets");

  CHECK(control_plane->wait_until([&pets](const Observed&, const Desire& desire) {
    return desire.rows().at(pets.artifact_id).reason == "DEPLOYMENT_TIMEOUT";
  }));
}

TEST_CASE("a dead path sends nothing and reads nothing") {
  const auto control_plane = started();
  const auto client = linked(*control_plane);
  CHECK(client->next_message()["type"] == "connection.ack");
  control_plane->change_faults([](Faults& faults) { faults.silent = true; });
  control_plane->deploy("RestApi", "pets");
  client->send(client_frame(Opcode::Ping, ""));

  CHECK_FALSE(client->next_frame(50ms));

  control_plane->change_faults([](Faults& faults) { faults.silent = false; });
  CHECK(client->next_frame());
}

TEST_CASE("knobs are set by name, and a wrong name is refused") {
  const auto changed = patched(Faults{}, {{"silent", true}, {"rest", {{"exists", {{"status", 500}}}}}});
  REQUIRE(changed);
  CHECK(changed->silent);
  CHECK(changed->rest.at("exists").status == 500);
  CHECK(changed->rest.at("exists").count == -1);

  CHECK_FALSE(patched(Faults{}, {{"slient", true}}));
  CHECK_FALSE(patched(Faults{}, {{"silent", "very"}}));
}

}  // namespace
}  // namespace tether::peers
