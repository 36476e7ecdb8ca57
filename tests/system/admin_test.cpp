#include <algorithm>
#include <catch2/catch.hpp>
#include <optional>
#include <set>

#include "desired.h"
#include "planted.h"
#include "steps.h"
#include "store_lock.h"
#include "tether/peers/texts.h"

using namespace tether;
using namespace tether::test;
using nlohmann::json;

namespace {

using Names = std::set<std::string>;

Names members(const json& object) {
  Names names;
  for (const auto& item : object.items()) names.insert(item.key());
  return names;
}

/// What the gateway holds, by kind.
json held_by_kind(const Gateway& gateway) {
  json counts = json::object();
  for (const auto& [key, line] : gateway.resources()) counts[key.first] = counts.value(key.first, 0) + 1;
  return counts;
}

bool is_one_line(const std::string& text) {
  return text.size() > 1 && text.find('\n') == text.size() - 1;
}

double now_s() {
  return static_cast<double>(peers::wall_clock_now().ns) / 1e9;
}

/// Whether a text of RFC 3339 in UTC, with milliseconds, is of this test's time: not a zone or a unit away.
bool is_recent(const json& text) {
  if (!text.is_string() || text.get<std::string>().size() != std::string("2026-08-22T11:02:03.417Z").size())
    return false;
  const auto at = parse_rfc3339(text.get<std::string>());
  return at && std::abs(static_cast<double>(at->ns) / 1e9 - now_s()) < 600;
}

bool is_age_below(const json& age, Duration limit) {
  return age.is_number() && age >= 0 && age.get<double>() <= std::chrono::duration<double>(limit).count();
}

void refuse_kind(Scene& scene, const std::string& kind, const std::string& reason) {
  scene.gateway().change_faults([&kind, &reason](peers::GatewayFaults& faults) {
    faults.refuse = {{kind, "", "", "", reason}};
  });
}

/// The one entry of a list of the status, once there is one.
json wait_for_only(Scene& scene, const std::string& list) {
  const auto status = scene.wait_for([&list](const json& seen) { return seen[list].size() == 1; });
  return status.is_object() ? status[list].front() : json();
}

}  // namespace

