#include <algorithm>
#include <array>
#include <catch2/catch.hpp>

#include "desired.h"
#include "steps.h"
#include "tether/peers/texts.h"

using namespace tether;
using namespace tether::test;

namespace {

void set_faults(Scene& scene, const std::function<void(peers::Faults&)>& set) {
  scene.control_plane().change_faults(set);
}

void stall_gateway(Scene& scene, bool on) {
  scene.gateway().change_faults([on](peers::GatewayFaults& faults) { faults.stall = on; });
}

/// The control plane's process dies and another one sends the last two minutes of events again.
void replay(Scene& scene, const std::string& how) {
  scene.control_plane().kill();
  set_faults(scene, [&how](peers::Faults& faults) { faults.replay = how; });
  REQUIRE(scene.control_plane().revive());
}

double received(const Scene& scene, const std::string& type) {
  return scene.metric("tetherd_events_received_total{type=\"" + type + "\"}");
}

std::string performed_at(Scene& scene, const std::string& artifact_id) {
  return scene.control_plane().change(
      [&artifact_id](peers::Desire& desire) { return desire.rows().at(artifact_id).performed_at_text; });
}

bool is_acked_with(Scene& scene, const std::string& artifact_id, const std::string& performed_at) {
  return scene.control_plane().wait_until(
      [&](const peers::Observed& seen, const peers::Desire&) {
        return std::ranges::any_of(seen.acks, [&](const peers::ReceivedAck& ack) {
          return ack.payload["artifactId"] == artifact_id && ack.payload["performedAt"] == performed_at &&
                 ack.payload["status"] == "success";
        });
      },
      kPatience);
}

bool comes_to_be_acked(Scene& scene, const std::string& artifact_id, std::size_t times) {
  return scene.control_plane().wait_until(
      [&artifact_id, times](const peers::Observed& seen, const peers::Desire&) {
        return seen.acks_with(artifact_id, "success") >= times;
      },
      kPatience);
}

bool outbox_comes_to_hold(Scene& scene, int acks) {
  return scene.wait_for([acks](const nlohmann::json& status) { return status["store"]["outbox_acks"] == acks; })
      .is_object();
}

/// A deployment that is stored and waits for the gateway, which says nothing for now.
peers::Deployed deploy_to_stalled_gateway(Scene& scene) {
  const auto stored = [](const nlohmann::json& status) { return status["store"]["resources"].value("RestApi", 0); };
  const int before = stored(scene.status());
  stall_gateway(scene, true);
  auto petstore = scene.control_plane().deploy("RestApi", "petstore");
  REQUIRE(scene.wait_for([&](const nlohmann::json& status) { return stored(status) == before + 1; }).is_object());
  return petstore;
}

/// A key that was created and revoked, and all of it told again.
void check_that_a_revoked_key_stays_away(const std::string& how) {
  Scene scene;
  start_all(scene);
  const auto ids = serve(scene, 1);
  const auto key =
      scene.control_plane().change([&ids](peers::Desire& desire) { return desire.create_key(ids[0], "mobile-app"); });
  REQUIRE(gateway_comes_to_agree(scene));
  scene.control_plane().change([&ids](peers::Desire& desire) { REQUIRE(desire.revoke_key(ids[0], "mobile-app")); });
  REQUIRE(gateway_comes_to_agree(scene));
  REQUIRE(scene.wait_until_in_sync().is_object());
  const std::size_t from = scene.gateway().history().size();
  const double revoked = received(scene, "apikey.revoked");

  replay(scene, how);

  scene.wait_for([&](const nlohmann::json&) { return received(scene, "apikey.revoked") > revoked; });
  scene.wait_until_in_sync();
  CHECK(gateway_comes_to_agree(scene));
  for (const auto& push : pushes(scene.gateway(), from)) {
    for (const auto& line : push.applied) CHECK((line.id != *key || line.removed));
  }
}

}  // namespace

