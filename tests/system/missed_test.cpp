#include <algorithm>
#include <catch2/catch.hpp>

#include "desired.h"
#include "steps.h"
#include "tether/peers/archives.h"
#include "tether/peers/documents.h"
#include "tether/peers/texts.h"

using namespace tether;
using namespace tether::test;

namespace {

const std::map<std::string, std::string> kPollEachSecond = {{"TETHER_POLL_INTERVAL_S", "1"}};
const std::map<std::string, std::string> kListEachSecond = {{"TETHER_POLL_INTERVAL_S", "1"},
                                                            {"TETHER_FULL_LIST_EVERY", "1"}};

/// Listings a second apart that are more than the ten seconds after which a list is believed that lacks something.
constexpr std::size_t kListingsThatConfirm = 13;

void set_faults(Scene& scene, const std::function<void(peers::Faults&)>& set) {
  scene.control_plane().change_faults(set);
}

void drop_events(Scene& scene) {
  set_faults(scene, [](peers::Faults& faults) { faults.drop_events = true; });
}

bool comes_to_be_called(Scene& scene, const std::string& call, std::size_t times) {
  return scene.control_plane().wait_until(
      [&call, times](const peers::Observed& seen, const peers::Desire&) { return seen.calls(call) >= times; },
      kPatience);
}

/// How many resources are held because of that listing.
std::ptrdiff_t held_by_listing(const nlohmann::json& status, const std::string& listing) {
  const std::string reason = "the listing " + listing + " lacks ";
  return std::ranges::count_if(status["held"], [&reason](const auto& held) {
    return held["reason"].template get<std::string>().starts_with(reason);
  });
}

double deploy_events(const Scene& scene) {
  return scene.metric("tetherd_events_received_total{type=\"api.deployed\"}");
}

double deploy_events_sent(Scene& scene) {
  const auto seen = scene.control_plane().observed();
  return static_cast<double>(std::ranges::count_if(seen.journal, [](const peers::JournalEntry& entry) {
    return entry.what == "event.sent" && entry.detail["type"] == "api.deployed";
  }));
}

/// The row is FAILED as after an ack that came too late; the API is served all the same.
void fail_in_control_plane(Scene& scene, const std::string& artifact_id) {
  scene.control_plane().change([&artifact_id](peers::Desire& desire) {
    const auto row = desire.rows().at(artifact_id);
    REQUIRE(desire.take_ack({{"artifactId", artifact_id},
                             {"deploymentId", row.deployment_id},
                             {"performedAt", row.performed_at_text},
                             {"action", "deploy"},
                             {"status", "failed"},
                             {"errorCode", "DEPLOYMENT_TIMEOUT"}}));
  });
}

/// A scene in sync that lists everything each second, with all that was there before. It came by lists alone: what an
/// event brings has another form, which the next list would change under the test's hands.
std::vector<std::string> start_with(Scene& scene, std::size_t count,
                                    const std::function<void(peers::Desire&, const std::vector<std::string>&)>& more) {
  scene.start_control_plane();
  set_faults(scene, [](peers::Faults& faults) { faults.replay = "none"; });
  auto ids = scene.control_plane().bulk_deploy("RestApi", count, "api");
  scene.control_plane().change([&](peers::Desire& desire) { more(desire, ids); });
  scene.start_gateway();
  scene.start_daemon(kListEachSecond);
  REQUIRE(gateway_comes_to_agree(scene));
  REQUIRE(all_come_to_be_acknowledged(scene));
  REQUIRE(scene.wait_until_in_sync().is_object());
  return ids;
}

}  // namespace