TEST_CASE("in a normal run the status says where everything stands [R14] [R29]") {
  const TimePoint begun = Clock::now();
  Scene scene;
  Planted planted;
  start_peers(scene, planted);
  scene.start_daemon({{"TETHER_REGISTRATION_TOKEN", scene.control_plane().token()}});
  scene.wait_until_in_sync();
  const auto everything = deploy_everything(scene, planted);
  REQUIRE(gateway_comes_to_agree(scene));
  REQUIRE(all_come_to_be_acknowledged(scene));

  const std::string api = everything.artifacts.at("RestApi").artifact_id;
  const Instant deployed =
      scene.control_plane().change([&api](peers::Desire& desire) { return desire.rows().at(api).performed_at; });
  json at_gateway;  // as it was when the status said the same
  const auto status = scene.wait_for([&](const json& seen) {
    at_gateway = scene.gateway().state();
    return seen["in_sync"] == true && seen["store"]["resources"] == held_by_kind(scene.gateway()) &&
           seen["store"]["outbox_acks"] == 0 && seen["gateway"]["applied_revision"] == seen["store"]["revision"] &&
           seen["gateway"]["applied_revision"] == at_gateway["revision"] &&
           seen["event_timestamps"]["api.deployed"] == format_rfc3339_ms(deployed);
  });

  REQUIRE(status.is_object());
  CAPTURE(status.dump(2));
  const Duration so_far = Clock::now() - begun;
  CHECK(members(status) == Names{"version", "uptime_s", "in_sync", "settled", "control_plane", "gateway", "store",
                                 "event_timestamps", "quarantined", "held", "holds", "waiting", "best_effort_kinds"});
  CHECK(status["version"] == TETHERD_VERSION);
  CHECK(is_age_below(status["uptime_s"], so_far));
  CHECK(status["settled"] == true);
  for (const char* list : {"quarantined", "held", "holds", "waiting"}) CHECK(status[list] == json::array());
  CHECK(status["best_effort_kinds"] == json{"ApiKey"});  // one of the MCP server's

  const json& control_plane = status["control_plane"];
  CHECK(members(control_plane) == Names{"state", "state_age_s", "url", "gateway_id", "other_gateway_id", "staged",
                                        "in_sync", "stale", "last_proven_sync_age_s", "next_attempt_s", "looking_out",
                                        "advice", "last_error", "server_certificate_ends", "client_certificate_ends"});
  CHECK(control_plane["state"] == "connected");
  CHECK(is_age_below(control_plane["state_age_s"], so_far));
  CHECK(control_plane["url"] == scene.control_plane().websocket_url());
  CHECK(control_plane["gateway_id"] == scene.control_plane().gateway_id());
  CHECK(control_plane["in_sync"] == true);
  CHECK(is_age_below(control_plane["last_proven_sync_age_s"], so_far));
  for (const char* none : {"other_gateway_id", "staged", "next_attempt_s", "last_error", "client_certificate_ends"})
    CHECK(control_plane[none].is_null());

  const json& gateway = status["gateway"];
  CHECK(members(gateway) == Names{"state", "state_age_s", "socket", "instance", "applied_revision", "held_push",
                                  "ready", "stale", "last_proven_sync_age_s", "last_error"});
  CHECK(gateway["state"] == "in_sync");
  CHECK(is_age_below(gateway["state_age_s"], so_far));
  CHECK(gateway["socket"] == scene.file("gateway.sock"));
  CHECK(gateway["instance"] == at_gateway["instance"]);
  CHECK(gateway["applied_revision"] == at_gateway["revision"]);
  CHECK(gateway["ready"] == true);
  CHECK(is_age_below(gateway["last_proven_sync_age_s"], so_far));
  CHECK(gateway["last_error"].is_null());

  const json& store = status["store"];
  CHECK(members(store) ==
        Names{"revision", "resources", "unanswered", "size_bytes", "outbox_acks", "degraded", "last_error"});
  CHECK(store["degraded"] == false);
  CHECK(store["last_error"].is_null());

  const json& timestamps = status["event_timestamps"];
  for (const auto& item : timestamps.items()) {
    CAPTURE(item.key());
    CHECK(is_recent(item.value()));
  }
}

TEST_CASE("a kind that no listing can correct is named [R29] [F10]") {
  Scene scene;
  start_all(scene);
  const auto ids = serve(scene, 1);
  scene.control_plane().change([&ids](peers::Desire& desire) {
    desire.update_application("partner-app", {*desire.create_key(ids.front(), "mobile-app")});
  });

  CHECK(scene.wait_for([](const json& seen) { return seen["best_effort_kinds"] == json{"Application"}; }).is_object());
}

TEST_CASE(
    "what the gateway refuses is listed with its reason until it takes it, and nothing else is left to do [R29]") {
  Scene scene;
  start_all(scene);
  const auto ids = serve(scene, 1);
  refuse_kind(scene, "RestApi", "no such policy");

  scene.control_plane().redeploy(ids.front());
  const json note = wait_for_only(scene, "quarantined");

  CHECK(members(note) == Names{"kind", "id", "handle", "reason", "since", "next_try"});
  CHECK(note["kind"] == "RestApi");
  CHECK(note["id"] == ids.front());
  CHECK(note["handle"] == "api-0");
  CHECK(note["reason"] == "no such policy");
  CHECK(is_recent(note["since"]));
  const auto settled =
      scene.wait_for([](const json& seen) { return seen["settled"] == true && seen["gateway"]["state"] == "in_sync"; });
  CHECK(settled["in_sync"] == false);

  scene.gateway().change_faults([](peers::GatewayFaults& faults) { faults = {}; });
  scene.control_plane().redeploy(ids.front());
  CHECK(scene.wait_until_in_sync()["quarantined"] == json::array());
}

