#include <algorithm>
#include <catch2/catch.hpp>

#include "desired.h"
#include "steps.h"

using namespace tether;
using namespace tether::test;
using nlohmann::json;

namespace {

const std::string kSecond = "01a20bde-d854-7424-8ebe-d894208daace";

/// The control plane comes back with another database, which has this many deployments.
std::vector<std::string> swap(Scene& scene, std::size_t count) {
  // Killed first: what comes on a link of our own database is our own.
  scene.control_plane().kill();
  scene.control_plane().swap_database(kSecond);
  auto ids = scene.control_plane().bulk_deploy("RestApi", count, "second");
  REQUIRE(scene.control_plane().revive());
  return ids;
}

/// Whether the gateway comes to have what the present database wants, and the daemon to say that it is in sync.
bool comes_to_agree(Scene& scene) {
  return gateway_comes_to_agree(scene) && scene.wait_until_in_sync().is_object();
}

std::set<std::string> ids_at(Scene& scene) {
  std::set<std::string> ids;
  for (const auto& entry : lines_at(scene.gateway())) ids.insert(entry.first.second);
  return ids;
}

}  // namespace

TEST_CASE("another identity takes over in one push of all that it has, and never beside the one before [CE-2] [CE-9]") {
  Scene scene;
  start_all(scene);
  serve(scene, 5);
  const auto before = lines_at(scene.gateway());
  const std::size_t from = scene.gateway().history().size();

  const auto ids = swap(scene, 4);

  const auto staged = scene.wait_for([](const json& status) {
    const json& shown = status["control_plane"]["staged"];
    return shown.is_object() && shown["documents"] == 4;
  });
  CHECK(staged["control_plane"]["staged"]["gateway_id"] == kSecond);
  CHECK(staged["control_plane"]["staged"]["needs_operator"] == false);
  CHECK(staged["in_sync"] == false);
  if (scene.status()["control_plane"]["gateway_id"] != kSecond) CHECK((lines_at(scene.gateway()) == before));

  CHECK(comes_to_agree(scene));
  CHECK(ids_at(scene) == std::set<std::string>(ids.begin(), ids.end()));
  const auto sent = pushes(scene.gateway(), from);
  REQUIRE_FALSE(sent.empty());
  CHECK(sent.front().method == "PUT");
  CHECK(sent.front().lines == 4);
  for (const auto& id : ids) CHECK(is_acknowledged(scene, id));
  const auto status = scene.status();
  CHECK(status["control_plane"]["gateway_id"] == kSecond);
  CHECK(status["control_plane"]["other_gateway_id"].is_null());
  CHECK(status["control_plane"]["staged"].is_null());
}

TEST_CASE("a daemon killed between a switch and its push leaves the gateway one identity's configuration [CE-2]") {
  Scene scene;
  start_all(scene);
  serve(scene, 5);
  const auto before = lines_at(scene.gateway());
  scene.gateway().change_faults([](peers::GatewayFaults& faults) { faults.status = 503; });
  const std::size_t from = scene.gateway().history().size();
  const auto ids = swap(scene, 5);
  REQUIRE(
      scene.wait_for([](const json& status) { return status["control_plane"]["gateway_id"] == kSecond; }).is_object());
  CHECK((lines_at(scene.gateway()) == before));

  scene.kill_daemon();
  scene.start_daemon();
  CHECK((lines_at(scene.gateway()) == before));
  scene.gateway().change_faults([](peers::GatewayFaults& faults) { faults.status = 0; });

  CHECK(comes_to_agree(scene));
  CHECK(ids_at(scene) == std::set<std::string>(ids.begin(), ids.end()));
  for (const auto& push : pushes(scene.gateway(), from)) {
    if (push.status == 503) CHECK(push.method == "PUT");
  }
  for (const auto& id : ids) CHECK(is_acknowledged(scene, id));
}
