#include <algorithm>
#include <catch2/catch.hpp>

#include "commands.h"
#include "desired.h"
#include "steps.h"

using namespace tether;
using namespace tether::test;

namespace {

/// Full listings a second apart that are more than the ten seconds after which an absence is believed.
constexpr std::size_t kListingsThatConfirm = 13;

Ended release(const Scene& scene, bool yes = true) {
  return run_command(scene, "release-deletions", yes);
}

/// `count` APIs that came by lists alone, in sync, listed each second.
std::vector<std::string> start_with(Scene& scene, std::size_t count, const std::string& release_after_s) {
  scene.start_control_plane();
  scene.control_plane().change_faults([](peers::Faults& faults) { faults.replay = "none"; });
  auto ids = scene.control_plane().bulk_deploy("RestApi", count, "api");
  scene.start_gateway();
  scene.start_daemon({{"TETHER_POLL_INTERVAL_S", "1"},
                      {"TETHER_FULL_LIST_EVERY", "1"},
                      {"TETHER_DELETION_RELEASE_AFTER_S", release_after_s}});
  REQUIRE(gateway_comes_to_agree(scene));
  REQUIRE(scene.wait_until_in_sync().is_object());
  return ids;
}

/// The first `count` are deleted, and nobody says so.
void lose(Scene& scene, const std::vector<std::string>& ids, std::size_t count, std::size_t from = 0) {
  scene.control_plane().change_faults([](peers::Faults& faults) { faults.drop_events = true; });
  scene.control_plane().change([&](peers::Desire& desire) {
    for (std::size_t i = from; i < count; ++i) REQUIRE(desire.delete_artifact(ids[i]));
  });
}

nlohmann::json wait_for_hold(Scene& scene, std::size_t would_go) {
  return scene.wait_for([would_go](const nlohmann::json& status) {
    return !status["holds"].empty() && status["holds"][0]["would_go"] == would_go;
  });
}

}  // namespace

TEST_CASE("what listings lack for long enough goes by itself, while they keep something [B5] [R29]") {
  Scene scene;
  const auto ids = start_with(scene, 12, "5");
  const auto before = lines_at(scene.gateway());
  const std::size_t from = scene.gateway().history().size();
  lose(scene, ids, 6);

  const auto hold = wait_for_hold(scene, 6)["holds"][0];
  CHECK(hold["listing"] == "deployments");
  CHECK(hold["in_service"] == 12);
  CHECK(hold["state"] == "held");
  CHECK(hold["release_in_s"].is_number());
  CHECK(hold["since"].is_string());
  CHECK(scene.metric("tetherd_held_deletions") == 6);
  CHECK(pushes(scene.gateway(), from).empty());
  CHECK((lines_at(scene.gateway()) == before));

  CHECK(gateway_comes_to_agree(scene));
  const auto status = scene.wait_until_in_sync();
  CHECK(status["held"].empty());
  CHECK(status["holds"].empty());
  CHECK(scene.metric("tetherd_held_deletions") == 0);
  const std::string log = scene.daemon().all_output();
  CHECK(log.find("removals are held") == log.rfind("removals are held"));  // once
  CHECK(log.find("lacked the same for long enough") == log.rfind("lacked the same for long enough"));
}

TEST_CASE("an empty control plane is never believed by waiting, but by an operator [B5]") {
  Scene scene;
  const auto ids = start_with(scene, 8, "1");
  const auto before = lines_at(scene.gateway());
  lose(scene, ids, 8);
  wait_for_hold(scene, 8);
  REQUIRE(lists_again(scene, kListingsThatConfirm));
  const auto hold = scene.status()["holds"][0];
  CHECK(hold["state"] == "held");
  CHECK(hold["release_in_s"].is_null());
  CHECK(has(hold["reason"], "never goes by itself"));
  CHECK((lines_at(scene.gateway()) == before));

  const auto asked = release(scene, /*yes=*/false);
  CHECK(asked.status == kNotAsked);
  CHECK(has(asked.out, "deployments: lacks 8 of 8"));
  for (const auto& id : ids) CHECK(has(asked.out, id));
  CHECK(has(asked.err, "--yes"));
  CHECK((lines_at(scene.gateway()) == before));

  const auto released = release(scene);
  CHECK(released.status == kDone);
  CHECK(has(released.out, "deployments: what was held is gone"));
  CHECK(released.err.empty());
  CHECK(gateway_comes_to_agree(scene));
  CHECK(lines_at(scene.gateway()).empty());
  CHECK(scene.wait_until_in_sync()["holds"].empty());
}

