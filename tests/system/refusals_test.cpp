#include <algorithm>
#include <catch2/catch.hpp>

#include "desired.h"
#include "steps.h"
#include "tether/peers/documents.h"

using namespace tether;
using namespace tether::test;

namespace {

void set_faults(Scene& scene, const std::function<void(peers::GatewayFaults&)>& set) {
  scene.gateway().change_faults(set);
}

bool comes_to_be_reported_failed(Scene& scene, const std::string& artifact_id) {
  return scene.control_plane().wait_until(
      [&artifact_id](const peers::Observed&, const peers::Desire& desire) {
        const auto& row = desire.rows().at(artifact_id);
        return row.status == peers::Status::Failed && row.reason == "GATEWAY_PROCESSING_ERROR";
      },
      kPatience);
}

/// The status once nothing is left to do with one resource in quarantine; that resource.
nlohmann::json the_quarantined_one(Scene& scene, bool settled = true) {
  const auto status = scene.wait_for(
      [settled](const nlohmann::json& now) { return now["quarantined"].size() == 1 && now["settled"] == settled; });
  if (!status.is_object()) return nullptr;
  CHECK(status["in_sync"] == false);
  return status["quarantined"][0];
}

/// A first version in service and a second one that the gateway refuses.
struct Refused {
  peers::Deployed good;
  peers::Deployed bad;
};

Refused refuse_a_second_version(Scene& scene) {
  const auto good =
      scene.control_plane().deploy("RestApi", "petstore", document_with("petstore", "https://one.example"));
  REQUIRE(is_acknowledged(scene, good.artifact_id));
  set_faults(scene, [](peers::GatewayFaults& faults) {
    faults.refuse = {{"", "", "", "https://two.example", "no such upstream"}};
  });
  const auto bad = scene.control_plane().redeploy(good.artifact_id, document_with("petstore", "https://two.example"));
  REQUIRE(comes_to_be_reported_failed(scene, good.artifact_id));
  return {good, bad};
}

/// Ten deployments that are in the store and not at the gateway, one of which it cannot take in any body.
std::string wait_with_ten(Scene& scene) {
  set_faults(scene, [](peers::GatewayFaults& faults) {
    faults.status = 503;
    faults.refuse_bodies = {{"", "", "bad", "", "cannot parse this"}};
  });
  scene.control_plane().bulk_deploy("RestApi", 5, "before");
  const auto bad = scene.control_plane().deploy("RestApi", "bad");
  scene.control_plane().bulk_deploy("RestApi", 4, "after");
  REQUIRE(
      scene
          .wait_for([](const nlohmann::json& status) { return status["store"]["resources"].value("RestApi", 0) == 10; })
          .is_object());
  set_faults(scene, [](peers::GatewayFaults& faults) { faults.status = 0; });
  return bad.artifact_id;
}

void check_all_but(Scene& scene, const std::string& bad) {
  auto others = scene.desired();
  others.erase(bad);
  CHECK(comes_to_be_reported_failed(scene, bad));
  CHECK(scene.gateway_comes_to_serve(others));
  for (const auto& [artifact, deployment] : others) {
    CHECK(is_acknowledged(scene, artifact));
    CHECK(acks(scene, artifact, "failed") == 0);
  }
  CHECK(acks(scene, bad) == 0);
  const auto quarantined = the_quarantined_one(scene);
  CHECK(quarantined["id"] == bad);
  CHECK(quarantined["reason"].get<std::string>().find("cannot parse this") != std::string::npos);
}

bool was_refused_alone(const std::vector<peers::GatewayRequest>& requests) {
  return std::ranges::any_of(
      requests, [](const peers::GatewayRequest& request) { return request.status == 400 && request.lines == 1; });
}

}  // namespace

TEST_CASE("a body that is refused whole is halved until the bad line is found; all others get in service [C5]") {
  Scene scene;
  start_all(scene);
  const std::size_t from = scene.gateway().history().size();

  const std::string bad = wait_with_ten(scene);

  check_all_but(scene, bad);
  const auto sent = pushes(scene.gateway(), from);
  CHECK(std::ranges::all_of(sent, [](const auto& request) { return request.method == "PATCH"; }));
  CHECK(was_refused_alone(sent));
}

TEST_CASE("a first PUT that is refused whole is done in pieces, and the bad line is found [R10] [C5]") {
  Scene scene;
  scene.start_control_plane();
  scene.start_gateway();
  set_faults(scene, [](peers::GatewayFaults& faults) { faults.status = 503; });
  scene.start_daemon();

  const std::string bad = wait_with_ten(scene);

  check_all_but(scene, bad);
  const auto sent = pushes(scene.gateway());
  CHECK(std::ranges::any_of(sent, [](const auto& r) { return r.method == "PUT" && r.status == 400 && r.lines == 10; }));
  CHECK(std::ranges::any_of(sent, [](const auto& r) { return r.method == "PUT" && r.status == 200 && r.lines == 0; }));
  CHECK(was_refused_alone(sent));
}

