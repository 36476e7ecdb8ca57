#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <regex>

#include "desired.h"
#include "metrics_watch.h"
#include "planted.h"
#include "steps.h"
#include "store_lock.h"
#include "tether/peers/texts.h"

using namespace tether;
using namespace tether::test;

namespace {

using peers::Ending;

std::string control_plane_state(const std::string& state) {
  return "tetherd_control_plane_state{state=\"" + state + "\"}";
}

std::string gateway_state(const std::string& state) {
  return "tetherd_gateway_state{state=\"" + state + "\"}";
}

std::string network_errors(const std::string& reason) {
  return "tetherd_control_plane_network_errors_total{reason=\"" + reason + "\"}";
}

std::string reconnects(const std::string& reason) {
  return "tetherd_control_plane_reconnect_attempts_total{reason=\"" + reason + "\"}";
}

std::string bytes(const std::string& way, const std::string& channel) {
  return "tetherd_control_plane_" + way + "_bytes_total{channel=\"" + channel + "\"}";
}

std::string acks_sent(const std::string& status) {
  return "tetherd_deployment_acks_sent_total{status=\"" + status + "\"}";
}

void change_faults(Scene& scene, const std::function<void(peers::Faults&)>& change) {
  scene.control_plane().change_faults(change);
}

void change_gateway(Scene& scene, const std::function<void(peers::GatewayFaults&)>& change) {
  scene.gateway().change_faults(change);
}

void heal_gateway(Scene& scene) {
  change_gateway(scene, [](peers::GatewayFaults& faults) { faults = {}; });
}

/// Where most of what goes wrong begins; a poll that is under way says something else for a moment.
const Series kAllIsWell = {
    {control_plane_state("connected"), 1}, {gateway_state("in_sync"), 1}, {"tetherd_control_plane_in_sync", 1},
    {"tetherd_gateway_in_sync", 1},        {"tetherd_in_sync", 1},        {"tetherd_settled", 1}};

/// The names in the README's table of metrics, with those of the process.
std::set<std::string> metrics_of_the_readme() {
  std::set<std::string> names = {"process_start_time_seconds", "process_cpu_seconds_total",
                                 "process_resident_memory_bytes", "process_open_fds"};
  std::ifstream readme(std::string(TETHER_SOURCE_DIR) + "/README.md");
  const std::regex row("^\\| `(tetherd_[a-z_]+)[`{].*");
  std::smatch found;
  for (std::string line; std::getline(readme, line);) {
    if (std::regex_match(line, found, row)) names.insert(found[1]);
  }
  return names;
}

/// From a start without token, control plane and word of the gateway to the first connection. The gateway is gone then.
void connect(MetricsWatch& watch, Scene& scene) {
  scene.start_control_plane();
  const std::string token = scene.control_plane().token();
  scene.control_plane().kill();
  scene.start_gateway();
  change_gateway(scene, [](peers::GatewayFaults& faults) { faults.stall = true; });
  const auto own = peers::TestCa().issue({"gateway-1"});
  const std::string key = scene.folder().write("client.key", own.key);
  std::filesystem::permissions(key, std::filesystem::perms::owner_read);
  scene.start_daemon({{"TETHER_REGISTRATION_TOKEN", ""},
                      {"TETHER_REGISTRATION_TOKEN_FILE", scene.file("token")},
                      {"TETHER_CONTROL_PLANE_CLIENT_CERT_FILE", scene.folder().write("client.pem", own.certificate)},
                      {"TETHER_CONTROL_PLANE_CLIENT_KEY_FILE", key},
                      {"TETHER_ON_REJECTION", "stop"},
                      {"TETHER_POLL_INTERVAL_S", "1"},
                      {"TETHER_FULL_LIST_EVERY", "1"},
                      {"TETHER_STALE_AFTER_S", "1"},
                      {"TETHER_RECONNECT_MAX_MS", "200"}});
  watch.have_moved(
      scene, {"tetherd_build_info{version=\"" + std::string(TETHERD_VERSION) + "\"}", control_plane_state("standalone"),
              gateway_state("connecting"), "tetherd_client_certificate_expiry_timestamp_seconds",
              "process_start_time_seconds", "process_cpu_seconds_total", "process_resident_memory_bytes",
              "process_open_fds", "tetherd_store_transactions_total", "tetherd_store_commit_duration_seconds_count",
              "tetherd_store_commit_duration_seconds_sum", "tetherd_store_revision", "tetherd_store_size_bytes",
              "tetherd_control_plane_stale", "tetherd_gateway_stale", "tetherd_loop_lag_seconds_count",
              "tetherd_loop_lag_seconds_sum"});
  // At once: a gateway that says nothing is given up after half a minute.
  watch.moves(scene, {gateway_state("connecting"), gateway_state("away")}, [&scene] { scene.gateway().stop(); });
  watch.moves(scene,
              {control_plane_state("standalone"), control_plane_state("connecting"), network_errors("refused"),
               reconnects("refused"), "tetherd_control_plane_dials_total",
               "tetherd_control_plane_knocks_total{result=\"failed\"}"},
              [&scene, &token] { scene.folder().write("token", token); });
  const std::string answered = "tetherd_control_plane_knocks_total{result=\"answered\"}";
  watch.moves(scene, {network_errors("http"), reconnects("http"), answered}, [&scene] {
    change_faults(scene, [](peers::Faults& faults) { faults.dial_status = 503; });
    REQUIRE(scene.control_plane().revive());
  });
  watch.moves(scene,
              {"tetherd_control_plane_auth_failures_total", reconnects("auth"), control_plane_state("connecting"),
               control_plane_state("rejected")},
              [&scene] { change_faults(scene, [](peers::Faults& faults) { faults.dial_status = 401; }); });
  watch.moves(scene,
              {control_plane_state("rejected"), control_plane_state("connected"), reconnects("token"),
               "tetherd_control_plane_certificate_expiry_timestamp_seconds",
               "tetherd_control_plane_last_proven_sync_timestamp_seconds", "tetherd_rest_requests_total",
               bytes("received", "websocket"), bytes("received", "rest"), bytes("sent", "rest")},
              [&scene] {
                change_faults(scene, [](peers::Faults& faults) { faults.dial_status = 0; });
                scene.folder().write("token", scene.control_plane().rotate_token());
              });
}

/// From a gateway that is not there to one that has everything.
void meet_the_gateway(MetricsWatch& watch, Scene& scene) {
  watch.moves(scene, {gateway_state("away"), gateway_state("behind")},
              [&scene] {
                change_gateway(scene, [](peers::GatewayFaults& faults) {
                  faults.stall_body = true;
                  faults.stall = false;
                });
                REQUIRE(scene.gateway().come_back(/*empty=*/true));
              },
              {{gateway_state("away"), 1}});
  watch.moves(scene,
              {gateway_state("behind"), gateway_state("in_sync"), "tetherd_gateway_in_sync",
               "tetherd_gateway_last_proven_sync_timestamp_seconds", "tetherd_gateway_push_duration_seconds_count",
               "tetherd_gateway_push_duration_seconds_sum", "tetherd_gateway_pushes_total", "tetherd_in_sync",
               "tetherd_settled"},
              [&scene] { heal_gateway(scene); });
  watch.moves(
      scene, {gateway_state("in_sync"), gateway_state("refusing"), "tetherd_gateway_in_sync"},
      [&scene] {
        change_gateway(scene, [](peers::GatewayFaults& faults) { faults.status = 403; });
        scene.control_plane().deploy("Mcp", "refused");
      },
      kAllIsWell);
  heal_gateway(scene);
  REQUIRE(gateway_comes_to_agree(scene));
}

/// Something of each kind, and every event.
Everything fill(MetricsWatch& watch, Scene& scene, Planted& planted) {
  std::vector<std::string> kinds{acks_sent("success"), bytes("sent", "websocket"), "tetherd_store_revision"};
  for (const auto* kind : {"ApiKey", "Application", "HmacSecret", "LlmProvider", "LlmProxy", "Mcp", "RestApi", "Secret",
                           "Subscription", "SubscriptionPlan", "WebBrokerApi", "WebSubApi"}) {
    kinds.push_back("tetherd_resources{kind=\"" + std::string(kind) + "\"}");
  }
  Everything everything;
  watch.moves(scene, kinds, [&scene, &planted, &everything] {
    everything = deploy_everything(scene, planted);
    const std::string api = everything.artifacts["RestApi"].artifact_id;
    REQUIRE(is_acknowledged(scene, api));
    scene.control_plane().change([&api](peers::Desire& desire) {
      const auto key = desire.create_key(api, "batch-job");
      REQUIRE(key);
      desire.update_application("partner-app", {*key});
    });
  });
  std::vector<std::string> series{"tetherd_event_age_seconds_count",
                                  "tetherd_event_age_seconds_sum",
                                  "tetherd_event_store_duration_seconds_count",
                                  "tetherd_event_store_duration_seconds_sum",
                                  "tetherd_event_handling_duration_seconds_count",
                                  "tetherd_event_handling_duration_seconds_sum"};
  for (const auto& type : every_event_type()) series.push_back("tetherd_events_received_total{type=\"" + type + "\"}");
  watch.moves(scene, series, [&scene] { cause_every_event(scene); });
  watch.moves(scene, {"tetherd_events_dropped_total"},
              [&scene] { scene.control_plane().send_frame(R"({"type":"api.deployed","payload":{}})"); });
  REQUIRE(gateway_comes_to_agree(scene));
  REQUIRE(scene.wait_until_in_sync().is_object());
  return everything;
}

/// What is not as it should be.
void go_wrong(MetricsWatch& watch, Scene& scene, const Everything& everything) {
  const std::string api = everything.artifacts.at("RestApi").artifact_id;
  watch.moves(
      scene, {"tetherd_quarantined_resources", acks_sent("failed"), "tetherd_in_sync"},
      [&] {
        change_gateway(scene, [](peers::GatewayFaults& faults) { faults.refuse = {{"RestApi", "", "", "", "no"}}; });
        scene.control_plane().redeploy(api);
      },
      kAllIsWell);
  watch.moves(scene, {"tetherd_quarantined_resources", "tetherd_in_sync"},
              [&] {
                heal_gateway(scene);
                scene.control_plane().redeploy(api);
              },
              {{"tetherd_quarantined_resources", 1}, {"tetherd_in_sync", 0}});
  watch.moves(
      scene, {"tetherd_waiting_resources", "tetherd_settled", "tetherd_control_plane_in_sync"},
      [&] {
        change_faults(scene, [](peers::Faults& faults) { faults.batch_missing = {"*"}; });
        scene.control_plane().redeploy(api);
      },
      kAllIsWell);
  // An application may wait too: for a key that was revoked before anybody took its creation for news.
  watch.moves(scene, {"tetherd_waiting_resources", "tetherd_control_plane_in_sync"},
              [&scene] { change_faults(scene, [](peers::Faults& faults) { faults.batch_missing.clear(); }); },
              {{"tetherd_control_plane_in_sync", 0}});
  watch.moves(scene, {"tetherd_held_deletions"},
              [&scene] { change_faults(scene, [](peers::Faults& faults) { faults.empty_lists = {"deployments"}; }); },
              {{"tetherd_held_deletions", 0}});
  watch.moves(scene, {"tetherd_held_deletions"},
              [&scene] { change_faults(scene, [](peers::Faults& faults) { faults.empty_lists.clear(); }); });
  std::optional<StoreLock> lock;
  watch.moves(scene, {"tetherd_store_degraded"}, [&scene, &lock] { lock.emplace(scene.file("state")); },
              {{"tetherd_store_degraded", 0}});
  watch.moves(scene, {"tetherd_store_degraded"}, [&lock] { lock.reset(); }, {{"tetherd_store_degraded", 1}});
  REQUIRE(scene.wait_until_in_sync().is_object());
}

/// Another identity that has nothing is staged, and waits for an operator until the first one is back.
void swap_identities(MetricsWatch& watch, Scene& scene) {
  const auto swap_to = [&scene](const std::string& gateway_id) {
    scene.control_plane().kill();
    scene.control_plane().swap_database(gateway_id);
    REQUIRE(scene.control_plane().revive());
  };
  const std::string first = scene.control_plane().gateway_id();
  watch.moves(scene, {"tetherd_identity_staged", "tetherd_identity_needs_operator"},
              [&swap_to] { swap_to("01a20bde-d854-7424-8ebe-d894208daace"); },
              {{"tetherd_identity_staged", 0}, {"tetherd_identity_needs_operator", 0}});
  watch.moves(scene, {"tetherd_identity_staged", "tetherd_identity_needs_operator"}, [&] { swap_to(first); },
              {{"tetherd_identity_staged", 1}, {"tetherd_identity_needs_operator", 1}});
  REQUIRE(scene.wait_until_in_sync().is_object());
}

/// Links that end, and an ack that finds none.
void lose_links(MetricsWatch& watch, Scene& scene, const Everything& everything) {
  watch.moves(scene, {network_errors("reset"), reconnects("reset")},
              [&scene] { scene.control_plane().end_links(Ending::TcpReset); });
  REQUIRE(scene.wait_until_in_sync().is_object());
  watch.moves(scene, {network_errors("closed"), reconnects("closed")},
              [&scene] { scene.control_plane().end_links(Ending::TcpClose); });
  REQUIRE(scene.wait_until_in_sync().is_object());
  change_gateway(scene, [](peers::GatewayFaults& faults) { faults.stall_body = true; });
  watch.moves(scene, {gateway_state("behind"), "tetherd_unanswered_changes"},
              [&] { scene.control_plane().redeploy(everything.artifacts.at("Mcp").artifact_id); },
              {{gateway_state("behind"), 0}, {"tetherd_unanswered_changes", 0}});
  watch.moves(scene, {control_plane_state("connected"), control_plane_state("reconnecting"), "tetherd_outbox_acks"},
              [&scene] {
                scene.control_plane().kill();
                heal_gateway(scene);
              },
              {{control_plane_state("connected"), 1}, {"tetherd_outbox_acks", 0}});
  watch.moves(scene, {control_plane_state("reconnecting"), control_plane_state("connected"), "tetherd_outbox_acks"},
              [&scene] { REQUIRE(scene.control_plane().revive()); }, {{control_plane_state("reconnecting"), 1}});
  // A goodbye that nobody answers takes its time.
  watch.moves(scene, {control_plane_state("connected"), control_plane_state("disconnected")},
              [&scene] {
                change_faults(scene, [](peers::Faults& faults) { faults.silent = true; });
                scene.daemon().signal(SIGTERM);
              },
              {{control_plane_state("connected"), 1}});
  CHECK(scene.daemon().wait_for_exit(kPatience) == 0);
}

}  // namespace

