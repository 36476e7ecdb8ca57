#include "tether/admin/metrics.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <thread>

namespace tether {

using Catch::Matchers::Contains;

namespace {

const TimePoint kNow = TimePoint{} + 1000h;
const Instant kWallNow = from_ms(1'787'396'523'417);

/// Metrics, and what `/metrics` says about one series of theirs.
struct Scraped {
  Metrics metrics{"1.2.3", {{"api.deployed", "api.deleted"}, {"RestApi", "ApiKey"}, {"deployments", "manifest"}}};

  std::map<std::string, double> all() const {
    std::map<std::string, double> out;
    std::istringstream lines(metrics.text());
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with('#')) continue;
      const auto space = line.rfind(' ');
      out[line.substr(0, space)] = std::stod(line.substr(space + 1));
    }
    return out;
  }

  /// Fails the test if there is no such series.
  double operator[](const std::string& series) const {
    const auto now = all();
    CAPTURE(series);
    REQUIRE(now.contains(series));
    return now.at(series);
  }

  void set(const Status& status) { metrics.set_status(status, kNow, kWallNow); }
};

struct MetricText {
  std::string help;
  std::string type;
};

/// What `# HELP` and `# TYPE` say, by name.
std::map<std::string, MetricText> described(const std::string& text) {
  std::map<std::string, MetricText> out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string hash, what, name, rest;
    words >> hash >> what >> name;
    if (hash != "#") continue;
    std::getline(words >> std::ws, rest);
    (what == "HELP" ? out[name].help : out[name].type) = rest;
  }
  return out;
}

}  // namespace

TEST_CASE("the control plane's state is one series for each (R16)") {
  Scraped scraped;
  Status status;
  status.control_plane.state = ControlPlaneStatus::State::Rejected;

  scraped.set(status);

  for (const char* state : {"standalone", "connecting", "connected", "reconnecting", "rejected", "disconnected"}) {
    CAPTURE(state);
    CHECK(scraped["tetherd_control_plane_state{state=\"" + std::string(state) + "\"}"] ==
          (std::string(state) == "rejected" ? 1 : 0));
  }
}

TEST_CASE("the gateway's state is one series for each, and in_sync is one of them") {
  Scraped scraped;
  Status status;
  status.gateway.state = GatewayStatus::State::Refusing;
  scraped.set(status);
  CHECK(scraped["tetherd_gateway_state{state=\"refusing\"}"] == 1);
  CHECK(scraped["tetherd_gateway_in_sync"] == 0);

  status.gateway.state = GatewayStatus::State::InSync;
  scraped.set(status);
  CHECK(scraped["tetherd_gateway_state{state=\"refusing\"}"] == 0);
  CHECK(scraped["tetherd_gateway_state{state=\"in_sync\"}"] == 1);
  CHECK(scraped["tetherd_gateway_in_sync"] == 1);
}

TEST_CASE("in sync and settled are told apart (R29)") {
  Scraped scraped;
  Status status;
  status.settled = true;
  scraped.set(status);
  CHECK(scraped["tetherd_settled"] == 1);
  CHECK(scraped["tetherd_in_sync"] == 0);
  CHECK(scraped["tetherd_control_plane_in_sync"] == 0);

  status.in_sync = true;
  status.control_plane.in_sync = true;
  scraped.set(status);
  CHECK(scraped["tetherd_in_sync"] == 1);
  CHECK(scraped["tetherd_control_plane_in_sync"] == 1);
}

