#include <catch2/catch.hpp>
#include <filesystem>

#include "commands.h"
#include "desired.h"
#include "steps.h"

using namespace tether;
using namespace tether::test;

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kServed = 10;

bool says(const nlohmann::json& status, const std::string& part) {
  const auto& error = status["gateway"]["last_error"];
  return error.is_string() && error.get<std::string>().find(part) != std::string::npos;
}

bool comes_to_say(Scene& scene, const std::string& part) {
  return scene.wait_for([&part](const nlohmann::json& status) { return says(status, part); }).is_object();
}

/// Ten in service by a daemon that has gone since.
std::vector<std::string> serve_and_stop(Scene& scene) {
  start_all(scene);
  auto ids = serve(scene, kServed);
  CHECK(scene.stop_daemon() == 0);
  return ids;
}

void lose_store(Scene& scene) {
  fs::remove_all(scene.file("state"));
}

/// As by somebody who left no trace: no events, and nothing in the lists.
void delete_silently(Scene& scene, const std::vector<std::string>& ids, std::size_t count) {
  scene.control_plane().change_faults([](peers::Faults& faults) { faults.drop_events = true; });
  for (std::size_t i = 0; i < count; ++i) scene.control_plane().delete_artifact(ids[i]);
  scene.control_plane().change_faults([](peers::Faults& faults) { faults.drop_events = false; });
}

/// `held_push` of the gateway in `/status`, once there is one.
nlohmann::json wait_for_held_push(Scene& scene) {
  const auto is_held = [](const nlohmann::json& status) { return status["gateway"]["held_push"].is_object(); };
  return scene.wait_for(is_held)["gateway"]["held_push"];
}

void check_that_it_is_held(Scene& scene) {
  const auto before = lines_at(scene.gateway());
  const std::size_t from = scene.gateway().history().size();

  scene.start_daemon({{"TETHER_POLL_INTERVAL_S", "1"}, {"TETHER_FULL_LIST_EVERY", "1"}});

  CHECK(comes_to_say(scene, "held for the operator"));
  CHECK(lists_again(scene, 3));
  const auto status = scene.status();
  CHECK(says(status, "held for the operator"));
  CHECK(status["in_sync"] == false);
  CHECK(pushes(scene.gateway(), from).empty());
  CHECK((lines_at(scene.gateway()) == before));
}

}  // namespace

