#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "desired.h"
#include "planted.h"
#include "steps.h"
#include "tether/peers/texts.h"

/// The key that what is stored is encrypted with is lost, another one, or not there yet.
using namespace tether;
using namespace tether::test;
using nlohmann::json;

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kServed = 5;

/// Something of all that a listing shows: the rest comes by event only, and would not come again.
void deploy_what_is_listed(Scene& scene) {
  scene.control_plane().change([](peers::Desire& desire) {
    for (const char* handle : {"backend-key", "client-key"}) desire.put_secret(handle, peers::random_token());
    for (const char* kind : {"LlmProvider", "RestApi"}) {
      const auto sample = document_of(*peers::kind_named(kind));
      const auto deployed = desire.deploy(sample.kind, sample.handle, peers::sample_document(sample));
      REQUIRE(deployed);
      REQUIRE(desire.create_key(deployed->artifact_id, "mobile-app"));
      if (sample.kind == "LlmProvider") continue;
      REQUIRE(desire.create_subscription(deployed->artifact_id, desire.create_plan("gold")));
    }
  });
}

}  // namespace

TEST_CASE("a lost key costs the gateway nothing, and what it was for is fetched again [R10] [R28]") {
  Scene scene;
  Planted planted;
  start_peers(scene, planted);
  scene.start_daemon(settings_of(scene, "json"));
  deploy_what_is_listed(scene);
  REQUIRE(gateway_comes_to_agree(scene));
  scene.wait_until_in_sync();
  REQUIRE(scene.stop_daemon() == 0);
  const auto before = lines_at(scene.gateway());
  fs::remove(scene.file("state") + "/secrets.key");
  scene.control_plane().kill();
  const std::size_t from = scene.gateway().history().size();

  scene.start_daemon(settings_of(scene, "json"));

  CHECK(scene.daemon().wait_for_text("cannot be read"));
  CHECK(scene.gateway().wait_until([from](const peers::GatewayView& view) { return view.history.size() >= from + 3; },
                                   kPatience));
  CHECK((lines_at(scene.gateway()) == before));
  CHECK(scene.status()["in_sync"] == false);
  REQUIRE(scene.control_plane().revive());
  scene.wait_until_in_sync();
  CHECK(gateway_comes_to_agree(scene));
  for (const auto& push : pushes(scene.gateway(), from)) {
    CHECK(push.method == "PATCH");
    for (const auto& line : push.applied) CHECK_FALSE(line.removed);
  }
  // And it is stored with the new key: a gateway that comes with nothing is served from it.
  REQUIRE(scene.stop_daemon() == 0);
  scene.control_plane().kill();
  scene.gateway().stop();
  REQUIRE(scene.gateway().come_back(/*empty=*/true));
  scene.start_daemon(settings_of(scene, "json"));
  CHECK(gateway_comes_to_agree(scene));
}

TEST_CASE("a gateway that kept its configuration over a restart keeps it until what a lost key was for is here [R10]") {
  Scene scene;
  start_all(scene);
  serve(scene, kServed);
  REQUIRE(scene.stop_daemon() == 0);
  const auto before = lines_at(scene.gateway());
  fs::remove(scene.file("state") + "/secrets.key");
  scene.control_plane().kill();
  scene.gateway().stop();
  REQUIRE(scene.gateway().come_back(/*empty=*/false));
  const std::size_t from = scene.gateway().history().size();

  scene.start_daemon();

  CHECK(scene
            .wait_for([](const json& status) {
              return status["gateway"]["last_error"].is_string() &&
                     status["gateway"]["last_error"].get<std::string>().find("full listing") != std::string::npos;
            })
            .is_object());
  CHECK(pushes(scene.gateway(), from).empty());
  CHECK((lines_at(scene.gateway()) == before));
  REQUIRE(scene.control_plane().revive());
  scene.wait_until_in_sync();
  CHECK(gateway_comes_to_agree(scene));
  for (const auto& push : pushes(scene.gateway(), from)) {
    if (push.method == "PUT") CHECK(push.lines >= kServed);
  }
}

TEST_CASE("a key that cannot be had keeps the daemon alive and says so, and it goes on when the key is there") {
  Scene scene;
  scene.start_control_plane();
  scene.start_gateway();
  const std::string key = scene.file("keys") + "/store.key";

  scene.start_daemon({{"TETHER_STORE_KEY_FILE", key}});

  const auto status = scene.wait_for([](const json& seen) { return seen["store"]["degraded"] == true; });
  REQUIRE(status.is_object());
  CHECK_THAT(status["store"]["last_error"].get<std::string>(), Catch::Contains(key));
  CHECK(peers::admin_get(scene.admin(), "/livez").status == 200);
  fs::create_directory(scene.file("keys"));
  std::ofstream(key) << std::string(64, 'k');
  scene.wait_until_in_sync();
  serve(scene, 1);
}
