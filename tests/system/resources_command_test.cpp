#include <algorithm>
#include <catch2/catch.hpp>

#include "commands.h"
#include "desired.h"
#include "planted.h"
#include "steps.h"

using namespace tether;
using namespace tether::test;
using nlohmann::json;

TEST_CASE("tetherd resources lists all that is stored, of every kind, and none of its secrets [R3] [R29]") {
  Scene scene;
  Planted planted;
  start_peers(scene, planted);
  scene.start_daemon({{"TETHER_REGISTRATION_TOKEN", scene.control_plane().token()}});
  scene.wait_until_in_sync();
  const auto everything = deploy_everything(scene, planted);
  REQUIRE(gateway_comes_to_agree(scene));
  REQUIRE(all_come_to_be_acknowledged(scene));
  scene.wait_until_in_sync();

  const Ended all = run_command(scene, {"resources"});
  CHECK(all.status == kDone);
  CHECK(all.err.empty());
  planted.check_absent(all.out, "the list");
  const Ended in_json = run_command(scene, {"resources", "--json"});
  planted.check_absent(in_json.out, "the list for programs");
  for (const auto& [key, line] : scene.gateway().resources()) {
    CHECK(has(all.out, key.first));
    CHECK(has(in_json.out, "\"id\":" + json(key.second).dump()));
  }
  CHECK(has(all.out, "\n" + std::to_string(scene.gateway().resources().size()) + " resources\n"));
  CHECK(std::count(all.out.begin(), all.out.end(), '\n') ==
        static_cast<std::ptrdiff_t>(scene.gateway().resources().size()) + 1);

  CHECK(has(run_command(scene, {"resources", "--kind", "Mcp", "--state", "in-service"}).out, "\n1 resource\n"));
  CHECK(run_command(scene, {"resources", "--kind", "mcp"}).out ==
        run_command(scene, {"resources", "--kind", "Mcp"}).out);
  const Ended other = run_command(scene, {"resources", "--kind", "RestAPIs"});
  CHECK(other.status == kNotDone);
  CHECK(other.out == "0 resources\n");
  CHECK(has(other.err, "tetherd: nothing to list is of the kind RestAPIs; the kinds that are known are RestApi, "));
  CHECK(run_command(scene, {"resources", "--state", "held"}).out == "0 resources\n");
  for (const auto& [key, line] : scene.gateway().resources()) {
    const Ended one = run_command(scene, {"resources", key.second, "--kind", key.first});
    CHECK(one.status == kDone);
    CHECK(has(one.out, "in-service: the gateway has answered a push that has it\n"));
    const bool has_events = key.first != "Secret";
    CHECK(has(one.out, has_events ? "  history       20" : "  history       no event about it"));
    planted.check_absent(one.out, "one of them");
  }
  CHECK(has(run_command(scene, {"resources", everything.artifacts.at("LlmProxy").artifact_id}).out,
            "  refers to     LlmProvider "));
}

TEST_CASE("tetherd resources says why one is not in service, and what the gateway said is cleared of secrets [R3]") {
  Scene scene;
  start_all(scene);
  const auto ids = serve(scene, 2);
  scene.gateway().change_faults([&scene](peers::GatewayFaults& faults) {
    faults.refuse = {{"RestApi", "", "", "", "no such policy, " + scene.control_plane().token()}};
  });
  scene.control_plane().redeploy(ids.front());
  REQUIRE(scene.wait_for([](const json& seen) { return seen["quarantined"].size() == 1; }).is_object());

  const Ended list = run_command(scene, {"resources", "--state", "quarantined"});
  CHECK(has(list.out,
            "quarantined RestApi          api-0 (" + ids.front() + "): the gateway refused it: no such policy"));
  CHECK(has(list.out, "\n1 resource\n"));
  const Ended one = run_command(scene, {"resources", "api-0"});
  CHECK(has(one.out, "  refused       since "));
  CHECK(has(one.out, " api.deployed, the gateway has refused it ["));
  CHECK(one.out.find(scene.control_plane().token()) == std::string::npos);
  CHECK(list.out.find(scene.control_plane().token()) == std::string::npos);

  const Ended none = run_command(scene, {"resources", "api-9"});
  CHECK(none.status == kNotDone);
  CHECK(has(none.err, "tetherd: nothing is stored under that id or name"));
  CHECK(run_command(scene, {"resources", "--state", "lost"}).status == kNotAsked);
  scene.kill_daemon();
  CHECK(run_command(scene, {"resources"}).status == kNotDone);
}
