#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>

#include "steps.h"

using namespace tether;
using namespace tether::test;

namespace {

constexpr const char* kAuthFailures = "tetherd_control_plane_auth_failures_total";

bool is_in_state(const nlohmann::json& status, const std::string& state) {
  return status["control_plane"].value("state", "") == state;
}

nlohmann::json wait_for_state(Scene& scene, const std::string& state) {
  return scene.wait_for([&state](const nlohmann::json& status) { return is_in_state(status, state); });
}

/// The log's lines of a level, parsed.
std::vector<nlohmann::json> lines_of(Scene& scene, const std::string& level) {
  std::vector<nlohmann::json> found;
  for (const std::string& text : scene.daemon().out()) {
    auto line = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (line.is_object() && line.value("level", "") == level) found.push_back(std::move(line));
  }
  return found;
}

/// The errors of the log, once there is one: what the status shows already may not be read from the pipe yet.
std::vector<nlohmann::json> errors_of(Scene& scene) {
  const auto is_error = [](const std::string& text) {
    const auto line = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
    return line.is_object() && line.value("level", "") == "error";
  };
  REQUIRE(scene.daemon().wait_for_line(is_error, kPatience));
  return lines_of(scene, "error");
}

std::size_t dials(Scene& scene) {
  return scene.control_plane().observed().dials.size();
}

/// Something that comes about once a second, from the gateway's side: time passes without a look at a clock.
bool gateway_is_asked_again(Scene& scene, std::size_t times) {
  const std::size_t before = scene.gateway().history().size();
  return scene.gateway().wait_until(
      [before, times](const peers::GatewayView& view) { return view.history.size() >= before + times; }, kPatience);
}

void refuse_dials(Scene& scene, int status) {
  scene.control_plane().change_faults([status](peers::Faults& faults) { faults.dial_status = status; });
}

/// The token comes from a file, which holds what the control plane accepts.
std::map<std::string, std::string> token_in_file(Scene& scene) {
  return {{"TETHER_REGISTRATION_TOKEN", ""},
          {"TETHER_REGISTRATION_TOKEN_FILE", scene.folder().write("token", scene.control_plane().token() + "\n")}};
}

std::map<std::string, std::string> with(std::map<std::string, std::string> settings, const std::string& name,
                                        const std::string& value) {
  settings[name] = value;
  return settings;
}

/// Second connections were accepted and have gone, and the link is the one that it was.
bool has_first_link_alone_after_questions(Scene& scene) {
  return scene.control_plane().wait_until(
      [](const peers::Observed& seen, const peers::Desire&) {
        return seen.links.size() >= 3 && seen.open_links() == 1 && seen.links.begin()->second.open;
      },
      kPatience);
}

}  // namespace

TEST_CASE("a token refused three times is rejected: one ERROR, nothing more is dialled, the gateway is served [R15]") {
  Scene scene;
  scene.start_control_plane();
  const auto petstore = scene.control_plane().deploy("RestApi", "petstore");
  scene.start_gateway();
  const auto settings = with(token_in_file(scene), "TETHER_ON_REJECTION", "stop");
  scene.start_daemon(settings);
  REQUIRE(scene.wait_until_in_sync().is_object());
  REQUIRE(scene.stop_daemon() == 0);
  scene.control_plane().rotate_token();
  scene.control_plane().forget_observed();
  REQUIRE(scene.gateway().come_back(/*empty=*/true));

  scene.start_daemon(settings);
  const auto rejected = wait_for_state(scene, "rejected");

  REQUIRE(rejected.is_object());
  CHECK(rejected["control_plane"]["next_attempt_s"].is_null());
  CHECK(dials(scene) == 3);
  CHECK(scene.control_plane().observed().shortest_dial_gap() >= 25ms);
  CHECK(scene.metric(kAuthFailures) == 3);
  CHECK(scene.metric("tetherd_control_plane_state{state=\"rejected\"}") == 1);
  const auto errors = errors_of(scene);
  REQUIRE(errors.size() == 1);
  CHECK(errors.front().dump().find("TETHER_REGISTRATION_TOKEN_FILE") != std::string::npos);
  // What is stored is served all the same.
  CHECK(scene.gateway_comes_to_serve({{petstore.artifact_id, petstore.deployment_id}}));
  CHECK(wait_for_answer(scene, "/readyz", 200));
  CHECK(gateway_is_asked_again(scene, 3));
  CHECK(dials(scene) == 3);
  CHECK(scene.daemon().is_running());

  // A new token is dialled with at once.
  scene.folder().write("token", scene.control_plane().token());
  CHECK(scene.wait_until_in_sync().is_object());
  CHECK(dials(scene) == 4);
  CHECK(lines_of(scene, "error").size() == 1);
}

