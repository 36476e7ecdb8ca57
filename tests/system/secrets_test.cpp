#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <set>

#include "desired.h"
#include "planted.h"
#include "tether/peers/documents.h"
#include "tether/peers/kinds.h"
#include "tether/peers/texts.h"

using namespace tether;
using namespace tether::test;
using nlohmann::json;

namespace {

constexpr const char* kRedacted = "[redacted]";

void redeploy_all(Scene& scene, const Everything& everything) {
  for (const auto& [kind, artifact] : everything.artifacts) scene.control_plane().redeploy(artifact.artifact_id);
}

/// The gateway's words: every secret, and then a document in which it has put one in the place of its placeholder.
std::string quoting(const Planted& planted) {
  const auto sample = document_of(*peers::kind_named("RestApi"));
  return "cannot use " + planted.all() + "in " + peers::sample_document(sample);
}

/// Everything that the daemon tells on its endpoint.
void check_endpoint(Scene& scene, const Planted& planted, const std::string& when) {
  for (const char* path : {"/status", "/metrics", "/readyz", "/livez", "/resources", "/events"}) {
    planted.check_absent(peers::admin_get(scene.admin(), path).body, path + (" while " + when));
  }
}

void check_log(Scene& scene, const Planted& planted) {
  planted.check_absent(scene.daemon().all_output(), "the log");
}

/// Waits until both the last error of the gateway and its words are there, cleared.
void wait_for_gateway_error(Scene& scene, const std::string& status) {
  scene.wait_for([&status](const json& seen) {
    if (!seen.is_object() || !seen["gateway"]["last_error"].is_string()) return false;
    const std::string error = seen["gateway"]["last_error"];
    return error.find(status) != std::string::npos && error.find(kRedacted) != std::string::npos;
  });
}

std::set<std::string> quarantined_kinds(const json& status) {
  std::set<std::string> kinds;
  if (!status.is_object()) return kinds;
  for (const auto& one : status["quarantined"]) {
    const std::string reason = one["reason"].is_string() ? one["reason"] : "";
    if (reason.find(kRedacted) != std::string::npos) kinds.insert(one["kind"]);
  }
  return kinds;
}

void wait_until_quarantined(Scene& scene, const std::set<std::string>& kinds) {
  scene.wait_for([&kinds](const json& status) {
    const auto quarantined = quarantined_kinds(status);
    return std::ranges::includes(quarantined, kinds);
  });
}

/// Lines are refused one by one, in words that quote everything that the gateway has been given.
void refuse_lines(Scene& scene, Planted& planted, const Everything& everything) {
  scene.gateway().change_faults([&planted](peers::GatewayFaults& faults) {
    peers::Refusal any;
    any.reason = quoting(planted);
    faults.refuse = {any};
  });
  change_values(scene, planted, everything, "new");
  redeploy_all(scene, everything);
  // What refers or belongs to something that is refused is refused as well, or waits for it.
  const std::set<std::string> all = {"ApiKey",  "HmacSecret", "LlmProvider",  "LlmProxy",     "Mcp",
                                     "RestApi", "Secret",     "Subscription", "WebBrokerApi", "WebSubApi"};
  scene.wait_for([&all](const json& status) {
    auto kinds = quarantined_kinds(status);
    const bool documents_too = kinds.contains("WebSubApi") || kinds.contains("RestApi") || kinds.contains("Mcp");
    for (const auto& one : status["waiting"]) kinds.insert(one["kind"]);
    return documents_too && std::ranges::includes(kinds, all);
  });
  check_endpoint(scene, planted, "lines are refused");
}

/// Questions and whole bodies are answered with an error that quotes everything; last with the one that is believed,
/// after which nothing is sent for a minute.
void answer_with_errors(Scene& scene, Planted& planted) {
  using Status = int peers::GatewayFaults::*;
  struct Answer {
    int status;
    Status knob;
  };
  const std::string words = quoting(planted);
  for (const auto& [status, knob] :
       {Answer{503, &peers::GatewayFaults::state_status}, Answer{500, &peers::GatewayFaults::status},
        Answer{422, &peers::GatewayFaults::status}}) {
    scene.gateway().change_faults([&words, status = status, knob = knob](peers::GatewayFaults& faults) {
      faults = {};
      faults.error = words;
      faults.*knob = status;
    });
    // It refers to nothing that was refused before, and is pushed whatever else waits.
    scene.control_plane().change(
        [status = status](peers::Desire& desire) { desire.create_plan("plan-" + std::to_string(status)); });
    wait_for_gateway_error(scene, std::to_string(status));
    check_endpoint(scene, planted, "the gateway answers " + std::to_string(status));
  }
  scene.gateway().change_faults([](peers::GatewayFaults& faults) { faults = {}; });
}

/// The control plane itself quotes, in each place where it has words of its own.
void misbehave(Scene& scene, Planted& planted, const Everything& everything) {
  auto& control_plane = scene.control_plane();
  const std::string token = control_plane.token();
  control_plane.change_faults([&planted](peers::Faults& faults) {
    peers::RestFault fault;
    fault.status = 500;
    fault.body = planted.all();
    faults.rest["*"] = fault;
  });
  control_plane.redeploy(everything.artifacts.at("RestApi").artifact_id);
  scene.wait_for([&scene](const json&) {
    return scene.metric("tetherd_rest_requests_total{call=\"deployments\",code=\"500\"}") > 0;
  });
  control_plane.change_faults([](peers::Faults& faults) { faults.rest.clear(); });
  const json quoted = planted.all();
  control_plane.send_frame(planted.all());
  control_plane.send_frame("{\"type\":" + quoted.dump());
  control_plane.send_frame(json{{"type", "api.deployed"}, {"payload", quoted}}.dump());
  control_plane.send_frame(json{{"type", "apikey.created"}, {"payload", {{"apiKeyHashes", quoted}}}}.dump());
  control_plane.send_frame(json{{"type", token}, {"payload", {}}, {"correlationId", token}}.dump());
  control_plane.send_frame(json{{"type", "error"}, {"message", "no room for " + planted.all()}}.dump());
  scene.wait_for([](const json& status) {
    return status.is_object() && status["control_plane"]["last_error"].is_string() &&
           status["control_plane"]["last_error"].get<std::string>().find(kRedacted) != std::string::npos;
  });
  check_endpoint(scene, planted, "the control plane quotes");
}

void check_acks(Scene& scene, const Planted& planted) {
  for (const auto& ack : scene.control_plane().observed().acks) planted.check_absent(ack.payload.dump(), "an ack");
}

}  // namespace