TEST_CASE("a removal that is not believed is listed, and what it calls for stays [R29]") {
  Scene scene;
  start_all(scene, {{"TETHER_POLL_INTERVAL_S", "1"}, {"TETHER_FULL_LIST_EVERY", "1"}});
  const auto ids = serve(scene, 3);
  scene.control_plane().change_faults([](peers::Faults& faults) { faults.empty_lists = {"deployments"}; });

  const json held = scene.wait_for([](const json& seen) { return seen["held"].size() == 3; })["held"];

  Names held_ids;
  for (const json& note : held) {
    CHECK(members(note) == Names{"kind", "id", "handle", "reason", "since", "listing"});
    CHECK(note["kind"] == "RestApi");
    CHECK(note["handle"].get<std::string>().starts_with("api-"));
    CHECK(note["reason"] == "the listing deployments lacks 3 of 3: nothing of it is removed");
    CHECK(is_recent(note["since"]));
    held_ids.insert(note["id"].get<std::string>());
  }
  CHECK(held_ids == Names(ids.begin(), ids.end()));
  CHECK(scene.status()["in_sync"] == false);
  CHECK(scene.metric("tetherd_held_deletions") == 3);
  CHECK(scene.gateway().resources().size() == 3);
  scene.control_plane().change_faults([](peers::Faults& faults) { faults.empty_lists.clear(); });
  CHECK(scene.wait_until_in_sync()["held"] == json::array());
}

TEST_CASE("what waits is listed with what it waits for [R29]") {
  Scene scene;
  start_all(scene, {{"TETHER_POLL_INTERVAL_S", "1"}});
  // What it waits for changes: everything waits for its document first.
  const auto wait_for_reason = [&scene](const std::string& kind, const std::string& reason) {
    const auto status = scene.wait_for([&reason](const json& seen) {
      const json& waiting = seen["waiting"];
      return waiting.size() == 1 && waiting[0]["reason"].get<std::string>().find(reason) != std::string::npos;
    });
    REQUIRE(status.is_object());
    CHECK(status["waiting"][0]["kind"] == kind);
    CHECK(scene.metric("tetherd_waiting_resources") == 1);
    CHECK(scene.status()["in_sync"] == false);
  };

  SECTION("for its document") {
    scene.control_plane().change_faults([](peers::Faults& faults) { faults.batch_missing = {"*"}; });
    scene.control_plane().deploy("RestApi", "petstore");
    wait_for_reason("RestApi", "document");
    scene.control_plane().change_faults([](peers::Faults& faults) { faults.batch_missing.clear(); });
  }
  SECTION("for what it refers to") {
    peers::SampleDocument sample;
    sample.kind = "LlmProxy";
    sample.handle = "assistant";
    sample.providers = {"openai-provider"};
    scene.control_plane().deploy(sample.kind, sample.handle, peers::sample_document(sample));
    wait_for_reason("LlmProxy", "refers to");
    scene.control_plane().deploy("LlmProvider", "openai-provider");
  }

  CHECK(scene.wait_until_in_sync()["waiting"] == json::array());
}

TEST_CASE("another identity that answers is shown, and the one in service stays what it was [R29]") {
  Scene scene;
  start_all(scene);
  serve(scene, 2);
  const std::string first = scene.control_plane().gateway_id();
  const std::string second = "01a20bde-d854-7424-8ebe-d894208daace";

  scene.control_plane().swap_database(second);
  scene.control_plane().end_links(peers::Ending::TcpClose);

  const auto seen = scene.wait_for([&second](const json& status) {
    const json& staged = status["control_plane"]["staged"];
    return status["control_plane"]["other_gateway_id"] == second && staged["needs_operator"] == true;
  });
  CHECK(seen["control_plane"]["staged"]["gateway_id"] == second);
  CHECK(seen["control_plane"]["staged"]["deployed"] == 0);
  CHECK(seen["control_plane"]["staged"]["since"].is_string());
  CHECK(seen["control_plane"]["staged"]["waits_for"].get<std::string>().find("nothing") != std::string::npos);
  CHECK(scene.metric("tetherd_identity_staged") == 1);
  CHECK(scene.metric("tetherd_identity_needs_operator") == 1);
  CHECK(seen["control_plane"]["gateway_id"] == first);
  CHECK(seen["control_plane"]["in_sync"] == false);
  CHECK(seen["in_sync"] == false);
  CHECK(scene.gateway().resources().size() == 2);
}