TEST_CASE("what changes without any event is found by the poll, and acknowledged [R20] [R21] [A1] [A3] [C1]") {
  Scene scene;
  scene.start_control_plane();
  scene.control_plane().deploy("RestApi", "there-before");
  scene.start_gateway();
  scene.start_daemon(kPollEachSecond);
  const auto ids = serve(scene, 4);
  const std::string older = served_deployment(scene.gateway(), ids[2]);
  scene.control_plane().redeploy(ids[2], document_with("api-2", "https://newer.example"));
  const auto [plan, subscription] = scene.control_plane().change([&ids](peers::Desire& desire) {
    const auto gold = desire.create_plan("gold");
    REQUIRE(desire.create_key(ids[0], "updated"));
    REQUIRE(desire.create_key(ids[0], "revoked"));
    return std::pair(gold, *desire.create_subscription(ids[3], gold));
  });
  REQUIRE(gateway_comes_to_agree(scene));
  REQUIRE(all_come_to_be_acknowledged(scene));
  scene.wait_for([&scene](const nlohmann::json&) { return deploy_events(scene) == deploy_events_sent(scene); });
  const double events = deploy_events(scene);
  drop_events(scene);

  scene.control_plane().redeploy(ids[0], document_with("api-0", "https://newer.example"));
  scene.control_plane().undeploy(ids[1]);
  scene.control_plane().restore(older);
  peers::SampleDocument provider;
  provider.kind = "LlmProvider";
  provider.handle = "openai-provider";
  provider.secrets = {"openai-key"};
  scene.control_plane().change([&, plan = plan, subscription = subscription](peers::Desire& desire) {
    desire.put_secret("openai-key", "s3cret");
    REQUIRE(desire.deploy(provider.kind, provider.handle, peers::sample_document(provider)));
    REQUIRE(desire.deploy("Mcp", "tools"));
    REQUIRE(desire.update_key(ids[0], "updated"));
    REQUIRE(desire.revoke_key(ids[0], "revoked"));
    REQUIRE(desire.create_key(ids[3], "created"));
    REQUIRE(desire.update_plan(plan, {{"throttleLimitCount", 7}}));
    REQUIRE(desire.update_subscription(subscription, {{"status", "INACTIVE"}}));
    REQUIRE(desire.create_subscription(ids[2], desire.create_plan("silver")));
  });

  CHECK(gateway_comes_to_agree(scene));
  CHECK(all_come_to_be_acknowledged(scene));
  scene.wait_until_in_sync();
  CHECK(deploy_events(scene) == events);
  scene.control_plane().change([](peers::Desire& desire) { desire.put_secret("openai-key", "rotated"); });
  CHECK(gateway_comes_to_agree(scene));

  // Deltas and full lists take turns; a delta begins early enough for what was committed late.
  bool delta = false;
  const std::string latest = peers::performed_at_text(peers::wall_clock_now() - 119s, 3, 3);
  for (const auto& call : scene.control_plane().observed().rest) {
    if (call.call != "deployments" || call.query.empty()) continue;
    delta = true;
    CHECK(peers::url_decoded(call.query) < "since=" + latest);
  }
  CHECK(delta);
  CHECK(full_listings(scene.control_plane().observed()) >= 2);
}

TEST_CASE(
    "what is redeployed and undeployed while the daemon is away is not served when it is back [R20] [A2] [B1] [F1]") {
  Scene scene;
  start_all(scene);
  const auto ids = serve(scene, 3);
  drop_events(scene);
  SECTION("the daemon was stopped") {
    CHECK(scene.stop_daemon() == 0);
    scene.control_plane().redeploy(ids[0]);
    scene.control_plane().undeploy(ids[0]);
    scene.control_plane().redeploy(ids[1]);
    scene.start_daemon();
  }
  SECTION("its link was cut") {
    scene.control_plane().kill();
    scene.control_plane().redeploy(ids[0]);
    scene.control_plane().undeploy(ids[0]);
    scene.control_plane().redeploy(ids[1]);
    REQUIRE(scene.control_plane().revive());
  }

  CHECK(scene.gateway_comes_to_serve(scene.desired()));
  CHECK(all_come_to_be_acknowledged(scene));
  scene.wait_until_in_sync();
  CHECK(served_deployment(scene.gateway(), ids[0]).empty());
}