TEST_CASE("no secret is told, of whatever kind, whoever quotes it and whatever fails [R3] [E2]") {
  const std::string format = GENERATE("json", "text");
  CAPTURE(format);
  Scene scene;
  Planted planted;
  start_peers(scene, planted);
  const auto settings = settings_of(scene, format);
  scene.start_daemon(settings);
  const auto everything = deploy_everything(scene, planted);
  REQUIRE(gateway_comes_to_agree(scene));
  check_endpoint(scene, planted, "all is well");

  refuse_lines(scene, planted, everything);
  answer_with_errors(scene, planted);
  misbehave(scene, planted, everything);
  check_acks(scene, planted);
  CHECK(scene.daemon().wait_for_text("the control plane answered 500: "));
  CHECK(scene.stop_daemon() == 0);
  check_log(scene, planted);
  scene.forgive_violations();  // frames that were no frames
}

TEST_CASE("what a gateway quotes of an earlier life of the daemon is not told either [R3]") {
  Scene scene;
  Planted planted;
  start_peers(scene, planted);
  const auto settings = settings_of(scene, "json");
  scene.start_daemon(settings);
  const auto everything = deploy_everything(scene, planted);
  REQUIRE(gateway_comes_to_agree(scene));
  REQUIRE(scene.wait_until_in_sync().is_object());
  scene.gateway().change_faults([&planted](peers::GatewayFaults& faults) {
    peers::Refusal api;
    api.kind = "RestApi";
    api.reason = quoting(planted);
    faults.refuse = {api};
  });
  scene.control_plane().redeploy(everything.artifacts.at("RestApi").artifact_id);
  wait_until_quarantined(scene, {"RestApi"});
  CHECK(scene.stop_daemon() == 0);
  check_log(scene, planted);

  // The gateway keeps what it has, so that nothing secret is pushed by the new process.
  scene.start_daemon(settings);
  wait_until_quarantined(scene, {"RestApi"});
  check_endpoint(scene, planted, "the reason comes from the store");

  scene.gateway().change_faults([&planted](peers::GatewayFaults& faults) {
    faults.refuse.front().kind = "Mcp";
    faults.error = quoting(planted);
  });
  scene.control_plane().redeploy(everything.artifacts.at("Mcp").artifact_id);
  wait_until_quarantined(scene, {"Mcp"});
  scene.gateway().change_faults([](peers::GatewayFaults& faults) { faults.status = 500; });
  scene.control_plane().redeploy(everything.artifacts.at("LlmProvider").artifact_id);
  wait_for_gateway_error(scene, "500");
  check_endpoint(scene, planted, "the gateway quotes what it was given before");
  check_log(scene, planted);
}