TEST_CASE("a gateway with what a lost store does not know keeps it until everything was listed [R10] [R28]") {
  Scene scene;
  serve_and_stop(scene);
  const auto before = lines_at(scene.gateway());
  lose_store(scene);
  scene.control_plane().change_faults([](peers::Faults& faults) { faults.rest["deployments"].status = 500; });
  const std::size_t from = scene.gateway().history().size();

  scene.start_daemon();
  REQUIRE(scene.wait_for([](const nlohmann::json& status) { return status["control_plane"]["state"] == "connected"; })
              .is_object());
  // Something is in the new store, and would be all that a PUT carries. Its event is no history: that of the
  // connection's second would be, and wait for the listing.
  scene.control_plane().change_faults([](peers::Faults& faults) { faults.clock_offset_ms = 10'000; });
  const auto eleventh = scene.control_plane().deploy("RestApi", "eleventh");
  REQUIRE(scene
              .wait_for([](const nlohmann::json& status) {
                return status["store"]["resources"].value("RestApi", 0) == 1 &&
                       says(status, "waiting for a full listing");
              })
              .is_object());
  CHECK(pushes(scene.gateway(), from).empty());
  CHECK((lines_at(scene.gateway()) == before));
  CHECK(acks(scene, eleventh.artifact_id) == 0);
  scene.control_plane().change_faults([](peers::Faults& faults) { faults.rest.clear(); });

  CHECK(gateway_comes_to_agree(scene));
  CHECK(is_acknowledged(scene, eleventh.artifact_id));
  scene.wait_until_in_sync();
  for (const auto& push : pushes(scene.gateway(), from)) {
    if (push.method == "PUT") CHECK(push.lines >= kServed);
  }
}

TEST_CASE("a lost store takes no key and no subscription from a gateway because their lists came later [B5] [R10]") {
  Scene scene;
  const auto ids = serve_and_stop(scene);
  scene.control_plane().change([&ids](peers::Desire& desire) {
    const auto plan = desire.create_plan("gold");
    for (const auto& id : ids) {
      REQUIRE(desire.create_key(id, "key"));
      REQUIRE(desire.create_subscription(id, plan, {{"applicationId", "partner-app"}}));
    }
  });
  scene.start_daemon();
  REQUIRE(gateway_comes_to_agree(scene));
  REQUIRE(scene.wait_until_in_sync().is_object());
  REQUIRE(scene.stop_daemon() == 0);
  const auto before = lines_at(scene.gateway());
  lose_store(scene);
  const std::string call = GENERATE("api-keys", "subscriptions");
  scene.control_plane().change_faults([&call](peers::Faults& faults) { faults.rest[call].status = 503; });
  const std::size_t from = scene.gateway().history().size();

  scene.start_daemon();
  REQUIRE(scene
              .wait_for([](const nlohmann::json& status) {
                return status["store"]["resources"].value("RestApi", 0) == kServed &&
                       says(status, "waiting for a full listing");
              })
              .is_object());
  CHECK(pushes(scene.gateway(), from).empty());
  CHECK((lines_at(scene.gateway()) == before));
  scene.control_plane().change_faults([](peers::Faults& faults) { faults.rest.clear(); });

  CHECK(gateway_comes_to_agree(scene));
  for (const auto& push : pushes(scene.gateway(), from)) {
    for (const auto& line : push.applied) CHECK_FALSE(line.removed);
    if (push.method == "PUT") CHECK(push.lines >= before.size());
  }
}

TEST_CASE("a gateway with what a lost store does not know keeps it while the control plane is away [R10]") {
  Scene scene;
  serve_and_stop(scene);
  const auto before = lines_at(scene.gateway());
  lose_store(scene);
  scene.control_plane().kill();
  const std::size_t from = scene.gateway().history().size();

  scene.start_daemon();

  CHECK(comes_to_say(scene, "waiting for a full listing"));
  CHECK(scene.gateway().wait_until([from](const peers::GatewayView& view) { return view.history.size() >= from + 3; },
                                   kPatience));
  CHECK(pushes(scene.gateway(), from).empty());
  CHECK((lines_at(scene.gateway()) == before));
  REQUIRE(scene.control_plane().revive());
  scene.wait_until_in_sync();
  CHECK(gateway_comes_to_agree(scene));
}

TEST_CASE("a lost store does not take more than a fifth from a gateway, however often it is listed [B5]") {
  Scene scene;
  const auto ids = serve_and_stop(scene);
  lose_store(scene);
  delete_silently(scene, ids, 3);

  check_that_it_is_held(scene);
}

TEST_CASE("a lost store and an empty control plane do not empty a gateway, however often it is listed [B5]") {
  Scene scene;
  const auto ids = serve_and_stop(scene);
  lose_store(scene);
  delete_silently(scene, ids, kServed);

  check_that_it_is_held(scene);
}

TEST_CASE("a lost store may take a fifth, and what was held is let go when the control plane has enough again [B5]") {
  Scene scene;
  const auto ids = serve_and_stop(scene);
  lose_store(scene);
  delete_silently(scene, ids, 3);
  scene.start_daemon();
  REQUIRE(comes_to_say(scene, "held for the operator"));

  const auto eighth = scene.control_plane().deploy("RestApi", "eighth");

  CHECK(is_acknowledged(scene, eighth.artifact_id));
  CHECK(gateway_comes_to_agree(scene));
  scene.wait_until_in_sync();
}

TEST_CASE("what a lost store would take from a gateway is shown, and goes when an operator agrees [B5]") {
  Scene scene;
  const auto ids = serve_and_stop(scene);
  const auto before = lines_at(scene.gateway());
  lose_store(scene);
  const bool all = GENERATE(false, true);
  delete_silently(scene, ids, all ? kServed : 3);
  const std::size_t from = scene.gateway().history().size();
  scene.start_daemon();

  const auto held = wait_for_held_push(scene);
  CHECK(held["has"] == kServed);
  CHECK(held["would_get"] == (all ? 0 : kServed - 3));
  CHECK(held["instance"] == scene.status()["gateway"]["instance"]);
  CHECK(scene.metric("tetherd_gateway_push_held") == 1);
  CHECK(scene.daemon().wait_for_text("gateway.push_held"));

  const auto asked = run_command(scene, "release-deletions", /*yes=*/false);
  CHECK(asked.status == kNotAsked);
  CHECK(has(asked.out, "It has 10 resources that this store does not know, and would get " + held["would_get"].dump() +
                           " in their place"));
  CHECK(pushes(scene.gateway(), from).empty());
  CHECK((lines_at(scene.gateway()) == before));

  const auto released = run_command(scene, "release-deletions", /*yes=*/true);
  CHECK(released.status == kDone);
  CHECK(has(released.out, "the gateway has what is stored"));
  CHECK(released.err.empty());
  CHECK(gateway_comes_to_agree(scene));
  CHECK(scene.wait_until_in_sync()["gateway"]["held_push"].is_null());
  CHECK(scene.metric("tetherd_gateway_push_held") == 0);
  CHECK(has(run_command(scene, "release-deletions", /*yes=*/true).out, "nothing is held"));
}

TEST_CASE("a store that was set back does not set back the gateway before everything was listed [R10] [CE-7]") {
  Scene scene;
  start_all(scene);
  auto ids = serve(scene, kServed);
  SECTION("to an earlier moment of the same start") {
    // Nothing is written while it is in sync.
    fs::copy(scene.file("state"), scene.file("copy"), fs::copy_options::recursive);
  }
  SECTION("to an earlier start") {
    scene.kill_daemon();
    fs::copy(scene.file("state"), scene.file("copy"), fs::copy_options::recursive);
    scene.start_daemon();
    scene.wait_until_in_sync();
  }
  const auto newer = scene.control_plane().redeploy(ids.front(), document_with("api-0", "https://newer.example"));
  REQUIRE(gateway_comes_to_agree(scene));
  REQUIRE(is_acknowledged(scene, newer.artifact_id));
  scene.kill_daemon();
  scene.control_plane().kill();
  fs::remove_all(scene.file("state"));
  fs::rename(scene.file("copy"), scene.file("state"));
  const auto before = lines_at(scene.gateway());
  const std::size_t from = scene.gateway().history().size();

  scene.start_daemon();

  CHECK(comes_to_say(scene, "waiting for a full listing"));
  CHECK(pushes(scene.gateway(), from).empty());
  CHECK((lines_at(scene.gateway()) == before));
  REQUIRE(scene.control_plane().revive());
  scene.wait_until_in_sync();
  CHECK(gateway_comes_to_agree(scene));
  CHECK(served_deployment(scene.gateway(), newer.artifact_id) == newer.deployment_id);
}

TEST_CASE("a state folder that is taken away from a running daemon takes nothing from the gateway [R10] [R28]") {
  Scene scene;
  start_all(scene);
  const auto ids = serve(scene, kServed);
  const auto before = lines_at(scene.gateway());
  const std::size_t from = scene.gateway().history().size();
  lose_store(scene);

  const auto newer = scene.control_plane().redeploy(ids[0], document_with("api-0", "https://newer.example"));

  CHECK(scene.daemon().wait_for_text("taken away"));
  CHECK(is_acknowledged(scene, newer.artifact_id));
  scene.wait_until_in_sync();
  // The link was hung up by us, which is no error of the network.
  CHECK(scene.metric("tetherd_control_plane_reconnect_attempts_total{reason=\"store\"}") >= 1);
  CHECK(scene.metric("tetherd_control_plane_network_errors_total{reason=\"closed\"}") <= 0);
  CHECK(gateway_comes_to_agree(scene));
  for (const auto& push : pushes(scene.gateway(), from)) {
    if (push.method == "PUT") CHECK(push.lines >= kServed);
    for (const auto& line : push.applied) CHECK_FALSE(line.removed);
  }
  // What it made in its place is there for the next start.
  CHECK(scene.stop_daemon() == 0);
  scene.control_plane().kill();
  scene.gateway().stop();
  REQUIRE(scene.gateway().come_back(/*empty=*/true));
  scene.start_daemon();
  CHECK(gateway_comes_to_agree(scene));
  CHECK(lines_at(scene.gateway()).size() == before.size());
}