TEST_CASE("an operator's release removes nothing that the control plane has again [B5]") {
  Scene scene;
  start_with(scene, 8, "3600");
  const auto before = lines_at(scene.gateway());
  scene.control_plane().change_faults([](peers::Faults& faults) { faults.empty_lists = {"deployments"}; });
  wait_for_hold(scene, 8);
  scene.control_plane().change_faults([](peers::Faults& faults) { faults.rest["deployments"].status = 500; });
  const auto process = start_command(scene, "release-deletions", /*yes=*/true);
  CHECK(scene
            .wait_for([](const nlohmann::json& status) {
              return !status["holds"].empty() && status["holds"][0]["state"] == "asked";
            })
            .is_object());
  scene.control_plane().change_faults([](peers::Faults& faults) {
    faults.rest.clear();
    faults.empty_lists.clear();
  });

  const auto ended = end_of(*process);
  CHECK(ended.status == kDone);
  CHECK(has(ended.out, "lacks it no more, nothing is removed"));
  CHECK((lines_at(scene.gateway()) == before));
  CHECK(scene.wait_until_in_sync()["holds"].empty());
}

TEST_CASE("more missing than an operator was shown stays, and the command says so [B5]") {
  Scene scene;
  const auto ids = start_with(scene, 12, "3600");
  const auto before = lines_at(scene.gateway());
  lose(scene, ids, 6);
  wait_for_hold(scene, 6);
  scene.control_plane().change_faults([](peers::Faults& faults) { faults.rest["deployments"].status = 500; });
  const auto process = start_command(scene, "release-deletions", /*yes=*/true);
  CHECK(
      scene.wait_for([](const nlohmann::json& status) { return status["holds"][0]["state"] == "asked"; }).is_object());
  lose(scene, ids, 7, 6);
  scene.control_plane().change_faults([](peers::Faults& faults) { faults.rest.clear(); });

  const auto ended = end_of(*process);
  CHECK(ended.status == kNotDone);
  CHECK(has(ended.err, "something else is missing than was shown"));
  CHECK((lines_at(scene.gateway()) == before));
  CHECK(wait_for_hold(scene, 7)["holds"][0]["state"] == "held");

  CHECK(release(scene).status == kDone);
  CHECK(gateway_comes_to_agree(scene));
}

TEST_CASE("release-deletions says that nothing is held, that there is no link, and that there is no daemon") {
  Scene scene;
  const auto ids = start_with(scene, 8, "3600");
  const auto nothing = release(scene, /*yes=*/false);
  CHECK(nothing.status == kDone);
  CHECK(nothing.out == "nothing is held\n");

  lose(scene, ids, 8);
  wait_for_hold(scene, 8);
  const auto before = lines_at(scene.gateway());
  scene.control_plane().kill();
  CHECK(scene.wait_for([](const nlohmann::json& status) { return status["control_plane"]["state"] == "reconnecting"; })
            .is_object());
  const auto no_link = release(scene);
  CHECK(no_link.status == kNotDone);
  CHECK(has(no_link.err, "no link to the control plane"));
  CHECK((lines_at(scene.gateway()) == before));

  scene.kill_daemon();
  const auto no_daemon = release(scene);
  CHECK(no_daemon.status == kNotDone);
  CHECK(has(no_daemon.err, "the daemon does not answer: " + scene.admin()));
}

TEST_CASE("a hold and its release outlive a crash as what they are: held [B5] [R28]") {
  Scene scene;
  const auto ids = start_with(scene, 8, "3600");
  const auto before = lines_at(scene.gateway());
  lose(scene, ids, 8);
  const auto hold = wait_for_hold(scene, 8)["holds"][0];
  scene.kill_daemon();
  scene.start_daemon({{"TETHER_POLL_INTERVAL_S", "1"}, {"TETHER_FULL_LIST_EVERY", "1"}});

  const auto again = wait_for_hold(scene, 8)["holds"][0];
  CHECK(again["since"] == hold["since"]);
  REQUIRE(lists_again(scene, kListingsThatConfirm));
  CHECK(scene.status()["holds"][0]["since"] == hold["since"]);
  CHECK((lines_at(scene.gateway()) == before));
}