TEST_CASE("a token file that is replaced by renaming is noticed, too [R15]") {
  Scene scene;
  scene.start_control_plane();
  scene.start_gateway();
  const auto settings = with(token_in_file(scene), "TETHER_ON_REJECTION", "stop");
  scene.control_plane().rotate_token();
  scene.start_daemon(settings);
  REQUIRE(wait_for_state(scene, "rejected").is_object());

  const std::string next = scene.folder().write("token.next", scene.control_plane().token() + "\n");
  REQUIRE(std::rename(next.c_str(), scene.file("token").c_str()) == 0);

  CHECK(scene.wait_until_in_sync().is_object());
}

TEST_CASE("SIGHUP makes a rejected daemon try again with the same token [R15]") {
  Scene scene;
  scene.start_control_plane();
  refuse_dials(scene, 401);
  scene.start_gateway();
  scene.start_daemon({{"TETHER_ON_REJECTION", "stop"}});
  const auto rejected = wait_for_state(scene, "rejected");
  REQUIRE(rejected.is_object());
  const auto errors = errors_of(scene);
  REQUIRE(errors.size() == 1);
  CHECK(errors.front().dump().find("TETHER_REGISTRATION_TOKEN") != std::string::npos);
  refuse_dials(scene, 0);

  scene.daemon().signal(SIGHUP);

  CHECK(scene.wait_until_in_sync().is_object());
}

TEST_CASE("while rejected, `probe` tries once per poll interval and heals by itself [R15]") {
  Scene scene;
  scene.start_control_plane();
  refuse_dials(scene, 401);
  scene.start_gateway();
  scene.start_daemon({{"TETHER_ON_REJECTION", "probe"}, {"TETHER_POLL_INTERVAL_S", "1"}});
  const auto awaits_the_next_attempt = [](const nlohmann::json& status) {
    return is_in_state(status, "rejected") && status["control_plane"]["next_attempt_s"].is_number();
  };
  REQUIRE(scene.wait_for(awaits_the_next_attempt).is_object());

  REQUIRE(scene.control_plane().wait_until(
      [](const peers::Observed& seen, const peers::Desire&) { return seen.dials.size() >= 6; }, kPatience));
  const auto seen = scene.control_plane().observed().dials;
  for (std::size_t i = 3; i < 6; ++i) CHECK(seen[i] - seen[i - 1] >= 900ms);
  CHECK(is_in_state(scene.status(), "rejected"));
  CHECK(errors_of(scene).size() == 1);  // the quiet attempts are quiet
  refuse_dials(scene, 0);

  CHECK(scene.wait_until_in_sync().is_object());
}

TEST_CASE("a 401 of a control plane whose database is away for a moment rejects nothing [R15] [D4] [F4]") {
  Scene scene;
  scene.start_control_plane();
  scene.control_plane().change_faults([](peers::Faults& faults) {
    faults.dial_status = 401;
    faults.dial_status_count = 2;
  });
  scene.start_gateway();
  scene.start_daemon({{"TETHER_ON_REJECTION", "stop"}});

  CHECK(scene.wait_until_in_sync().is_object());
  CHECK(dials(scene) >= 3);
  CHECK(scene.metric(kAuthFailures) == 2);
  CHECK(lines_of(scene, "error").empty());
}

TEST_CASE("other refusals than 401 never reject, and never end the process [R15] [D4]") {
  Scene scene;
  scene.start_control_plane();
  scene.start_gateway();
  refuse_dials(scene, 403);
  scene.start_daemon({{"TETHER_ON_REJECTION", "stop"}, {"TETHER_RECONNECT_MAX_MS", "100"}});

  std::size_t awaited = 0;
  for (const int status : {403, 404, 409, 422, 500, 502, 503}) {
    refuse_dials(scene, status);
    awaited = dials(scene) + 4;
    CHECK(scene.control_plane().wait_until(
        [awaited](const peers::Observed& seen, const peers::Desire&) { return seen.dials.size() >= awaited; },
        kPatience));
    CHECK(is_in_state(scene.status(), "connecting"));
  }
  refuse_dials(scene, 0);

  CHECK(scene.wait_until_in_sync().is_object());
  CHECK(scene.metric(kAuthFailures) == 0);
}