TEST_CASE("events that are sent again after a reconnect do no harm and are acknowledged again [R22] [A2] [C2] [F14]") {
  const std::string how = GENERATE("duplicates", "duplicates_new_ids");
  INFO(how);
  Scene scene;
  start_all(scene);
  const auto first =
      scene.control_plane().deploy("RestApi", "changed", document_with("changed", "https://one.example"));
  REQUIRE(is_acknowledged(scene, first.artifact_id));
  const auto second =
      scene.control_plane().redeploy(first.artifact_id, document_with("changed", "https://two.example"));
  const auto stopped = scene.control_plane().deploy("RestApi", "stopped");
  REQUIRE(is_acknowledged(scene, stopped.artifact_id));
  scene.control_plane().undeploy(stopped.artifact_id);
  const auto deleted = scene.control_plane().deploy("RestApi", "deleted");
  REQUIRE(is_acknowledged(scene, deleted.artifact_id));
  scene.control_plane().delete_artifact(deleted.artifact_id);
  scene.control_plane().change([&first](peers::Desire& desire) {
    REQUIRE(desire.create_key(first.artifact_id, "mobile-app"));
    REQUIRE(desire.update_key(first.artifact_id, "mobile-app"));
    const auto plan = desire.create_plan("gold");
    REQUIRE(desire.update_plan(plan, {{"throttleLimitCount", 7}}));
    const auto subscription = desire.create_subscription(first.artifact_id, plan);
    REQUIRE(desire.update_subscription(*subscription, {{"status", "INACTIVE"}}));
  });
  REQUIRE(gateway_comes_to_agree(scene));
  REQUIRE(all_come_to_be_acknowledged(scene));
  REQUIRE(scene.wait_until_in_sync().is_object());
  const auto before = held_by(scene.gateway());
  const std::size_t from = scene.gateway().history().size();
  scene.control_plane().forget_observed();
  const double plans = received(scene, "subscriptionPlan.updated");

  replay(scene, how);

  CHECK(comes_to_be_acked(scene, first.artifact_id, 1));
  CHECK(comes_to_be_acked(scene, stopped.artifact_id, 1));
  scene.wait_for([&](const nlohmann::json&) { return received(scene, "subscriptionPlan.updated") > plans; });
  scene.wait_until_in_sync();
  CHECK((held_by(scene.gateway()) == before));
  const auto sent = pushes(scene.gateway(), from);
  for (const auto& gone : {stopped.artifact_id, deleted.artifact_id}) CHECK(times_sent(sent, gone) == 0);
  CHECK(times_sent(sent, second.artifact_id) == 0);
  for (const auto& ack : scene.control_plane().observed().acks) {
    CHECK(ack.payload["status"] == "success");
    CHECK(ack.payload["performedAt"] == performed_at(scene, ack.payload["artifactId"]));
  }
}

TEST_CASE("a revoked key is not brought back by the event of its creation coming again [R22]") {
  check_that_a_revoked_key_stays_away("duplicates");
}

TEST_CASE("nor is it, for a moment, by a copy of that event with an id of its own [R22]") {
  check_that_a_revoked_key_stays_away("duplicates_new_ids");
}

TEST_CASE("performedAt is echoed to the character, whatever its decimals and zeros [C1] [F9]") {
  struct Form {
    int decimals;
    int padding;
  };
  constexpr std::array<Form, 8> kForms{{{0, 0}, {1, 0}, {3, 0}, {6, 0}, {9, 0}, {1, 3}, {0, 6}, {6, 9}}};
  const bool by_event = GENERATE(true, false);
  Scene scene;
  scene.start_control_plane();
  scene.control_plane().deploy("Mcp", "tools");
  scene.start_gateway();
  scene.start_daemon({{"TETHER_POLL_INTERVAL_S", by_event ? "900" : "1"}});
  scene.wait_until_in_sync();

  std::vector<std::string> ids;
  for (const Form form : kForms) {
    set_faults(scene, [&form, by_event](peers::Faults& faults) {
      faults.performed_at_decimals = form.decimals;
      faults.performed_at_padding = form.padding;
      faults.drop_events = !by_event;
    });
    const std::string handle = "api-" + std::to_string(form.decimals) + "-" + std::to_string(form.padding);
    ids.push_back(scene.control_plane().deploy("RestApi", handle).artifact_id);
  }
  for (const std::string what : {"deployed", "undeployed"}) {
    for (const auto& id : ids) {
      const std::string at = performed_at(scene, id);
      CAPTURE(by_event, what, at);
      CHECK(is_acked_with(scene, id, at));
      if (what == "deployed") scene.control_plane().undeploy(id);
    }
  }
  CHECK(all_come_to_be_acknowledged(scene));
}