TEST_CASE("every metric is moved by what it tells of, and none is served that nothing moves [R16] [R17] [R29] [E1]") {
  MetricsWatch watch;
  Planted planted;
  // Two that take their time, begun first.
  Scene silent;
  Scene mute;
  silent.start_control_plane();
  silent.start_gateway();
  silent.start_daemon();
  REQUIRE(silent.wait_until_in_sync().is_object());
  silent.control_plane().change_faults([](peers::Faults& faults) { faults.silent = true; });
  mute.start_control_plane();
  mute.control_plane().change_faults([](peers::Faults& faults) { faults.stall_handshake = true; });
  mute.start_daemon();

  {
    Scene scene;
    connect(watch, scene);
    meet_the_gateway(watch, scene);
    const auto everything = fill(watch, scene, planted);
    go_wrong(watch, scene, everything);
    swap_identities(watch, scene);
    lose_links(watch, scene, everything);
  }
  {
    Scene scene;
    scene.start_control_plane();
    scene.start_gateway();
    scene.start_daemon();
    const auto gone = scene.control_plane().deploy("RestApi", "api");
    REQUIRE(gateway_comes_to_agree(scene));
    CHECK(scene.stop_daemon() == 0);
    std::filesystem::remove_all(scene.file("state"));
    change_faults(scene, [](peers::Faults& faults) { faults.drop_events = true; });
    scene.control_plane().delete_artifact(gone.artifact_id);
    scene.start_daemon();
    watch.have_moved(scene, {"tetherd_gateway_push_held"});
    std::filesystem::remove_all(scene.file("state"));
    watch.have_moved(scene, {reconnects("store")});
  }
  {
    Scene scene;
    scene.start_control_plane();
    const peers::TempDir elsewhere;
    const auto other = peers::write_test_ca(elsewhere.path().string());
    scene.start_daemon({{"TETHER_CONTROL_PLANE_CA_FILE", other.ca_file}});
    watch.have_moved(scene, {network_errors("tls"), reconnects("tls")});
  }
  {
    Scene scene;
    scene.start_daemon({{"TETHER_CONTROL_PLANE_URL", "wss://nobody.invalid"}});
    watch.have_moved(scene, {network_errors("dns"), reconnects("dns")});
  }
  watch.have_moved(mute, {network_errors("timeout"), reconnects("timeout")});
  watch.have_moved(silent, {network_errors("silent"), reconnects("silent")});

  CHECK(watch.unmoved() == std::set<std::string>{});
  CHECK(watch.names() == metrics_of_the_readme());
}
