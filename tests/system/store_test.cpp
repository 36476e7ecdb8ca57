#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "desired.h"
#include "read_only_mount.h"
#include "sanitized.h"
#include "steps.h"

using namespace tether;
using namespace tether::test;
using nlohmann::json;

namespace {

constexpr std::size_t kServed = 5;

json wait_until_degraded(Scene& scene, bool degraded = true) {
  return scene.wait_for([degraded](const json& status) { return status["store"]["degraded"] == degraded; });
}

bool is_asked_again(Scene& scene, std::size_t times) {
  const std::size_t from = scene.gateway().history().size();
  return scene.gateway().wait_until([=](const peers::GatewayView& view) { return view.history.size() >= from + times; },
                                    kPatience);
}

std::ptrdiff_t puts(const Gateway& gateway, std::size_t from) {
  return std::ranges::count(pushes(gateway, from), "PUT", &peers::GatewayRequest::method);
}

/// Some in service and acknowledged, one that is stored and that no gateway has seen, and no daemon any more.
peers::Deployed serve_and_stop_with_one_more(Scene& scene) {
  start_all(scene);
  serve(scene, kServed);
  scene.gateway().stop();
  const auto more = scene.control_plane().deploy("RestApi", "one-more");
  REQUIRE(scene.wait_for([](const json& status) { return status["store"]["resources"]["RestApi"] == kServed + 1; })
              .is_object());
  REQUIRE(scene.stop_daemon() == 0);
  return more;
}

/// A gateway that has nothing, before a store that cannot be written: it gets all that is stored, and nothing of it is
/// called done before it can be.
void check_serves_without_writing(Scene& scene, const peers::Deployed& more, std::size_t from) {
  CHECK(gateway_comes_to_agree(scene));
  const auto status = wait_until_degraded(scene);
  CHECK(status["store"]["last_error"].is_string());
  CHECK(status["store"]["resources"]["RestApi"] == kServed + 1);
  REQUIRE(scene.wait_for([](const json& seen) { return seen["control_plane"]["state"] == "connected"; }).is_object());
  CHECK(scene.wait_for([](const json& seen) { return seen["gateway"]["ready"] == true; }).is_object());
  CHECK(is_asked_again(scene, 3));
  CHECK(peers::admin_get(scene.admin(), "/readyz").status == 200);
  CHECK(scene.status()["in_sync"] == false);
  CHECK(scene.metric("tetherd_store_degraded") == 1);
  CHECK(pushes(scene.gateway(), from).size() == 1);
  CHECK(acks(scene, more.artifact_id) == 0);
}

void check_heals(Scene& scene, const peers::Deployed& more) {
  const auto healed = wait_until_degraded(scene, false);
  REQUIRE(healed.is_object());
  CHECK(healed["store"]["last_error"].is_null());
  CHECK(is_acknowledged(scene, more.artifact_id));
  CHECK(scene.wait_until_in_sync().is_object());
  CHECK(differences(scene).empty());
}

/// `PRAGMA user_version`, at its place in the file (https://www.sqlite.org/fileformat.html, 1.3). Of a daemon that runs
/// no cache has it, since nothing has been written.
void set_schema_version(const std::string& database, char version) {
  const std::string log = database + "-wal";
  REQUIRE((!std::filesystem::exists(log) || std::filesystem::is_empty(log)));
  constexpr std::streamoff kLastByte = 63;
  std::fstream file(database, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(kLastByte);
  file.put(version);
  REQUIRE(file.good());
}

}  // namespace

TEST_CASE("on a disk that is full from the start an empty gateway is served, and it heals by itself [R9] [R10]") {
  if (!kStartsOnFullDisk) return;
  Scene scene;
  const auto more = serve_and_stop_with_one_more(scene);
  REQUIRE(scene.gateway().come_back(/*empty=*/true));
  const std::size_t from = scene.gateway().history().size();

  scene.start_daemon({}, /*full_disk=*/true);

  check_serves_without_writing(scene, more, from);
  // As often as a gateway comes with nothing, and the last answer is the one that counts.
  for (int i = 0; i < 2; ++i) {
    scene.gateway().stop();
    REQUIRE(scene.gateway().come_back(/*empty=*/true));
    CHECK(gateway_comes_to_agree(scene));
    CHECK(is_asked_again(scene, 1));
  }
  CHECK(puts(scene.gateway(), from) == 3);
  CHECK(acks(scene, more.artifact_id) == 0);
  scene.daemon().fill_disk(false);
  check_heals(scene, more);
  CHECK(puts(scene.gateway(), from) == 3);
  CHECK(acks(scene, more.artifact_id) == 1);
}

TEST_CASE("on a disk that is full from the start a gateway keeps what it has [R9] [R10]") {
  if (!kStartsOnFullDisk) return;
  Scene scene;
  const auto more = serve_and_stop_with_one_more(scene);
  REQUIRE(scene.gateway().come_back(/*empty=*/false));
  const auto before = lines_at(scene.gateway());
  const std::size_t from = scene.gateway().history().size();

  scene.start_daemon({}, /*full_disk=*/true);

  const auto waiting = scene.wait_for([](const json& status) {
    return status["gateway"]["last_error"] == "the store cannot be written: the gateway keeps what it has";
  });
  CHECK(waiting["store"]["degraded"] == true);
  CHECK(is_asked_again(scene, 3));
  CHECK(pushes(scene.gateway(), from).empty());
  CHECK((lines_at(scene.gateway()) == before));
  scene.daemon().fill_disk(false);
  check_heals(scene, more);
}

TEST_CASE("what a daemon sent that could not store its epoch is not its successor's [R10]") {
  if (!kStartsOnFullDisk) return;
  Scene scene;
  serve_and_stop_with_one_more(scene);
  REQUIRE(scene.gateway().come_back(/*empty=*/true));
  scene.start_daemon({}, /*full_disk=*/true);
  REQUIRE(gateway_comes_to_agree(scene));
  REQUIRE(wait_until_degraded(scene).is_object());
  scene.control_plane().kill();
  CHECK(scene.stop_daemon() == 0);
  const std::size_t from = scene.gateway().history().size();

  scene.start_daemon();

  CHECK(scene
            .wait_for([](const json& status) {
              return status["gateway"]["last_error"] ==
                     "the gateway has what this store does not know: waiting for a full listing, with nothing held";
            })
            .is_object());
  CHECK(pushes(scene.gateway(), from).empty());
  REQUIRE(scene.control_plane().revive());
  CHECK(scene.wait_until_in_sync().is_object());
}

TEST_CASE("nothing that a full disk did not take is pushed or acknowledged before it is stored [R9]") {
  Scene scene;
  start_all(scene);
  const auto ids = serve(scene, kServed);
  const auto before = lines_at(scene.gateway());
  const std::size_t from = scene.gateway().history().size();
  scene.control_plane().forget_observed();
  scene.daemon().fill_disk(true);

  const auto redeployed = scene.control_plane().redeploy(ids[0], document_with("api-0", "https://newer.example"));
  scene.control_plane().undeploy(ids[1]);
  const auto more = scene.control_plane().deploy("RestApi", "one-more");
  REQUIRE(wait_until_degraded(scene).is_object());

  CHECK(is_asked_again(scene, 3));
  CHECK(scene.status()["in_sync"] == false);
  CHECK(pushes(scene.gateway(), from).empty());
  CHECK((lines_at(scene.gateway()) == before));
  CHECK(scene.control_plane().observed().acks.empty());

  SECTION("the gateway stays") {}
  SECTION("the gateway is restarted, and has what is stored again") {
    scene.gateway().stop();
    REQUIRE(scene.gateway().come_back(/*empty=*/true));
    CHECK(scene.gateway().wait_until(
        [](const peers::GatewayView& view) { return view.config.resources.size() == kServed; }, kPatience));
    CHECK((lines_at(scene.gateway()) == before));
    CHECK(scene.control_plane().observed().acks.empty());
  }

  scene.daemon().fill_disk(false);
  check_heals(scene, more);
  CHECK(is_acknowledged(scene, ids[1]));
  CHECK(is_acknowledged(scene, redeployed.artifact_id));
  CHECK(served_deployment(scene.gateway(), ids[0]) == redeployed.deployment_id);
}

TEST_CASE("a store of a newer version is served, left alone, and used once it is one of ours [R10]") {
  Scene scene;
  const auto more = serve_and_stop_with_one_more(scene);
  const std::string database = scene.file("state") + "/tetherd.db";
  set_schema_version(database, 99);
  REQUIRE(scene.gateway().come_back(/*empty=*/true));
  const std::size_t from = scene.gateway().history().size();

  scene.start_daemon();

  check_serves_without_writing(scene, more, from);
  CHECK(scene.status()["store"]["last_error"].get<std::string>().find("newer version") != std::string::npos);
  CHECK(scene.daemon().wait_for_text("newer version"));
  CHECK(scene.daemon().is_running());
  set_schema_version(database, 1);
  check_heals(scene, more);
}

TEST_CASE("a store on a read-only file system is served, and used once it can be written [R9] [R10]") {
  Scene scene;
  const auto more = serve_and_stop_with_one_more(scene);
  SECTION("with its lock file") {}
  SECTION("without its lock file") {
    std::filesystem::remove(scene.file("state") + "/tetherd.lock");
  }
  ReadOnlyMount mount(scene.file("state"));
  if (!mount.is_made()) {
    WARN("skipped: this user may not mount");
    return;
  }
  REQUIRE(scene.gateway().come_back(/*empty=*/true));
  const std::size_t from = scene.gateway().history().size();

  scene.start_daemon();

  check_serves_without_writing(scene, more, from);
  REQUIRE(mount.make_writable());
  check_heals(scene, more);
}

TEST_CASE("a store that is damaged while it is used is set aside, and the gateway keeps what it has until then [R10]") {
  Scene scene;
  start_all(scene);
  // More than is kept in memory.
  const auto document = [](std::size_t i, const std::string& backend) {
    return document_with("large-" + std::to_string(i), backend) + "# " + std::string(500'000, 'x') + "\n";
  };
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < kServed; ++i) {
    ids.push_back(scene.control_plane()
                      .deploy("RestApi", "large-" + std::to_string(i), document(i, "https://a.example"))
                      .artifact_id);
  }
  for (const auto& id : ids) REQUIRE(is_acknowledged(scene, id));
  REQUIRE(scene.stop_daemon() == 0);  // nothing is left in the log
  scene.start_daemon();
  REQUIRE(scene.wait_until_in_sync().is_object());
  const std::string database = scene.file("state") + "/tetherd.db";
  {
    const auto size = std::filesystem::file_size(database);
    std::fstream file(database, std::ios::in | std::ios::out | std::ios::binary);
    file << std::string(size, 'x');
  }
  const std::size_t from = scene.gateway().history().size();

  std::uint64_t fewest = kServed;
  SECTION("found by a transaction") {
    const auto newer = scene.control_plane().redeploy(ids[0], document(0, "https://b.example"));
    CHECK(is_acknowledged(scene, newer.artifact_id));
  }
  SECTION("found by a push") {
    scene.gateway().stop();
    REQUIRE(scene.gateway().come_back(/*empty=*/true));
    fewest = 0;  // it has nothing to lose, and may be told at once that there is nothing yet
  }

  CHECK(scene.wait_for([](const json& status) { return status["in_sync"] == true && !status["store"]["degraded"]; })
            .is_object());
  CHECK(gateway_comes_to_agree(scene));
  CHECK(scene.daemon().wait_for_text("the store was damaged"));
  CHECK(std::filesystem::exists(database + ".damaged-1"));
  for (const auto& push : pushes(scene.gateway(), from)) {
    if (push.method == "PUT") CHECK(push.lines >= fewest);
    for (const auto& line : push.applied) CHECK_FALSE(line.removed);
  }
  // What was begun in its place is a store like any other.
  scene.control_plane().undeploy(ids[1]);
  CHECK(is_acknowledged(scene, ids[1]));
  CHECK(scene.wait_until_in_sync().is_object());
}

TEST_CASE("a state folder that cannot be made ends the daemon with a sentence") {
  Scene scene;
  std::ofstream(scene.file("file")) << "not a folder";

  scene.start_daemon({{"TETHER_STATE_DIR", scene.file("file") + "/state"}});

  CHECK(scene.daemon().wait_for_exit(kPatience) == 1);
  CHECK(scene.daemon().err().size() == 1);
}
