#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <sstream>

#include "commands.h"
#include "desired.h"
#include "steps.h"

using namespace tether;
using namespace tether::test;
using nlohmann::json;

namespace {

std::vector<json> events(const Scene& scene) {
  std::vector<json> out;
  std::istringstream lines(run_command(scene, {"events", "--json", "--count", "300"}).out);
  for (std::string line; std::getline(lines, line);) out.push_back(json::parse(line));
  return out;
}

/// The log's lines of this name.
std::vector<json> logged(Scene& scene, const std::string& name) {
  std::vector<json> out;
  for (const auto& line : scene.daemon().out()) {
    auto read = json::parse(line);
    if (read["event"] == name) out.push_back(std::move(read));
  }
  return out;
}

bool names(const std::vector<json>& lines, const std::string& member, const std::string& correlation_id) {
  return std::any_of(lines.begin(), lines.end(), [&](const json& line) {
    return line.value(member, "").find(correlation_id) != std::string::npos;
  });
}

}  // namespace

TEST_CASE("tetherd events shows what came and what has become of it, by the id that the log has, too") {
  Scene scene;
  start_all(scene);
  CHECK(run_command(scene, {"events"}).out == "no event has come since the daemon's start\n");
  const auto ids = serve(scene, 2);
  REQUIRE(all_come_to_be_acknowledged(scene));

  const auto seen = events(scene);
  REQUIRE(seen.size() == 2);
  for (const json& event : seen) {
    CAPTURE(event.dump());
    CHECK(event["type"] == "api.deployed");
    CHECK(event["stage"] == "acknowledged");
    CHECK(std::find(ids.begin(), ids.end(), event["id"]) != ids.end());
    const std::string correlation_id = event["correlation_id"];
    CHECK(names(logged(scene, "event.received"), "correlation_id", correlation_id));
    CHECK(names(logged(scene, "gateway.answered"), "correlation_ids", correlation_id));
    CHECK(names(logged(scene, "ack.sent"), "correlation_id", correlation_id));
  }
  const Ended last = run_command(scene, {"events", "--count", "1"});
  CHECK(last.status == kDone);
  CHECK(has(last.out, "  api.deployed             RestApi " + seen[1]["id"].get<std::string>() +
                          ", in effect, and acknowledged  [" + seen[1]["correlation_id"].get<std::string>() + "]\n"));
}

TEST_CASE("tetherd events says what was dropped and refused, without a word of its payload [R3]") {
  Scene scene;
  start_all(scene);
  scene.control_plane().send_frame(R"({"type":"api.deployed","payload":{"apiId":7,"secret":"planted-payload-value"}})");
  scene.gateway().change_faults([](peers::GatewayFaults& faults) { faults.refuse = {{"RestApi", "", "", "", "no"}}; });
  scene.control_plane().deploy("RestApi", "petstore");
  REQUIRE(scene.wait_for([](const json& seen) { return seen["quarantined"].size() == 1; }).is_object());

  const auto seen = events(scene);
  REQUIRE(seen.size() == 2);
  CHECK(seen[0]["stage"] == "dropped");
  CHECK(seen[0]["type"] == "api.deployed");
  CHECK(seen[0]["why"].is_string());
  CHECK((seen[1]["stage"] == "refused" || seen[1]["stage"] == "failed"));
  for (const json& event : seen) CHECK(event.dump().find("planted-payload-value") == std::string::npos);
}

TEST_CASE("tetherd events --follow shows what comes, and ends at Ctrl-C") {
  Scene scene;
  start_all(scene);
  const auto following = start_command(scene, {"events", "--follow"});

  const auto deployed = scene.control_plane().deploy("RestApi", "petstore");

  CHECK(following->wait_for_text("RestApi " + deployed.artifact_id + ", in effect, and acknowledged", kPatience));
  following->signal(SIGINT);
  CHECK(end_of(*following).status == kDone);
  scene.kill_daemon();
  CHECK(run_command(scene, {"events"}).status == kNotDone);
}
