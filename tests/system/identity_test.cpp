#include <algorithm>
#include <catch2/catch.hpp>

#include "commands.h"
#include "desired.h"
#include "steps.h"
#include "tether/admin/accept.h"
#include "tether/admin/admin_client.h"

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

Ended accept(const Scene& scene, bool yes = true) {
  return run_command(scene, kAcceptCommand, yes);
}

/// Waits until the second database's identity takes over by an operator's word alone; what it waits for.
std::string wait_for_an_operator(Scene& scene) {
  const auto status = scene.wait_for([](const json& now) {
    const json& staged = now["control_plane"]["staged"];
    return staged.is_object() && staged["needs_operator"] == true;
  });
  const json& staged = status["control_plane"]["staged"];
  CHECK(staged["gateway_id"] == kSecond);
  return staged["waits_for"];
}

/// What `/status` shows now of the staged identity.
AgreedIdentity shown_now(const Scene& scene) {
  const auto status = scene.status();
  const json& staged = status["control_plane"]["staged"];
  AgreedIdentity out{staged["gateway_id"], staged["waits_for"], staged["deployed"], staged["documents"],
                     staged["resources"]};
  for (const json& count : status["store"]["resources"]) out.in_service += count.get<std::uint64_t>();
  return out;
}

/// The endpoint's own answer to this consent; empty: it was taken.
std::string answer_to_accept(const Scene& scene, const AgreedIdentity& agreed) {
  const auto colon = scene.admin().rfind(':');
  const AdminClient client(
      {scene.admin().substr(0, colon), static_cast<std::uint16_t>(std::stoi(scene.admin().substr(colon + 1)))});
  const auto taken = client.command(kAcceptCommand, write_acceptance(agreed));
  return taken ? "" : taken.error().message;
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

TEST_CASE("a much smaller identity is held, shown, and served once an operator accepts it, and no other [H]") {
  Scene scene;
  start_all(scene);
  serve(scene, 5);
  const auto first = scene.status()["control_plane"]["gateway_id"].get<std::string>();
  const auto before = lines_at(scene.gateway());
  const auto ids = swap(scene, 2);
  CHECK(has(wait_for_an_operator(scene), "less than 80 %"));
  const std::size_t from = scene.gateway().history().size();

  const auto asked = accept(scene, /*yes=*/false);
  CHECK(asked.status == kNotAsked);
  CHECK(has(asked.out, "In service: gateway id " + first + ", 5 resources."));
  CHECK(has(asked.out, "Staged: gateway id " + kSecond + ", since 20"));
  CHECK(has(asked.out, ", 2 resources; 0 of its 2 deployed artifacts lack their document."));
  CHECK(has(asked.err, "--yes"));
  auto shown = shown_now(scene);
  CHECK(shown.resources == 2);
  CHECK(shown.in_service == 5);
  shown.gateway_id = first;
  CHECK(has(answer_to_accept(scene, shown), "another identity is staged than was shown"));
  CHECK(scene.status()["control_plane"]["staged"]["accepted"] == false);
  CHECK(scene.status()["control_plane"]["gateway_id"] == first);
  CHECK((lines_at(scene.gateway()) == before));

  const auto accepted = accept(scene);
  CHECK(accepted.status == kDone);
  CHECK(has(accepted.out, "gateway id " + kSecond + " is in service"));
  CHECK(accepted.err.empty());
  CHECK(comes_to_agree(scene));
  CHECK(ids_at(scene) == std::set<std::string>(ids.begin(), ids.end()));
  const auto sent = pushes(scene.gateway(), from);
  REQUIRE_FALSE(sent.empty());
  CHECK(sent.front().method == "PUT");
  CHECK(sent.front().lines == 2);
  for (const auto& id : ids) CHECK(is_acknowledged(scene, id));
  CHECK(scene.status()["control_plane"]["staged"].is_null());
}

TEST_CASE("a staged identity that has become less than an operator was shown is not served by that word [H]") {
  Scene scene;
  start_all(scene);
  serve(scene, 5);
  const auto before = lines_at(scene.gateway());
  const auto ids = swap(scene, 3);
  CHECK(has(wait_for_an_operator(scene), "less than 80 %"));
  const auto shown = shown_now(scene);
  REQUIRE(shown.resources == 3);

  scene.control_plane().undeploy(ids.front());
  REQUIRE(scene
              .wait_for([](const json& now) {
                const json& staged = now["control_plane"]["staged"];
                return staged.is_object() && staged["resources"] == 2 && staged["needs_operator"] == true;
              })
              .is_object());

  CHECK(has(answer_to_accept(scene, shown), "it has something else than was shown"));
  CHECK(scene.status()["control_plane"]["staged"]["accepted"] == false);
  CHECK((lines_at(scene.gateway()) == before));
  CHECK(answer_to_accept(scene, shown_now(scene)).empty());
  CHECK(comes_to_agree(scene));
  CHECK(ids_at(scene) == std::set<std::string>(ids.begin() + 1, ids.end()));
}

TEST_CASE("an empty identity empties the gateway once an operator accepts it") {
  Scene scene;
  start_all(scene);
  serve(scene, 3);
  swap(scene, 0);
  CHECK(has(wait_for_an_operator(scene), "it has nothing"));
  CHECK(ids_at(scene).size() == 3);

  CHECK(accept(scene).status == kDone);

  CHECK(comes_to_agree(scene));
  CHECK(ids_at(scene).empty());
}

TEST_CASE("an operator may do without a document that does not come, and it is served when it does") {
  Scene scene;
  start_all(scene);
  serve(scene, 3);
  scene.control_plane().change_faults([](peers::Faults& faults) { faults.batch_missing = {"*"}; });
  const auto ids = swap(scene, 3);
  CHECK(has(wait_for_an_operator(scene), "that it does not give"));

  const auto accepted = accept(scene);
  CHECK(accepted.status == kDone);
  CHECK(has(accepted.out, ", 0 resources; 3 of its 3 deployed artifacts lack their document."));
  CHECK(scene.gateway_comes_to_serve({}));

  scene.control_plane().change_faults([](peers::Faults& faults) { faults.batch_missing.clear(); });
  scene.control_plane().end_links(peers::Ending::TcpReset);  // sooner than it would ask by itself
  CHECK(comes_to_agree(scene));
  CHECK(ids_at(scene) == std::set<std::string>(ids.begin(), ids.end()));
}

TEST_CASE(
    "accept-identity says what there is nothing to accept for: no other identity, no listing, no link, no daemon") {
  Scene scene;
  start_all(scene);
  serve(scene, 2);
  const auto before = lines_at(scene.gateway());
  const auto nothing = accept(scene, /*yes=*/false);
  CHECK(nothing.status == kDone);
  CHECK(has(nothing.out, "no other identity is staged; in service is gateway id "));

  scene.control_plane().change_faults([](peers::Faults& faults) { faults.rest["deployments"].status = 500; });
  swap(scene, 1);
  scene.wait_for([](const json& now) { return now["control_plane"]["staged"].is_object(); });
  const auto early = accept(scene);
  CHECK(early.status == kNotDone);
  CHECK(has(early.out, "It waits for two full listings, 10 s apart, that agree."));
  CHECK(has(early.err, "no operator can make up for what it waits for"));

  scene.control_plane().kill();
  scene.wait_for([](const json& now) { return now["control_plane"]["state"] == "reconnecting"; });
  const auto no_link = accept(scene);
  CHECK(no_link.status == kNotDone);
  CHECK(has(no_link.err, "no link to the control plane"));
  CHECK((lines_at(scene.gateway()) == before));

  scene.kill_daemon();
  const auto no_daemon = accept(scene);
  CHECK(no_daemon.status == kNotDone);
  CHECK(has(no_daemon.err, "the daemon does not answer: " + scene.admin()));
}

TEST_CASE("the same identity at another address loses nothing before it has shown most of it [H]") {
  Scene scene;
  start_all(scene);
  const auto ids = serve(scene, 10);
  const auto before = lines_at(scene.gateway());
  REQUIRE(scene.stop_daemon());
  // No more than the brake lets go at the same address.
  scene.control_plane().change_faults([&ids](peers::Faults& faults) {
    faults.replay = "none";
    faults.list_missing = {ids[0], ids[1], ids[2]};
  });
  scene.control_plane().change([&ids](peers::Desire& desire) {
    desire.habits.drop_events = true;
    REQUIRE(desire.delete_artifact(ids[0]));
  });
  scene.start_daemon({{"TETHER_CONTROL_PLANE_URL", scene.control_plane().websocket_url("127.0.0.1")},
                      {"TETHER_POLL_INTERVAL_S", "1"},
                      {"TETHER_FULL_LIST_EVERY", "1"}});

  const auto held = scene.wait_for([](const json& now) { return !now["holds"].empty(); });
  CHECK(held["holds"][0]["would_go"] == 3);
  CHECK(held["control_plane"]["staged"].is_null());
  REQUIRE(lists_again(scene, 13));  // more than the ten seconds after which an absence is believed
  CHECK(scene.status()["holds"][0]["state"] == "held");
  CHECK((lines_at(scene.gateway()) == before));

  scene.control_plane().change_faults([](peers::Faults& faults) { faults.list_missing.clear(); });
  CHECK(comes_to_agree(scene));
  CHECK(ids_at(scene) == std::set<std::string>(ids.begin() + 1, ids.end()));
}