TEST_CASE("a token revoked under a living socket is found by REST, asked about, and then believed [R15] [D9] [F3]") {
  Scene scene;
  scene.start_control_plane();
  const auto petstore = scene.control_plane().deploy("RestApi", "petstore");
  scene.start_gateway();
  const auto settings = with(token_in_file(scene), "TETHER_ON_REJECTION", "stop");
  scene.start_daemon(settings);
  REQUIRE(scene.wait_until_in_sync().is_object());

  scene.control_plane().rotate_token();
  scene.control_plane().redeploy(petstore.artifact_id);  // its fetch is refused

  CHECK(wait_for_state(scene, "rejected").is_object());
  CHECK(scene.control_plane().wait_until(
      [](const peers::Observed& seen, const peers::Desire&) { return seen.open_links() == 0; }, kPatience));
  CHECK(scene.metric(kAuthFailures) >= 3);
  CHECK(errors_of(scene).size() == 1);
  // The last good version goes on.
  CHECK(scene.gateway_comes_to_serve({{petstore.artifact_id, petstore.deployment_id}}));

  scene.folder().write("token", scene.control_plane().token());
  CHECK(scene.wait_until_in_sync().is_object());
  CHECK(scene.gateway_comes_to_serve(scene.desired()));
}

TEST_CASE("a token that is rotated while the link is up loses nothing: the new one takes over beside the old [R15]") {
  Scene scene;
  scene.start_control_plane();
  const auto petstore = scene.control_plane().deploy("RestApi", "petstore");
  scene.start_gateway();
  scene.start_daemon(with(token_in_file(scene), "TETHER_ON_REJECTION", "stop"));
  REQUIRE(scene.wait_until_in_sync().is_object());
  const std::string old = scene.control_plane().token();

  scene.folder().write("token", scene.control_plane().add_token());
  REQUIRE(scene.daemon().wait_for_text("the new one is accepted", kPatience));
  scene.control_plane().revoke_token(old);
  scene.control_plane().redeploy(petstore.artifact_id);

  CHECK(scene.gateway_comes_to_serve(scene.desired()));
  CHECK(scene.wait_until_in_sync().is_object());
  CHECK(lines_of(scene, "error").empty());
}

TEST_CASE("a token file with a mistake in it costs nothing while the old token is good, and is told [R15]") {
  Scene scene;
  scene.start_control_plane();
  const auto petstore = scene.control_plane().deploy("RestApi", "petstore");
  scene.start_gateway();
  scene.start_daemon(token_in_file(scene));
  REQUIRE(scene.wait_until_in_sync().is_object());

  scene.folder().write("token", "no-such-token");
  const auto status =
      scene.wait_for([](const nlohmann::json& shown) { return shown["control_plane"]["advice"].is_string(); });
  REQUIRE(status.is_object());
  CHECK(is_in_state(status, "connected"));
  CHECK(status["control_plane"]["advice"].get<std::string>().find("TETHER_REGISTRATION_TOKEN_FILE") !=
        std::string::npos);
  scene.control_plane().end_links(peers::Ending::TcpReset);  // and the next link is made with the old one
  scene.control_plane().redeploy(petstore.artifact_id);

  CHECK(scene.gateway_comes_to_serve(scene.desired()));
  CHECK(lines_of(scene, "error").empty());
}

TEST_CASE("a gateway that was deleted is noticed by the next poll, and what it served stays [R15] [D9]") {
  Scene scene;
  scene.start_control_plane();
  const auto petstore = scene.control_plane().deploy("RestApi", "petstore");
  scene.start_gateway();
  scene.start_daemon({{"TETHER_POLL_INTERVAL_S", "1"}, {"TETHER_ON_REJECTION", "stop"}});
  REQUIRE(scene.wait_until_in_sync().is_object());

  scene.control_plane().delete_gateway();

  CHECK(wait_for_state(scene, "rejected").is_object());
  CHECK(scene.gateway_comes_to_serve({{petstore.artifact_id, petstore.deployment_id}}));
}