TEST_CASE("an event's time is kept once its effect was answered, and not before; it outlives the daemon [R19]") {
  Scene scene;
  start_all(scene);
  const auto first = serve(scene, 1);
  const auto time_of_deploys = [](const nlohmann::json& status) {
    return status["event_timestamps"].value("api.deployed", std::string());
  };
  const auto in_ms = [](peers::Desire& desire, const std::string& id) {
    return peers::performed_at_text(desire.rows().at(id).performed_at, 3, 3);
  };
  const auto petstore = deploy_to_stalled_gateway(scene);
  const std::string due =
      scene.control_plane().change([&](peers::Desire& desire) { return in_ms(desire, petstore.artifact_id); });
  CHECK(time_of_deploys(scene.status()) < due);

  stall_gateway(scene, false);

  scene.wait_for([&](const nlohmann::json& status) { return time_of_deploys(status) == due; });
  scene.kill_daemon();
  scene.control_plane().kill();
  scene.start_daemon();
  scene.wait_for([&](const nlohmann::json& status) { return time_of_deploys(status) == due; });
}

TEST_CASE("an ack that was sent into a link that broke is sent again on the next one, until it was read [C3]") {
  Scene scene;
  start_all(scene);
  const auto petstore = deploy_to_stalled_gateway(scene);
  set_faults(scene, [](peers::Faults& faults) { faults.silent = true; });
  stall_gateway(scene, false);
  REQUIRE(scene.daemon().wait_for_text("ack.sent", kPatience));
  REQUIRE(outbox_comes_to_hold(scene, 1));
  CHECK(acks(scene, petstore.artifact_id) == 0);
  const double deployed = received(scene, "api.deployed");

  scene.control_plane().end_links(peers::Ending::TcpReset);
  set_faults(scene, [](peers::Faults& faults) { faults.silent = false; });

  CHECK(is_acknowledged(scene, petstore.artifact_id));
  CHECK(outbox_comes_to_hold(scene, 0));
  CHECK(acks(scene, petstore.artifact_id) == 1);
  CHECK(received(scene, "api.deployed") == deployed);
  // It was read: the next link does not carry it.
  scene.control_plane().end_links(peers::Ending::TcpReset);
  scene.control_plane().wait_until([](const auto& seen, const auto&) { return seen.dials.size() >= 3; }, kPatience);
  scene.wait_until_in_sync();
  CHECK(acks(scene, petstore.artifact_id) == 1);
}

TEST_CASE("what gets in service while the control plane is away is acknowledged when it is back [R10] [R28] [C3]") {
  Scene scene;
  start_all(scene);
  const auto petstore = deploy_to_stalled_gateway(scene);
  set_faults(scene, [](peers::Faults& faults) { faults.replay = "none"; });
  scene.control_plane().kill();
  stall_gateway(scene, false);
  REQUIRE(scene.gateway_comes_to_serve({{petstore.artifact_id, petstore.deployment_id}}));
  REQUIRE(outbox_comes_to_hold(scene, 1));
  SECTION("the same daemon") {}
  SECTION("another one, after kill -9") {
    scene.kill_daemon();
    scene.start_daemon();
  }
  SECTION("after the control plane's limit: sent all the same") {
    scene.control_plane().change([](peers::Desire& desire) { desire.sweep(std::chrono::nanoseconds(-1)); });
    REQUIRE(scene.control_plane().revive());
    CHECK(comes_to_be_acked(scene, petstore.artifact_id, 1));
    CHECK(scene.control_plane().status_of(petstore.artifact_id) == peers::Status::Failed);
    CHECK(scene.gateway_comes_to_serve(scene.desired()));
    return;
  }

  REQUIRE(scene.control_plane().revive());

  CHECK(is_acknowledged(scene, petstore.artifact_id));
  CHECK(outbox_comes_to_hold(scene, 0));
}