TEST_CASE("what a half refuses for want of what the next one brings gets in service all the same [R10] [B8]") {
  Scene scene;
  start_all(scene);
  peers::SampleDocument document;
  document.kind = "LlmProxy";
  document.handle = "assistant";
  document.providers = {"openai-provider"};
  const auto provider = scene.control_plane().deploy("LlmProvider", "openai-provider");
  const auto proxy = scene.control_plane().deploy("LlmProxy", "assistant", peers::sample_document(document));
  REQUIRE(is_acknowledged(scene, provider.artifact_id));
  REQUIRE(is_acknowledged(scene, proxy.artifact_id));
  const auto bad = scene.control_plane().deploy("RestApi", "bad");
  REQUIRE(is_acknowledged(scene, bad.artifact_id));
  // From now on the provider has the youngest revision: it is in the last part of what is sent in parts.
  scene.control_plane().redeploy(provider.artifact_id);
  REQUIRE(is_acknowledged(scene, provider.artifact_id));
  set_faults(scene, [](peers::GatewayFaults& faults) { faults.refuse_bodies = {{"", "", "bad", "", "cannot parse"}}; });
  const std::size_t from = scene.gateway().history().size();
  REQUIRE(scene.gateway().come_back(/*empty=*/true));

  auto desired = scene.desired();
  desired.erase(bad.artifact_id);
  CHECK(scene.gateway_comes_to_serve(desired));
  const auto sent = pushes(scene.gateway(), from);
  const auto refused = std::ranges::any_of(sent, [&proxy](const peers::GatewayRequest& request) {
    return std::ranges::any_of(request.applied, [&proxy](const peers::Applied& line) {
      return line.id == proxy.artifact_id && !line.reason.empty();
    });
  });
  CHECK(refused);  // else this is not what was to be shown
  CHECK(acks(scene, proxy.artifact_id, "failed") == 0);
}

TEST_CASE("a refused resource is shown, keeps its last good version in service and holds up nobody else [C5] [E3]") {
  Scene scene;
  start_all(scene);

  const auto good = refuse_a_second_version(scene).good;

  const auto shown = the_quarantined_one(scene);
  CHECK(shown["kind"] == "RestApi");
  CHECK(shown["id"] == good.artifact_id);
  CHECK(shown["handle"] == "petstore");
  CHECK(shown["reason"] == "no such upstream");
  const auto since = parse_rfc3339(shown["since"].get<std::string>());
  const auto next_try = parse_rfc3339(shown["next_try"].get<std::string>());
  REQUIRE((since && next_try));
  CHECK(*next_try - *since == std::chrono::hours(1));
  CHECK(scene.metric("tetherd_quarantined_resources") == 1);
  CHECK(served_deployment(scene.gateway(), good.artifact_id) == good.deployment_id);
  const auto tools = scene.control_plane().deploy("Mcp", "tools");
  CHECK(is_acknowledged(scene, tools.artifact_id));
  CHECK(served_deployment(scene.gateway(), good.artifact_id) == good.deployment_id);
}

TEST_CASE("after a restart of the gateway the last good version of what it refused is offered again [R10] [CE-2]") {
  Scene scene;
  start_all(scene);
  const auto good = refuse_a_second_version(scene).good;
  the_quarantined_one(scene);
  const std::size_t from = scene.gateway().history().size();
  const bool away = GENERATE(true, false);
  if (away) scene.control_plane().kill();

  SECTION("the gateway alone") {
    REQUIRE(scene.gateway().come_back(/*empty=*/true));
  }
  SECTION("the daemon too") {
    CHECK(scene.stop_daemon() == 0);
    REQUIRE(scene.gateway().come_back(/*empty=*/true));
    scene.start_daemon();
  }

  CHECK(scene.gateway_comes_to_serve({{good.artifact_id, good.deployment_id}}));
  // It is another instance, which might take what the one before refused: it was asked, and keeps the good one.
  CHECK(scene.gateway().wait_until(
      [from](const peers::GatewayView& view) {
        const auto sent = pushes_in(view.history, from);
        return std::ranges::any_of(sent, [](const peers::GatewayRequest& request) {
          return std::ranges::any_of(request.applied, [](const auto& line) { return !line.reason.empty(); });
        });
      },
      kPatience));
  CHECK(scene
            .wait_for([](const nlohmann::json& status) {
              return status["gateway"]["state"] == "in_sync" && status["quarantined"].size() == 1;
            })
            .is_object());
  CHECK(served_deployment(scene.gateway(), good.artifact_id) == good.deployment_id);
  CHECK(acks(scene, good.artifact_id, "failed") == 1);
}