TEST_CASE("no half of a secret is told: what others say is cleared before it is cut [R3]") {
  constexpr std::size_t kShown = 300;
  Scene scene;
  Planted planted;
  start_peers(scene, planted);
  const std::string token = scene.control_plane().token();
  scene.start_daemon(settings_of(scene, "json"));
  std::string long_value;
  while (long_value.size() < 20'000) long_value += peers::random_token();
  planted.add("long secret", long_value);
  const std::string value = planted.add("secret", peers::random_token());
  scene.control_plane().change([&long_value, &value](peers::Desire& desire) {
    desire.put_secret("backend-key", value);
    desire.put_secret("client-key", long_value);
  });
  const auto sample = document_of(*peers::kind_named("RestApi"));
  const auto api = scene.control_plane().deploy(sample.kind, sample.handle, peers::sample_document(sample));
  REQUIRE(gateway_comes_to_agree(scene));
  // One copy stands across the place of the cut, whether or not what comes before the words is counted.
  const auto words = [&value](std::size_t before) {
    return std::string(kShown - before - 3 * value.size() / 4, '.') + " " + value + value;
  };

  const std::array<std::string, 3> reasons = {words(0), "cannot use " + long_value, long_value + value + long_value};
  const std::string& reason = reasons.at(GENERATE(0U, 1U, 2U));
  scene.gateway().change_faults([&reason](peers::GatewayFaults& faults) {
    faults.refuse = {{"", "", "", "", reason}};
  });
  scene.control_plane().redeploy(api.artifact_id);
  scene.wait_for([](const json& status) { return status.is_object() && status["quarantined"].size() == 1; });
  check_endpoint(scene, planted, "a line is refused");

  scene.gateway().change_faults([&words](peers::GatewayFaults& faults) {
    faults = {};
    faults.status = 500;
    faults.error = words(std::string_view(R"(the gateway answered 500: {"error":")").size());
  });
  scene.control_plane().redeploy(api.artifact_id);
  scene.wait_for([](const json& status) {
    return status.is_object() && status["gateway"]["last_error"].is_string() &&
           status["gateway"]["last_error"].get<std::string>().find("...") != std::string::npos;
  });
  check_endpoint(scene, planted, "a push fails");

  scene.control_plane().send_frame(
      json{{"type", "error"}, {"message", std::string(kShown - token.size() / 2, '.') + token}}.dump());
  scene.wait_for([](const json& status) {
    return status.is_object() && status["control_plane"]["last_error"].is_string() &&
           status["control_plane"]["last_error"].get<std::string>().find("...") != std::string::npos;
  });
  check_endpoint(scene, planted, "the control plane complains");

  // The words of a REST answer are read up to 4 KiB, in the midst of a value.
  scene.control_plane().change_faults([&](peers::Faults& faults) {
    peers::RestFault fault;
    fault.status = 500;
    fault.body = value + long_value;
    faults.rest["*"] = fault;
  });
  scene.control_plane().redeploy(api.artifact_id);
  CHECK(scene.daemon().wait_for_text("the control plane answered 500\""));
  check_log(scene, planted);
}

TEST_CASE("a token that is refused, and the one that replaces it, are told nowhere [R3] [R15]") {
  const std::string format = GENERATE("json", "text");
  Scene scene;
  Planted planted;
  start_peers(scene, planted);
  auto settings = settings_of(scene, format);
  settings["TETHER_REGISTRATION_TOKEN"] = "";
  settings["TETHER_REGISTRATION_TOKEN_FILE"] = scene.folder().write("token", scene.control_plane().token() + "\n");
  settings["TETHER_ON_REJECTION"] = "stop";
  const std::string next = planted.add("next token", scene.control_plane().rotate_token());

  scene.start_daemon(settings);
  const auto is_rejected = [](const json& status) {
    return status.is_object() && status["control_plane"]["state"] == "rejected";
  };
  scene.wait_for(is_rejected);
  check_endpoint(scene, planted, "the token is rejected");
  // A token that no header can carry is as good as none, and as secret.
  scene.folder().write("token", planted.add("unusable token", peers::random_token() + " " + peers::random_token()));
  scene.wait_for([](const json& status) { return status["control_plane"]["state"] == "standalone"; });
  check_endpoint(scene, planted, "the token cannot be used");
  scene.folder().write("token", next);
  scene.wait_until_in_sync();
  check_endpoint(scene, planted, "the token is accepted");

  CHECK(scene.stop_daemon() == 0);
  check_log(scene, planted);
}