TEST_CASE("the last proofs are moments of the wall clock, and 0 for never (R29)") {
  Scraped scraped;
  Status status;
  scraped.set(status);
  CHECK(scraped["tetherd_control_plane_last_proven_sync_timestamp_seconds"] == 0);
  CHECK(scraped["tetherd_gateway_last_proven_sync_timestamp_seconds"] == 0);

  status.control_plane.last_proven_sync = kNow - 10s;
  status.gateway.last_proven_sync = kNow - 1s;
  scraped.set(status);
  CHECK(scraped["tetherd_control_plane_last_proven_sync_timestamp_seconds"] ==
        Approx(1'787'396'513.417).epsilon(1e-12));
  CHECK(scraped["tetherd_gateway_last_proven_sync_timestamp_seconds"] == Approx(1'787'396'522.417).epsilon(1e-12));
}

TEST_CASE("the ends of certificates are moments of the wall clock, and 0 for none") {
  Scraped scraped;
  Status status;
  scraped.set(status);
  CHECK(scraped["tetherd_control_plane_certificate_expiry_timestamp_seconds"] == 0);
  CHECK(scraped["tetherd_client_certificate_expiry_timestamp_seconds"] == 0);

  status.control_plane.server_certificate_ends = from_ms(1'800'000'000'000);
  status.control_plane.client_certificate_ends = from_ms(1'900'000'000'000);
  scraped.set(status);
  CHECK(scraped["tetherd_control_plane_certificate_expiry_timestamp_seconds"] == 1'800'000'000);
  CHECK(scraped["tetherd_client_certificate_expiry_timestamp_seconds"] == 1'900'000'000);
}

TEST_CASE("agreement that has gone unproven for too long is told, each side's for itself [R29]") {
  Scraped scraped;
  Status status;
  status.stale_after = 60s;
  status.control_plane.last_proven_sync = kNow - 61s;
  status.gateway.last_proven_sync = kNow - 60s;
  scraped.set(status);

  CHECK(scraped["tetherd_control_plane_stale"] == 1);
  CHECK(scraped["tetherd_gateway_stale"] == 0);
}

TEST_CASE("the age of an event is of our clock, and none is younger than none") {
  Scraped scraped;
  scraped.metrics.count_event_age(3s);
  scraped.metrics.count_event_age(-5s);
  scraped.metrics.count_event_stored(20ms);
  scraped.metrics.count_loop_lag(-1us);

  CHECK(scraped["tetherd_event_age_seconds_count"] == 2);
  CHECK(scraped["tetherd_event_age_seconds_sum"] == 3);
  CHECK(scraped["tetherd_event_store_duration_seconds_bucket{le=\"0.025\"}"] == 1);
  CHECK(scraped["tetherd_event_store_duration_seconds_bucket{le=\"0.01\"}"] == 0);
  CHECK(scraped["tetherd_loop_lag_seconds_sum"] == 0);
}

TEST_CASE("how long events took to reach the gateway is told up to the hour that it may be away [R29]") {
  Scraped scraped;
  scraped.metrics.count_event_handled(20ms);
  scraped.metrics.count_event_handled(50min);

  CHECK(scraped["tetherd_event_handling_duration_seconds_count"] == 2);
  CHECK(scraped["tetherd_event_handling_duration_seconds_sum"] == Approx(3000.02));
  CHECK(scraped["tetherd_event_handling_duration_seconds_bucket{le=\"0.01\"}"] == 0);
  CHECK(scraped["tetherd_event_handling_duration_seconds_bucket{le=\"0.025\"}"] == 1);
  CHECK(scraped["tetherd_event_handling_duration_seconds_bucket{le=\"300\"}"] == 1);
  CHECK(scraped["tetherd_event_handling_duration_seconds_bucket{le=\"3600\"}"] == 2);
}

TEST_CASE("bytes are counted by channel and by way") {
  Scraped scraped;
  scraped.metrics.count_received("websocket", 10);
  scraped.metrics.count_received("rest", 20);
  scraped.metrics.count_sent("rest", 30);

  CHECK(scraped["tetherd_control_plane_received_bytes_total{channel=\"websocket\"}"] == 10);
  CHECK(scraped["tetherd_control_plane_received_bytes_total{channel=\"rest\"}"] == 20);
  CHECK(scraped["tetherd_control_plane_sent_bytes_total{channel=\"rest\"}"] == 30);
  CHECK(scraped["tetherd_control_plane_sent_bytes_total{channel=\"websocket\"}"] == 0);
}

TEST_CASE("what is stored is told by count") {
  Scraped scraped;
  Status status;
  status.store.resources = {{"RestApi", 7}, {"ApiKey", 2}, {"Novelty", 1}, {"Oddity", 3}};
  status.store.unanswered = 6;
  status.store.size_bytes = 4096;
  status.store.outbox_acks = 5;
  status.store.revision = 42;
  status.store.degraded = true;
  status.counts = {.quarantined = 1000, .held = 2000, .waiting = 3000};
  status.quarantined.resize(1);
  status.control_plane.staged.emplace().needs_operator = true;
  status.gateway.held_push.emplace();
  scraped.set(status);

  CHECK(scraped["tetherd_resources{kind=\"RestApi\"}"] == 7);
  CHECK(scraped["tetherd_resources{kind=\"ApiKey\"}"] == 2);
  CHECK(scraped["tetherd_resources{kind=\"unknown\"}"] == 4);
  CHECK(scraped["tetherd_unanswered_changes"] == 6);
  CHECK(scraped["tetherd_store_size_bytes"] == 4096);
  CHECK(scraped["tetherd_outbox_acks"] == 5);
  CHECK(scraped["tetherd_store_revision"] == 42);
  CHECK(scraped["tetherd_store_degraded"] == 1);
  // Of what there is, not of the part that is listed.
  CHECK(scraped["tetherd_quarantined_resources"] == 1000);
  CHECK(scraped["tetherd_held_deletions"] == 2000);
  CHECK(scraped["tetherd_waiting_resources"] == 3000);
  CHECK(scraped["tetherd_identity_staged"] == 1);
  CHECK(scraped["tetherd_identity_needs_operator"] == 1);
  CHECK(scraped["tetherd_gateway_push_held"] == 1);

  status.control_plane.staged->needs_operator = false;
  status.gateway.held_push.reset();
  scraped.set(status);
  CHECK(scraped["tetherd_identity_staged"] == 1);
  CHECK(scraped["tetherd_identity_needs_operator"] == 0);
  CHECK(scraped["tetherd_gateway_push_held"] == 0);

  scraped.set(Status{});
  CHECK(scraped["tetherd_resources{kind=\"RestApi\"}"] == 0);
  CHECK(scraped["tetherd_resources{kind=\"unknown\"}"] == 0);
  CHECK(scraped["tetherd_quarantined_resources"] == 0);
}

TEST_CASE("authentication failures, network errors and reconnections are counted (R17)") {
  Scraped scraped;
  CHECK(scraped["tetherd_control_plane_auth_failures_total"] == 0);

  scraped.metrics.count_auth_failure();
  CHECK(scraped["tetherd_control_plane_auth_failures_total"] == 1);

  for (const std::string reason : {"dns", "refused", "timeout", "tls", "reset", "closed", "silent", "http"}) {
    const std::string error = "tetherd_control_plane_network_errors_total{reason=\"" + reason + "\"}";
    const std::string attempt = "tetherd_control_plane_reconnect_attempts_total{reason=\"" + reason + "\"}";
    CHECK(scraped[error] == 0);
    scraped.metrics.count_network_error(reason);
    scraped.metrics.count_reconnect_attempt(reason);
    CHECK(scraped[error] == 1);
    CHECK(scraped[attempt] == 1);
  }
  CHECK(scraped["tetherd_control_plane_dials_total"] == 0);
  scraped.metrics.count_dial();
  CHECK(scraped["tetherd_control_plane_dials_total"] == 1);
  for (const std::string result : {"answered", "failed"}) {
    const std::string knocks = "tetherd_control_plane_knocks_total{result=\"" + result + "\"}";
    CHECK(scraped[knocks] == 0);
    scraped.metrics.count_knock(result);
    CHECK(scraped[knocks] == 1);
  }
  for (const std::string reason : {"auth", "token", "store"}) {
    scraped.metrics.count_reconnect_attempt(reason);
    CHECK(scraped["tetherd_control_plane_reconnect_attempts_total{reason=\"" + reason + "\"}"] == 1);
  }
}

TEST_CASE("events are counted by type, and those nobody knows as unknown") {
  Scraped scraped;

  scraped.metrics.count_event("api.deployed");
  scraped.metrics.count_event("api.exploded");
  scraped.metrics.count_event("\"} 1\nevil{x=\"");
  scraped.metrics.count_event_dropped();
  scraped.metrics.count_event_dropped(2);

  CHECK(scraped["tetherd_events_received_total{type=\"api.deployed\"}"] == 1);
  CHECK(scraped["tetherd_events_received_total{type=\"api.deleted\"}"] == 0);
  CHECK(scraped["tetherd_events_received_total{type=\"unknown\"}"] == 2);
  CHECK(scraped["tetherd_events_dropped_total"] == 3);
  CHECK_THAT(scraped.metrics.text(), !Contains("evil"));
}

TEST_CASE("a value outside its set makes a series when it comes, and not before (E1)") {
  Scraped scraped;
  const auto unknown = [&scraped] {
    std::set<std::string> series;
    for (const auto& [name, value] : scraped.all()) {
      if (name.find("=\"unknown\"") != std::string::npos) series.insert(name);
    }
    return series;
  };
  CHECK(unknown().empty());

  scraped.metrics.count_network_error("sunspots");

  CHECK(unknown() == std::set<std::string>{"tetherd_control_plane_network_errors_total{reason=\"unknown\"}"});
  CHECK(scraped["tetherd_control_plane_network_errors_total{reason=\"unknown\"}"] == 1);
}

TEST_CASE("REST requests are counted by call and code") {
  Scraped scraped;

  scraped.metrics.count_rest_request("deployments", 200);
  scraped.metrics.count_rest_request("deployments", 418);
  scraped.metrics.count_rest_request("manifest", 0);
  scraped.metrics.count_rest_request("surprise", 12345);

  CHECK(scraped["tetherd_rest_requests_total{call=\"deployments\",code=\"200\"}"] == 1);
  CHECK(scraped["tetherd_rest_requests_total{call=\"deployments\",code=\"4xx\"}"] == 1);
  CHECK(scraped["tetherd_rest_requests_total{call=\"manifest\",code=\"none\"}"] == 1);
  CHECK(scraped["tetherd_rest_requests_total{call=\"unknown\",code=\"none\"}"] == 1);
}

TEST_CASE("acks, pushes and commits are counted and timed") {
  Scraped scraped;

  scraped.metrics.count_ack_sent("success");
  scraped.metrics.count_ack_sent("failed");
  scraped.metrics.count_push("put", "applied", 3ms);
  scraped.metrics.count_push("patch", "no_answer", 40s);
  scraped.metrics.count_commit(240us);

  CHECK(scraped["tetherd_deployment_acks_sent_total{status=\"success\"}"] == 1);
  CHECK(scraped["tetherd_deployment_acks_sent_total{status=\"failed\"}"] == 1);
  CHECK(scraped["tetherd_gateway_pushes_total{mode=\"put\",result=\"applied\"}"] == 1);
  CHECK(scraped["tetherd_gateway_pushes_total{mode=\"patch\",result=\"no_answer\"}"] == 1);
  CHECK(scraped["tetherd_gateway_push_duration_seconds_count"] == 2);
  CHECK(scraped["tetherd_gateway_push_duration_seconds_sum"] == Approx(40.003));
  CHECK(scraped["tetherd_gateway_push_duration_seconds_bucket{le=\"0.0025\"}"] == 0);
  CHECK(scraped["tetherd_gateway_push_duration_seconds_bucket{le=\"0.005\"}"] == 1);
  CHECK(scraped["tetherd_gateway_push_duration_seconds_bucket{le=\"+Inf\"}"] == 2);
  CHECK(scraped["tetherd_store_transactions_total"] == 1);
  CHECK(scraped["tetherd_store_commit_duration_seconds_count"] == 1);
  CHECK(scraped["tetherd_store_commit_duration_seconds_bucket{le=\"0.00025\"}"] == 1);
}

TEST_CASE("the build and the process are told") {
  const Scraped scraped;

  CHECK(scraped["tetherd_build_info{version=\"1.2.3\"}"] == 1);
  CHECK(scraped["process_start_time_seconds"] > 1.7e9);
  CHECK(scraped["process_resident_memory_bytes"] > 100'000);
  CHECK(scraped["process_open_fds"] >= 3);
  CHECK(scraped["process_cpu_seconds_total"] >= 0);
}

TEST_CASE("names, types and help texts follow Prometheus's conventions") {
  Scraped scraped;
  scraped.metrics.count_push("put", "applied", 1ms);
  scraped.metrics.count_rest_request("deployments", 200);
  const std::string text = scraped.metrics.text();
  const auto all = described(text);
  CHECK(all.size() > 25);

  for (const auto& [name, metric] : all) {
    CAPTURE(name, metric.help, metric.type);
    CHECK(metric.help.size() > 10);
    CHECK(metric.help.back() == '.');
    CHECK(std::regex_match(name, std::regex("(tetherd|process)_[a-z][a-z0-9_]*[a-z0-9]")));
    CHECK((metric.type == "counter") == name.ends_with("_total"));
    if (metric.type == "histogram") CHECK(name.ends_with("_seconds"));
    CHECK_FALSE(std::regex_search(name, std::regex("_(ms|milliseconds|kb|count|sum|bucket|age)$")));
    CHECK_THAT(text, Contains("# HELP " + name + " ") && Contains("# TYPE " + name + " "));
  }
}

TEST_CASE("the metrics that dashboards rely on are there from the start") {
  const Scraped scraped;
  const std::string text = scraped.metrics.text();

  for (const char* name : {"tetherd_control_plane_state",
                           "tetherd_control_plane_in_sync",
                           "tetherd_control_plane_certificate_expiry_timestamp_seconds",
                           "tetherd_client_certificate_expiry_timestamp_seconds",
                           "tetherd_control_plane_last_proven_sync_timestamp_seconds",
                           "tetherd_control_plane_auth_failures_total",
                           "tetherd_control_plane_network_errors_total",
                           "tetherd_control_plane_reconnect_attempts_total",
                           "tetherd_control_plane_dials_total",
                           "tetherd_control_plane_knocks_total",
                           "tetherd_events_received_total",
                           "tetherd_event_handling_duration_seconds",
                           "tetherd_gateway_in_sync",
                           "tetherd_gateway_push_duration_seconds",
                           "tetherd_resources",
                           "tetherd_quarantined_resources",
                           "tetherd_held_deletions",
                           "tetherd_outbox_acks",
                           "tetherd_identity_staged",
                           "tetherd_identity_needs_operator",
                           "tetherd_gateway_push_held",
                           "tetherd_build_info"}) {
    CHECK_THAT(text, Contains("# TYPE " + std::string(name) + " "));
  }
}

TEST_CASE("metrics are counted, set and read from several threads at once") {
  Scraped scraped;
  constexpr int kThreads = 4;
  constexpr int kEach = 200;

  std::atomic<bool> one_was_empty = false;  // checked at the end: Catch2 is for one thread
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&scraped, &one_was_empty, t] {
      for (int i = 0; i < kEach; ++i) {
        scraped.metrics.count_event("api.deployed");
        scraped.metrics.count_rest_request("deployments", 200 + t);
        scraped.metrics.count_push("patch", "applied", 1ms);
        if (i % 20 == 0) scraped.set(Status{});
        if (i % 20 == 10 && scraped.metrics.text().empty()) one_was_empty = true;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  CHECK_FALSE(one_was_empty);
  CHECK(scraped["tetherd_events_received_total{type=\"api.deployed\"}"] == kThreads * kEach);
  CHECK(scraped["tetherd_gateway_push_duration_seconds_count"] == kThreads * kEach);
}

}  // namespace tether