TEST_CASE("what two lists lack goes after a question about it: deleted with all that it had, or stopped [B3] [B4]") {
  Scene scene;
  std::string key_of_stopped;
  std::string key_of_deleted;
  const auto ids = start_with(scene, 8, [&](peers::Desire& desire, const std::vector<std::string>& all) {
    key_of_stopped = *desire.create_key(all[0], "mobile-app");
    key_of_deleted = *desire.create_key(all[1], "mobile-app");
  });
  const std::string& stopped = ids[0];
  const std::string& deleted = ids[1];
  const std::string& lacking_once = ids[2];
  const auto before = lines_at(scene.gateway());
  drop_events(scene);
  set_faults(scene, [&lacking_once](peers::Faults& faults) {
    faults.rest["exists"].status = 500;
    faults.list_missing = {lacking_once};
  });
  fail_in_control_plane(scene, stopped);
  scene.control_plane().change([&](peers::Desire& desire) {
    REQUIRE(desire.delete_deployment(desire.rows().at(stopped).deployment_id));
    REQUIRE(desire.delete_artifact(deleted));
  });

  // One list says nothing yet, and neither does a question that is not answered.
  REQUIRE(lists_again(scene));
  set_faults(scene, [](peers::Faults& faults) { faults.list_missing.clear(); });
  CHECK(scene.wait_for([](const nlohmann::json& status) { return status["in_sync"] == false; }).is_object());
  REQUIRE(comes_to_be_called(scene, "exists", 2));
  CHECK((lines_at(scene.gateway()) == before));
  const std::size_t acks_before = scene.control_plane().observed().acks.size();
  set_faults(scene, [](peers::Faults& faults) { faults.rest.clear(); });

  CHECK(scene.gateway_comes_to_serve(scene.desired()));
  CHECK(gateway_comes_to_agree(scene));
  CHECK_FALSE(scene.gateway().resource("ApiKey", key_of_stopped));
  CHECK_FALSE(scene.gateway().resource("ApiKey", key_of_deleted));
  CHECK_FALSE(served_deployment(scene.gateway(), lacking_once).empty());
  CHECK(scene.control_plane().observed().acks.size() == acks_before);
  scene.wait_until_in_sync();

  // What was only stopped comes back with its key, which no list showed meanwhile.
  scene.control_plane().redeploy(stopped);
  CHECK(gateway_comes_to_agree(scene));
  CHECK(scene.gateway().resource("ApiKey", key_of_stopped));
  CHECK(is_acknowledged(scene, stopped));
}

TEST_CASE("lists that are suddenly empty take nothing away, however often they come, and are shown [B5] [R29]") {
  Scene scene;
  const auto ids = start_with(scene, 8, [](peers::Desire& desire, const std::vector<std::string>& all) {
    for (const auto& id : all) REQUIRE(desire.create_key(id, "mobile-app"));
    REQUIRE(desire.create_subscription(all[0], desire.create_plan("gold")));
  });
  const auto before = lines_at(scene.gateway());
  const std::size_t from = scene.gateway().history().size();

  set_faults(scene, [](peers::Faults& faults) {
    faults.empty_lists = {"deployments", "api-keys", "subscription-plans", "subscriptions"};
    faults.no_date = true;  // or each list would speak about the very moment, and the event below wait for the next
  });
  REQUIRE(lists_again(scene, kListingsThatConfirm));

  // Of all eight APIs and their keys, the plan and the subscription.
  const auto status = scene.wait_for([](const nlohmann::json& now) { return now["held"].size() >= 18; });
  CHECK(held_by_listing(status, "deployments") == 8);
  CHECK(held_by_listing(status, "keys/RestApi") == 8);
  CHECK(held_by_listing(status, "plans") == 1);
  CHECK(held_by_listing(status, "subscriptions/" + ids[0]) == 1);
  CHECK(status["in_sync"] == false);
  CHECK(scene.metric("tetherd_held_deletions") >= 4);
  CHECK(pushes(scene.gateway(), from).empty());
  CHECK((lines_at(scene.gateway()) == before));

  // A statement about one is obeyed all the same, and does not let go of the rest (CE-4).
  scene.control_plane().undeploy(ids[1]);
  CHECK(is_acknowledged(scene, ids[1]));
  CHECK(served_deployment(scene.gateway(), ids[1]).empty());
  set_faults(scene, [](peers::Faults& faults) { faults.empty_lists.clear(); });
  CHECK(scene.wait_until_in_sync()["held"].empty());
  CHECK(gateway_comes_to_agree(scene));
}