TEST_CASE("a REST 401 with an accepted second connection leaves the link as it is [R15]") {
  Scene scene;
  scene.start_control_plane();
  scene.start_gateway();
  scene.start_daemon({{"TETHER_ON_REJECTION", "stop"}});
  REQUIRE(scene.wait_until_in_sync().is_object());
  scene.control_plane().change_faults([](peers::Faults& faults) { faults.rest_unauthorized = true; });

  const auto petstore = scene.control_plane().deploy("RestApi", "petstore");

  // The question is asked by second connections, which are accepted, and go.
  CHECK(has_first_link_alone_after_questions(scene));
  CHECK(is_in_state(scene.status(), "connected"));
  CHECK(scene.metric(kAuthFailures) >= 1);
  CHECK(lines_of(scene, "error").empty());
  scene.control_plane().change_faults([](peers::Faults& faults) { faults.rest_unauthorized = false; });

  CHECK(scene.gateway_comes_to_serve({{petstore.artifact_id, petstore.deployment_id}}));
  CHECK(scene.control_plane().observed().links.begin()->second.open);
}

TEST_CASE("a REST 401 while a mistake lies in the token file has the token in use asked about, and it stays [R15]") {
  Scene scene;
  scene.start_control_plane();
  scene.start_gateway();
  scene.start_daemon(token_in_file(scene));
  REQUIRE(scene.wait_until_in_sync().is_object());
  scene.folder().write("token", "no-such-token");
  REQUIRE(scene.wait_for([](const nlohmann::json& shown) { return shown["control_plane"]["advice"].is_string(); })
              .is_object());
  scene.control_plane().change_faults([](peers::Faults& faults) { faults.rest_unauthorized = true; });

  const auto petstore = scene.control_plane().deploy("RestApi", "petstore");

  CHECK(has_first_link_alone_after_questions(scene));
  scene.control_plane().change_faults([](peers::Faults& faults) { faults.rest_unauthorized = false; });
  CHECK(scene.gateway_comes_to_serve({{petstore.artifact_id, petstore.deployment_id}}));
  CHECK(scene.control_plane().observed().links.begin()->second.open);
  CHECK(scene.status()["control_plane"]["advice"].is_string());
  CHECK(lines_of(scene, "error").empty());
}

TEST_CASE("without a token the store is served and nobody is dialled until the token appears [R2] [R3] [R10]") {
  Scene scene;
  scene.start_control_plane();
  const auto petstore = scene.control_plane().deploy("RestApi", "petstore");
  scene.start_gateway();
  auto settings = token_in_file(scene);
  scene.start_daemon(settings);
  REQUIRE(scene.wait_until_in_sync().is_object());
  REQUIRE(scene.stop_daemon() == 0);
  scene.folder().write("token", "\n");
  scene.control_plane().forget_observed();
  REQUIRE(scene.gateway().come_back(/*empty=*/true));

  scene.start_daemon(settings);

  CHECK(wait_for_state(scene, "standalone").is_object());
  CHECK(scene.gateway_comes_to_serve({{petstore.artifact_id, petstore.deployment_id}}));
  CHECK(gateway_is_asked_again(scene, 2));
  CHECK(dials(scene) == 0);
  const auto lines = scene.daemon().out();
  CHECK(std::ranges::count_if(
            lines, [](const std::string& line) { return line.find("standalone") != std::string::npos; }) == 1);

  scene.folder().write("token", scene.control_plane().token() + "\n");
  CHECK(scene.wait_until_in_sync().is_object());
  CHECK(dials(scene) == 1);
}

TEST_CASE("a configured token file that does not exist yet is waited for [R3]") {
  Scene scene;
  scene.start_control_plane();
  scene.start_gateway();
  scene.start_daemon(
      {{"TETHER_REGISTRATION_TOKEN", ""}, {"TETHER_REGISTRATION_TOKEN_FILE", scene.file("token-to-come")}});
  REQUIRE(wait_for_state(scene, "standalone").is_object());
  // Told with the file's name: it must not look as if nothing had been configured.
  CHECK(scene.daemon().wait_for_line(
      [&scene](const std::string& line) {
        return line.find("link.no_token") != std::string::npos &&
               line.find(scene.file("token-to-come")) != std::string::npos;
      },
      kPatience));
  const auto why = [&scene] {
    const auto error = scene.status()["control_plane"]["last_error"];
    return error.is_string() ? error.get<std::string>() : "";
  };
  CHECK(why() == scene.file("token-to-come") + ": No such file or directory");
  scene.folder().write("token-to-come", "no token at all");
  CHECK(scene
            .wait_for([&](const nlohmann::json&) {
              return why().find("holds something that is no token") != std::string::npos;
            })
            .is_object());

  scene.folder().write("token-to-come", scene.control_plane().token());

  CHECK(scene.wait_until_in_sync().is_object());
  CHECK(why().empty());
}