TEST_CASE("another gateway that takes what the last one refused gets it, and it is acknowledged [C5]") {
  Scene scene;
  start_all(scene);
  const auto bad = refuse_a_second_version(scene).bad;
  the_quarantined_one(scene);
  set_faults(scene, [](peers::GatewayFaults& faults) { faults = {}; });

  REQUIRE(scene.gateway().come_back(/*empty=*/true));

  CHECK(scene.gateway_comes_to_serve({{bad.artifact_id, bad.deployment_id}}));
  CHECK(scene.wait_until_in_sync()["quarantined"].empty());
  CHECK(scene.control_plane().wait_until(
      [&bad](const auto& seen, const auto&) {
        return std::ranges::any_of(seen.acks, [&bad](const peers::ReceivedAck& ack) {
          return ack.payload["deploymentId"] == bad.deployment_id && ack.payload["status"] == "success";
        });
      },
      kPatience));
}

TEST_CASE("a new deployment of what was refused ends its quarantine [C5]") {
  Scene scene;
  start_all(scene);
  const auto good = refuse_a_second_version(scene).good;
  the_quarantined_one(scene);

  const auto third =
      scene.control_plane().redeploy(good.artifact_id, document_with("petstore", "https://three.example"));

  CHECK(is_acknowledged(scene, good.artifact_id));
  CHECK(scene.gateway_comes_to_serve({{third.artifact_id, third.deployment_id}}));
  CHECK(scene.wait_until_in_sync(45s)["quarantined"].empty());
}

TEST_CASE("what is undeployed while it is refused is gone, its last good version too [B1]") {
  Scene scene;
  start_all(scene);
  const auto good = refuse_a_second_version(scene).good;
  the_quarantined_one(scene);
  // The control plane refuses to undeploy what failed: deleting it is the only way, and that sends `*.deleted`.
  scene.control_plane().delete_artifact(good.artifact_id);

  CHECK(scene.gateway_comes_to_serve({}));
  CHECK(scene.wait_until_in_sync()["quarantined"].empty());
  REQUIRE(scene.gateway().come_back(/*empty=*/true));
  scene.wait_until_in_sync();
  CHECK(scene.gateway_comes_to_serve({}));
}

TEST_CASE("a removal that the gateway refuses is shown, and not acknowledged before it is carried out [C4]") {
  Scene scene;
  start_all(scene);
  const auto petstore = scene.control_plane().deploy("RestApi", "petstore");
  REQUIRE(is_acknowledged(scene, petstore.artifact_id));
  set_faults(scene, [&petstore](peers::GatewayFaults& faults) {
    faults.refuse = {{"RestApi", petstore.artifact_id, "", "", "in use"}};
  });

  scene.control_plane().undeploy(petstore.artifact_id);

  REQUIRE(scene.gateway().wait_until(
      [&petstore](const peers::GatewayView& view) {
        return !view.history.empty() && times_sent(view.history, petstore.artifact_id) >= 2;
      },
      kPatience));
  // The gateway still serves it: there is something left to do.
  CHECK(the_quarantined_one(scene, /*settled=*/false)["id"] == petstore.artifact_id);
  CHECK(acks(scene, petstore.artifact_id) == 1);
  CHECK(scene.control_plane().status_of(petstore.artifact_id) == peers::Status::Undeploying);

  set_faults(scene, [](peers::GatewayFaults& faults) { faults = {}; });
  REQUIRE(scene.gateway().come_back(/*empty=*/false));

  CHECK(is_acknowledged(scene, petstore.artifact_id));
  CHECK(scene.gateway_comes_to_serve({}));
  scene.wait_until_in_sync();
}

TEST_CASE("of many lines that one answer refuses, some are named in the log and the rest counted") {
  Scene scene;
  scene.start_control_plane();
  scene.start_gateway();
  scene.start_daemon();
  set_faults(scene, [](peers::GatewayFaults& faults) { faults.status = 503; });
  scene.control_plane().bulk_deploy("RestApi", 50);
  REQUIRE(
      scene
          .wait_for([](const nlohmann::json& status) { return status["store"]["resources"].value("RestApi", 0) == 50; })
          .is_object());
  set_faults(scene, [](peers::GatewayFaults& faults) {
    faults.status = 0;
    faults.refuse = {{"", "", "", "", "not today"}};
  });

  REQUIRE(scene.daemon().wait_for_text("gateway.refused_more", kPatience));
  std::size_t named = 0;
  for (const auto& line : scene.daemon().out()) {
    if (line.find(R"("event":"gateway.refused_more")") != std::string::npos) {
      CHECK(line.find(R"("lines":30)") != std::string::npos);
      break;
    }
    if (line.find(R"("event":"gateway.refused")") != std::string::npos) ++named;
  }
  CHECK(named == 20);
}