TEST_CASE("the lists of subscriptions of all APIs being empty takes none of them away [B5]") {
  Scene scene;
  start_with(scene, 3, [](peers::Desire& desire, const std::vector<std::string>& all) {
    const auto plan = desire.create_plan("gold");
    for (const auto& id : all) REQUIRE(desire.create_subscription(id, plan));
  });
  const auto before = lines_at(scene.gateway());

  set_faults(scene, [](peers::Faults& faults) { faults.empty_lists = {"subscriptions"}; });
  REQUIRE(lists_again(scene, kListingsThatConfirm));

  CHECK((lines_at(scene.gateway()) == before));
}

TEST_CASE("a list that is older than the events does not undo them [R22] [B4]") {
  Scene scene;
  start_all(scene);
  const auto ids = serve(scene, 4);
  // The answer is of the moment when it was asked for, and leaves later.
  set_faults(scene, [](peers::Faults& faults) { faults.rest["deployments"].hold = true; });
  scene.control_plane().end_links(peers::Ending::TcpReset);
  REQUIRE(scene.control_plane().wait_until(
      [](const peers::Observed& seen, const peers::Desire&) {
        return std::ranges::any_of(seen.journal, [](const auto& entry) { return entry.what == "rest.held"; });
      },
      kPatience));
  const std::size_t from = scene.gateway().history().size();

  // Later than the moment of the connection, up to which events are history.
  set_faults(scene, [](peers::Faults& faults) { faults.clock_offset_ms = 10'000; });
  const std::size_t listings = full_listings(scene.control_plane().observed());
  scene.control_plane().redeploy(ids[0], document_with("api-0", "https://newer.example"));
  scene.control_plane().undeploy(ids[1]);
  scene.control_plane().delete_artifact(ids[2]);
  scene.control_plane().deploy("RestApi", "fresh");
  const auto wanted = scene.desired();
  REQUIRE(scene.gateway_comes_to_serve(wanted));
  CHECK(full_listings(scene.control_plane().observed()) == listings);
  const auto lines = lines_at(scene.gateway());
  set_faults(scene, [](peers::Faults& faults) { faults.rest.clear(); });

  scene.wait_until_in_sync();
  CHECK(full_listings(scene.control_plane().observed()) > listings);
  CHECK((lines_at(scene.gateway()) == lines));
  const auto sent = pushes(scene.gateway(), from);
  for (std::size_t i = 0; i < 3; ++i) CHECK(times_sent(sent, ids[i]) == 1);
  CHECK(all_come_to_be_acknowledged(scene));
}

TEST_CASE("a control plane without any deployment is polled all the same [R21] [A3]") {
  Scene scene;
  start_all(scene, kPollEachSecond);

  const auto is_delta = [](const peers::RestCall& call) { return call.call == "deployments" && !call.query.empty(); };
  REQUIRE(scene.control_plane().wait_until(
      [&is_delta](const peers::Observed& seen, const auto&) { return std::ranges::any_of(seen.rest, is_delta); },
      kPatience));

  for (const auto& call : scene.control_plane().observed().rest) CHECK(call.status < 400);
}

TEST_CASE("a document that does not come, or not whole, is asked for until it does [A4] [A5]") {
  Scene scene;
  start_all(scene);
  const auto first = serve(scene, 1, "first");
  peers::RestFault fault;
  fault.count = 1;
  SECTION("500, and once more") {
    fault.status = 500;
    fault.count = 2;
  }
  SECTION("the answer is cut short") {
    fault.cut = true;
  }
  SECTION("no archive") {
    fault.body = "this is no archive";
  }
  SECTION("half of an archive") {
    const std::string whole = peers::tar_gz({{"d/api-a.yaml", std::string(100'000, 'x')}, {"e/api-b.yaml", "y"}});
    fault.body = whole.substr(0, whole.size() / 2);
  }
  SECTION("an archive of something else") {
    fault.body = peers::tar_gz({{"../../etc/passwd", "root"}});
  }
  set_faults(scene, [&fault](peers::Faults& faults) { faults.rest["fetch-batch"] = fault; });

  scene.control_plane().bulk_deploy("RestApi", 3);
  scene.control_plane().redeploy(first[0], document_with("first-0", "https://newer.example"));

  CHECK(gateway_comes_to_agree(scene));
  CHECK(all_come_to_be_acknowledged(scene));
  scene.wait_until_in_sync();
  CHECK(scene.control_plane().observed().calls("fetch-batch") >= 3);
}

TEST_CASE("a document that a batch lacks holds up no other, and comes when it is there [A5]") {
  Scene scene;
  start_all(scene);
  const auto lacking =
      scene.control_plane().change([](peers::Desire& desire) { return desire.deploy("RestApi", "lacking"); });
  REQUIRE(gateway_comes_to_agree(scene));
  const auto newer = scene.control_plane().change([&lacking](peers::Desire& desire) {
    desire.habits.drop_events = true;
    return desire.redeploy(lacking->artifact_id, document_with("lacking", "https://newer.example"));
  });
  set_faults(scene, [&newer](peers::Faults& faults) { faults.batch_missing = {newer->deployment_id}; });
  scene.control_plane().bulk_deploy("RestApi", 3);
  scene.control_plane().end_links(peers::Ending::TcpReset);

  auto others = scene.desired();
  others[lacking->artifact_id] = lacking->deployment_id;  // what it had stays meanwhile
  CHECK(scene.gateway_comes_to_serve(others));
  const auto status = scene.wait_for(
      [](const nlohmann::json& now) { return now["control_plane"]["state"] == "connected" && !now["settled"]; });
  CHECK(status["in_sync"] == false);
  set_faults(scene, [](peers::Faults& faults) { faults.batch_missing.clear(); });

  CHECK(gateway_comes_to_agree(scene));
  CHECK(all_come_to_be_acknowledged(scene));
  scene.wait_until_in_sync();
}

TEST_CASE("another database behind the same address is shown, and nothing of it is applied [H] [R29]") {
  Scene scene;
  start_all(scene, kListEachSecond);
  const auto ids = serve(scene, 3);
  const std::string own = scene.control_plane().gateway_id();
  const auto before = lines_at(scene.gateway());
  const std::size_t from = scene.gateway().history().size();
  const std::size_t acked = scene.control_plane().observed().acks.size();

  // Killed first: what comes on a link of our own database is our own.
  scene.control_plane().kill();
  scene.control_plane().swap_database("another-gateway");
  const auto stranger = scene.control_plane().deploy("RestApi", "stranger");
  REQUIRE(scene.control_plane().revive());

  const auto status = scene.wait_for(
      [](const nlohmann::json& now) { return now["control_plane"]["other_gateway_id"] == "another-gateway"; });
  scene.control_plane().undeploy(stranger.artifact_id);
  scene.control_plane().redeploy(stranger.artifact_id);
  scene.wait_for([&scene](const nlohmann::json&) { return deploy_events(scene) >= 5; });
  CHECK(status["control_plane"]["gateway_id"] == own);
  CHECK(scene.status()["control_plane"]["in_sync"] == false);
  CHECK(scene.status()["in_sync"] == false);
  CHECK(pushes(scene.gateway(), from).empty());
  CHECK((lines_at(scene.gateway()) == before));
  CHECK(scene.control_plane().observed().acks.size() == acked);

  scene.control_plane().kill();
  scene.control_plane().swap_database(own);
  REQUIRE(scene.control_plane().revive());
  CHECK(scene.wait_until_in_sync()["control_plane"]["other_gateway_id"].is_null());
  CHECK(pushes(scene.gateway(), from).empty());
}
