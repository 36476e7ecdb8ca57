#include "tether/admin/status.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace tether {

using Catch::Matchers::Contains;

namespace {

const TimePoint kAsked = TimePoint{} + 1000h;

nlohmann::json json_of(const Status& status, TimePoint now = kAsked) {
  return nlohmann::json::parse(to_json(status, now));
}

Status unknown_status() {
  Status status;
  status.started = kAsked;
  return status;
}

}  // namespace

TEST_CASE("what is unknown is null, and never left out") {
  Status status = unknown_status();
  status.quarantined = {{"RestApi", "id-1", std::nullopt, std::nullopt, {}}};
  status.event_timestamps = {{"api.deployed", {}}};

  const auto json = json_of(status);

  for (const char* path : {"/control_plane/gateway_id",
                           "/control_plane/other_gateway_id",
                           "/control_plane/staged",
                           "/control_plane/last_proven_sync_age_s",
                           "/control_plane/next_attempt_s",
                           "/control_plane/last_error",
                           "/control_plane/advice",
                           "/control_plane/server_certificate_ends",
                           "/control_plane/client_certificate_ends",
                           "/control_plane/state_age_s",
                           "/gateway/instance",
                           "/gateway/applied_revision",
                           "/gateway/held_push",
                           "/gateway/last_proven_sync_age_s",
                           "/gateway/last_error",
                           "/gateway/state_age_s",
                           "/store/revision",
                           "/store/last_error",
                           "/quarantined/0/handle",
                           "/quarantined/0/reason",
                           "/quarantined/0/since",
                           "/quarantined/0/next_try",
                           "/event_timestamps/api.deployed"}) {
    CAPTURE(path);
    const nlohmann::json::json_pointer pointer(path);
    REQUIRE(json.contains(pointer));
    CHECK(json[pointer].is_null());
  }
  CHECK(json["store"]["resources"] == nlohmann::json::object());
  CHECK(json["held"] == nlohmann::json::array());
  CHECK(json["waiting"] == nlohmann::json::array());
  CHECK(json["best_effort_kinds"] == nlohmann::json::array());
}

TEST_CASE("what has gone without a proof for too long is told as stale, each side for itself [R29]") {
  Status status = unknown_status();
  status.stale_after = 60s;
  status.control_plane.last_proven_sync = kAsked;

  CHECK_FALSE(why_stale(status, kAsked + 60s));
  CHECK(why_stale(status, kAsked + 61s) ==
        "agreement with the control plane was last proven 61 s ago, agreement with "
        "the gateway has not been proven since the start");
  status.control_plane.last_proven_sync = kAsked + 30s;
  CHECK(why_stale(status, kAsked + 61s) == "agreement with the gateway has not been proven since the start");
  const auto json = json_of(status, kAsked + 61s);
  CHECK(json["control_plane"]["stale"] == false);
  CHECK(json["gateway"]["stale"] == true);

  status.stale_after = {};
  CHECK_FALSE(why_stale(status, kAsked + 1000h));
}

TEST_CASE("everything that is known is told (R14, R29)") {
  Status status;
  status.version = "1.2.3";
  status.started = kAsked - 90s;
  status.in_sync = true;
  status.settled = true;
  status.control_plane = {ControlPlaneStatus::State::Connected,
                          kAsked - 5s,
                          "wss://h:1/x",
                          "g-1",
                          "g-2",
                          true,
                          kAsked - 1500ms,
                          kAsked + 2500ms,
                          "was refused",
                          StagedStatus{"g-2", *parse_rfc3339("2026-08-22T11:02:03Z"), 4, 3, 2, "a listing", true, true},
                          *parse_rfc3339("2026-09-01T00:00:00Z"),
                          *parse_rfc3339("2026-10-01T00:00:00Z"),
                          std::nullopt,
                          true};
  status.gateway = {
      GatewayStatus::State::InSync,     kAsked - 4s, "/run/g.sock", "i-1", 42, true, kAsked - 3s, "was away",
      HeldPush{"i-1", "e-1", 17, 10, 2}};
  status.store = {43, {{"RestApi", 7}, {"ApiKey", 2}}, 6, 5, 4096, true, "disk is full"};
  status.event_timestamps = {{"api.deployed", *parse_rfc3339("2026-08-22T11:02:03.4179Z")}};
  const ResourceNote note{"RestApi",
                          "id-1",
                          "petstore-v1.0",
                          "no such policy",
                          *parse_rfc3339("2026-08-22T11:02:03Z"),
                          *parse_rfc3339("2026-08-22T12:02:03Z"),
                          "deployments"};
  status.quarantined = {note};
  status.held = {note, note};
  status.waiting = {note, note, note};
  status.best_effort_kinds = {"Application", "HmacSecret"};

  const auto json = json_of(status);

  CHECK(json["version"] == "1.2.3");
  CHECK(json["uptime_s"] == 90.0);
  CHECK(json["in_sync"] == true);
  CHECK(json["settled"] == true);
  CHECK(json["control_plane"] == nlohmann::json::parse(R"({"state":"connected","state_age_s":5.0,"url":"wss://h:1/x",
      "gateway_id":"g-1","other_gateway_id":"g-2","staged":{"gateway_id":"g-2",
      "since":"2026-08-22T11:02:03.000Z","deployed":4,"documents":3,"resources":2,"waits_for":"a listing",
      "needs_operator":true,"accepted":true},"in_sync":true,"last_proven_sync_age_s":1.5,"stale":false,"next_attempt_s":2.5,
      "looking_out":true,
      "last_error":"was refused","advice":null,"server_certificate_ends":"2026-09-01T00:00:00.000Z",
      "client_certificate_ends":"2026-10-01T00:00:00.000Z"})"));
  CHECK(json["gateway"] == nlohmann::json::parse(R"({"state":"in_sync","state_age_s":4.0,"socket":"/run/g.sock",
      "instance":"i-1","applied_revision":42,"ready":true,"held_push":{"instance":"i-1","epoch":"e-1","revision":17,
      "has":10,"would_get":2},"last_proven_sync_age_s":3.0,"stale":false,"last_error":"was away"})"));
  CHECK(json["store"] == nlohmann::json::parse(R"({"revision":43,"resources":{"ApiKey":2,"RestApi":7},"unanswered":6,
      "outbox_acks":5,"size_bytes":4096,"degraded":true,"last_error":"disk is full"})"));
  CHECK(json["event_timestamps"]["api.deployed"] == "2026-08-22T11:02:03.417Z");
  CHECK(json["quarantined"] == nlohmann::json::parse(R"([{"kind":"RestApi","id":"id-1","handle":"petstore-v1.0",
      "reason":"no such policy","since":"2026-08-22T11:02:03.000Z","next_try":"2026-08-22T12:02:03.000Z"}])"));
  CHECK(json["held"].size() == 2);
  CHECK(json["held"][0]["listing"] == "deployments");
  CHECK(json["waiting"].size() == 3);
  CHECK(json["best_effort_kinds"] == nlohmann::json{"Application", "HmacSecret"});
}