TEST_CASE(
    "a control plane that goes away is told with its error, the next attempt and the age of the last proof [R29]") {
  Scene scene;
  start_all(scene, {{"TETHER_RECONNECT_INITIAL_MS", "600000"}, {"TETHER_RECONNECT_MAX_MS", "600000"}});
  const auto ids = serve(scene, 1);

  scene.control_plane().kill();

  const auto away = scene.wait_for([](const json& seen) { return seen["control_plane"]["state"] == "reconnecting"; });
  REQUIRE(away.is_object());
  const json& control_plane = away["control_plane"];
  CHECK(control_plane["next_attempt_s"].get<double>() > 0);
  CHECK(control_plane["next_attempt_s"].get<double>() <= 600);
  CHECK(control_plane["last_error"].is_string());
  CHECK(control_plane["in_sync"] == false);
  CHECK(away["in_sync"] == false);
  CHECK(away["settled"] == false);
  CHECK(control_plane["gateway_id"] == scene.control_plane().gateway_id());
  const double age = control_plane["last_proven_sync_age_s"];
  CHECK(scene
            .wait_for([age](const json& seen) {
              return seen["control_plane"]["last_proven_sync_age_s"].get<double>() > age + 1 &&
                     is_age_below(seen["gateway"]["last_proven_sync_age_s"], 10s);
            })
            .is_object());
}

TEST_CASE("a store that cannot be written is told, and that it can be again [R29]") {
  Scene scene;
  start_all(scene);
  serve(scene, 1);
  std::optional<StoreLock> lock(scene.file("state"));

  const auto more = scene.control_plane().deploy("RestApi", "petstore");
  const auto degraded = scene.wait_for([](const json& seen) { return seen["store"]["degraded"] == true; });
  CHECK(degraded["store"]["last_error"].is_string());
  CHECK(peers::admin_get(scene.admin(), "/livez").status == 200);
  CHECK(peers::admin_get(scene.admin(), "/readyz").status == 200);
  lock.reset();

  CHECK(scene.wait_for([](const json& seen) { return seen["store"]["degraded"] == false; }).is_object());
  CHECK(is_acknowledged(scene, more.artifact_id));
}

TEST_CASE("alive from the start; ready once the gateway's present instance has answered a push [R14] [R10]") {
  Scene scene;
  scene.start_control_plane();
  scene.start_gateway();
  scene.gateway().stop();
  scene.start_daemon();
  REQUIRE(wait_for_answer(scene, "/livez", 200));
  const auto no_gateway = peers::admin_get(scene.admin(), "/readyz");
  CHECK(no_gateway.status == 503);
  CHECK(is_one_line(no_gateway.body));
  CHECK(scene.status()["gateway"]["ready"] == false);
  CHECK(scene.status()["gateway"]["instance"].is_null());

  // Saying where it is is not having a configuration.
  scene.gateway().change_faults([](peers::GatewayFaults& faults) { faults.status = 500; });
  REQUIRE(scene.gateway().come_back(/*empty=*/true));
  scene.wait_for([](const json& seen) { return seen["gateway"]["last_error"].is_string(); });
  const auto refusing = peers::admin_get(scene.admin(), "/readyz");
  CHECK(refusing.status == 503);
  CHECK(is_one_line(refusing.body));

  scene.gateway().change_faults([](peers::GatewayFaults& faults) { faults = {}; });
  REQUIRE(wait_for_answer(scene, "/readyz", 200));
  CHECK(scene.status()["gateway"]["ready"] == true);
  serve(scene, 2);

  scene.control_plane().kill();
  scene.wait_for([](const json& seen) { return seen["control_plane"]["state"] == "reconnecting"; });
  CHECK(peers::admin_get(scene.admin(), "/readyz").status == 200);

  // A new instance has nothing until it has answered.
  scene.gateway().change_faults([](peers::GatewayFaults& faults) { faults.stall_body = true; });
  REQUIRE(scene.gateway().come_back(/*empty=*/true));
  REQUIRE(wait_for_answer(scene, "/readyz", 503));
  scene.gateway().change_faults([](peers::GatewayFaults& faults) { faults = {}; });
  REQUIRE(wait_for_answer(scene, "/readyz", 200));
  CHECK(scene.gateway().resources().size() == 2);
  CHECK(peers::admin_get(scene.admin(), "/livez").status == 200);
  scene.gateway().stop();
  REQUIRE(wait_for_answer(scene, "/readyz", 503));
  CHECK(peers::admin_get(scene.admin(), "/livez").status == 200);
}