TEST_CASE("`failed` is said once at most, also if the link breaks before it was read [C5]") {
  Scene scene;
  start_all(scene);
  scene.gateway().change_faults([](peers::GatewayFaults& faults) { faults.refuse = {{}}; });
  const auto petstore = deploy_to_stalled_gateway(scene);
  set_faults(scene, [](peers::Faults& faults) { faults.silent = true; });
  stall_gateway(scene, false);
  REQUIRE(scene.daemon().wait_for_text("ack.sent", kPatience));

  scene.control_plane().end_links(peers::Ending::TcpReset);
  set_faults(scene, [](peers::Faults& faults) { faults.silent = false; });

  scene.control_plane().wait_until([](const auto& seen, const auto&) { return seen.dials.size() >= 2; }, kPatience);
  scene.wait_for([](const nlohmann::json& status) { return status["settled"] == true; });
  replay(scene, "duplicates");
  scene.wait_for([&](const nlohmann::json&) { return received(scene, "api.deployed") >= 2; });
  scene.wait_for([](const nlohmann::json& status) { return status["settled"] == true; });
  CHECK(acks(scene, petstore.artifact_id, "failed") == 0);
  CHECK(acks(scene, petstore.artifact_id) == 0);
}

TEST_CASE("an ack that the control plane lost is made good by the same event coming again [C2]") {
  Scene scene;
  start_all(scene);
  set_faults(scene, [](peers::Faults& faults) { faults.ignore_acks = true; });
  const auto petstore = scene.control_plane().deploy("RestApi", "petstore");
  REQUIRE(comes_to_be_acked(scene, petstore.artifact_id, 1));
  scene.wait_until_in_sync();
  CHECK(scene.control_plane().status_of(petstore.artifact_id) == peers::Status::Deploying);
  set_faults(scene, [](peers::Faults& faults) { faults.ignore_acks = false; });

  replay(scene, "duplicates");

  CHECK(is_acknowledged(scene, petstore.artifact_id));
}

TEST_CASE("what is FAILED in the control plane for want of an ack is served, with what belongs to it [F5] [F7]") {
  Scene scene;
  start_all(scene);
  set_faults(scene, [](peers::Faults& faults) { faults.ignore_acks = true; });
  const auto petstore = scene.control_plane().deploy("RestApi", "petstore");
  scene.control_plane().change([&petstore](peers::Desire& desire) {
    REQUIRE(desire.create_key(petstore.artifact_id, "mobile-app"));
    REQUIRE(desire.create_subscription(petstore.artifact_id, desire.create_plan("gold")));
  });
  REQUIRE(gateway_comes_to_agree(scene));
  scene.wait_until_in_sync();
  const auto before = held_by(scene.gateway());
  scene.control_plane().change([](peers::Desire& desire) { desire.sweep(std::chrono::nanoseconds(-1)); });
  REQUIRE(scene.control_plane().status_of(petstore.artifact_id) == peers::Status::Failed);

  // The list of its subscriptions is closed now (403).
  scene.control_plane().forget_observed();
  scene.control_plane().end_links(peers::Ending::TcpReset);
  CHECK(scene.control_plane().wait_until([](const auto& seen, const auto&) { return seen.calls("subscriptions") >= 1; },
                                         kPatience));
  scene.wait_until_in_sync();
  CHECK((held_by(scene.gateway()) == before));
  CHECK(scene.daemon().all_output().find("rest.failed") == std::string::npos);  // it is no failure

  set_faults(scene, [](peers::Faults& faults) { faults.ignore_acks = false; });
  scene.control_plane().redeploy(petstore.artifact_id);
  CHECK(is_acknowledged(scene, petstore.artifact_id));
}