TEST_CASE("a hold is told with what it is about, and when it ends by itself, or why it does not [B5]") {
  Status status = unknown_status();
  HoldNote hold{"deployments", HoldNote::State::Held, *parse_rfc3339("2026-08-22T11:02:03Z"), 6, 20, 3400s, 42};
  status.holds.push_back(hold);
  hold.releases_in.reset();
  status.holds.push_back(hold);
  hold.state = HoldNote::State::Asked;
  status.holds.push_back(hold);
  hold.state = HoldNote::State::Released;
  hold.releases_in = 0s;
  status.holds.push_back(hold);

  const auto json = json_of(status)["holds"];

  CHECK(json[0] == nlohmann::json::parse(R"({"listing":"deployments","state":"held","since":"2026-08-22T11:02:03.000Z",
      "would_go":6,"in_service":20,"release_in_s":3400.0,"noted":42,
      "reason":"goes by itself if listings lack the same for another 3400 s"})"));
  CHECK(json[1]["release_in_s"].is_null());
  CHECK(json[1]["reason"] == "never goes by itself: nothing that was here before is in it");
  CHECK(json[2]["state"] == "asked");
  CHECK(json[3]["state"] == "released");
  CHECK(json[3]["release_in_s"] == 0.0);
}

TEST_CASE("ages grow with the time of the question, and waits end at none") {
  Status status = unknown_status();
  status.control_plane.last_proven_sync = kAsked;
  status.control_plane.next_attempt = kAsked + 10s;

  CHECK(json_of(status, kAsked)["control_plane"]["last_proven_sync_age_s"] == 0.0);
  CHECK(json_of(status, kAsked + 24h)["control_plane"]["last_proven_sync_age_s"] == 86400.0);
  CHECK(json_of(status, kAsked)["control_plane"]["next_attempt_s"] == 10.0);
  CHECK(json_of(status, kAsked + 11s)["control_plane"]["next_attempt_s"] == 0.0);
}

TEST_CASE("each state has the name that others rely on") {
  using ControlPlane = ControlPlaneStatus::State;
  using Gateway = GatewayStatus::State;

  CHECK(to_string(ControlPlane::Standalone) == "standalone");
  CHECK(to_string(ControlPlane::Connecting) == "connecting");
  CHECK(to_string(ControlPlane::Connected) == "connected");
  CHECK(to_string(ControlPlane::Reconnecting) == "reconnecting");
  CHECK(to_string(ControlPlane::Rejected) == "rejected");
  CHECK(to_string(ControlPlane::Disconnected) == "disconnected");
  CHECK(to_string(Gateway::Away) == "away");
  CHECK(to_string(Gateway::Connecting) == "connecting");
  CHECK(to_string(Gateway::Behind) == "behind");
  CHECK(to_string(Gateway::InSync) == "in_sync");
  CHECK(to_string(Gateway::Refusing) == "refusing");
}

TEST_CASE("bytes that are no text do not break the JSON") {
  Status status = unknown_status();
  status.gateway.last_error = "bad \xff\xfe \x01 \"bytes\"";

  CHECK_THAT(json_of(status)["gateway"]["last_error"].get<std::string>(), Contains("\"bytes\""));
}

TEST_CASE("ready is a gateway whose present instance has answered a push") {
  Status status = unknown_status();
  status.gateway.last_error = "no such file";  // Not said: who asks has brought no token.
  CHECK(why_not_ready(status) == "the gateway has not answered a push: it is away");

  status.gateway.has_answered_push = true;
  CHECK_FALSE(why_not_ready(status));
}

}  // namespace tether
