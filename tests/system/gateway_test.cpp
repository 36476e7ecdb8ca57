#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "desired.h"
#include "steps.h"
#include "tether/peers/documents.h"

using namespace tether;
using namespace tether::test;

namespace {

bool gateway_comes_to_have(Scene& scene, const std::map<peers::ResourceKey, nlohmann::json>& lines) {
  return scene.gateway().wait_until(
      [&lines](const peers::GatewayView& view) {
        if (view.config.resources.size() != lines.size()) return false;
        for (const auto& [key, text] : view.config.resources) {
          const auto line = lines.find(key);
          if (line == lines.end() || nlohmann::json::parse(text) != line->second) return false;
        }
        return true;
      },
      kPatience);
}

/// Waits until the gateway's status is such, while the control plane is away.
bool gateway_comes_to_be(Scene& scene, const std::string& state) {
  return scene.wait_for([&state](const nlohmann::json& status) { return status["gateway"]["state"] == state; })
      .is_object();
}

/// The same, once it has noticed that this instance is there.
bool gateway_comes_to_be_in_sync_as(Scene& scene, const nlohmann::json& instance) {
  return scene
      .wait_for([&instance](const nlohmann::json& status) {
        return status["gateway"]["instance"] == instance && status["gateway"]["state"] == "in_sync";
      })
      .is_object();
}

/// Waits for a push after the n-th request of all.
bool gateway_comes_to_be_pushed_to(Scene& scene, std::size_t from) {
  return scene.gateway().wait_until(
      [from](const peers::GatewayView& view) { return !pushes_in(view.history, from).empty(); }, kPatience);
}

std::size_t questions(const std::vector<peers::GatewayRequest>& history) {
  return static_cast<std::size_t>(std::ranges::count(history, "GET", &peers::GatewayRequest::method));
}

bool says(const nlohmann::json& status, const std::string& part) {
  const auto& error = status["gateway"]["last_error"];
  return error.is_string() && error.get<std::string>().find(part) != std::string::npos;
}

/// Something of most kinds, all of it in service.
std::string serve_a_bit_of_everything(Scene& scene) {
  scene.control_plane().change([](peers::Desire& desire) { desire.put_secret("openai-key", "s3cret"); });
  peers::SampleDocument provider;
  provider.kind = "LlmProvider";
  provider.handle = "openai-provider";
  provider.secrets = {"openai-key"};
  scene.control_plane().deploy(provider.kind, provider.handle, peers::sample_document(provider));
  const auto tools = scene.control_plane().deploy("Mcp", "tools");
  const auto ids = serve(scene, 20);
  scene.control_plane().change([&ids](peers::Desire& desire) {
    REQUIRE(desire.create_key(ids.front(), "mobile-app"));
    REQUIRE(desire.create_subscription(ids.front(), desire.create_plan("gold")));
  });
  REQUIRE(gateway_comes_to_agree(scene));
  REQUIRE(scene.wait_until_in_sync().is_object());
  REQUIRE(is_acknowledged(scene, tools.artifact_id));
  return ids.front();
}

void set_faults(Scene& scene, const std::function<void(peers::GatewayFaults&)>& set) {
  scene.gateway().change_faults(set);
}

/// Kills the control plane and waits until the last that came of it is with the gateway: what an event brought has
/// another form than what a list shows a second later, and is pushed again then.
void lose_control_plane(Scene& scene) {
  scene.control_plane().kill();
  REQUIRE(scene
              .wait_for([](const nlohmann::json& status) {
                return status["control_plane"]["state"] == "reconnecting" && status["gateway"]["state"] == "in_sync";
              })
              .is_object());
  // It is asked where it is while there is nothing to push.
  const std::size_t asked = questions(scene.gateway().history());
  REQUIRE(scene.gateway().wait_until(
      [asked](const peers::GatewayView& view) { return questions(view.history) >= asked + 2; }, kPatience));
  REQUIRE(gateway_comes_to_be(scene, "in_sync"));
}

}  // namespace

TEST_CASE("a gateway that comes late is configured when it comes, and only then is anything acknowledged [R10] [C4]") {
  Scene scene;
  scene.start_control_plane();
  const auto ids = scene.control_plane().bulk_deploy("RestApi", 3);
  scene.start_daemon();
  const auto away = scene.wait_for([](const nlohmann::json& status) {
    return status["control_plane"]["in_sync"] == true && status["gateway"]["state"] == "away";
  });
  REQUIRE(away.is_object());
  CHECK(away["in_sync"] == false);
  CHECK(away["gateway"]["instance"].is_null());
  CHECK(peers::admin_get(scene.admin(), "/readyz").status == 503);
  CHECK(scene.control_plane().observed().acks.empty());

  scene.start_gateway();

  CHECK(gateway_comes_to_agree(scene));
  CHECK(all_come_to_be_acknowledged(scene));
  scene.wait_until_in_sync();
  CHECK(peers::admin_get(scene.admin(), "/readyz").status == 200);
  const auto sent = pushes(scene.gateway());
  CHECK(sent.size() == 1);
  CHECK(sent.front().method == "PUT");
  CHECK(sent.front().lines == ids.size());
  for (const auto& id : ids) CHECK(acks(scene, id) == 1);
}

TEST_CASE("with the control plane dead, a gateway that restarts empty is configured from the store alone [R10] [R24]") {
  Scene scene;
  start_all(scene);
  serve_a_bit_of_everything(scene);
  lose_control_plane(scene);
  const auto before = lines_at(scene.gateway());

  SECTION("the gateway restarts") {
    const std::size_t from = scene.gateway().history().size();
    REQUIRE(scene.gateway().come_back(/*empty=*/true));

    CHECK(gateway_comes_to_have(scene, before));
    CHECK(gateway_comes_to_be_in_sync_as(scene, scene.gateway().state()["instance"]));
    const auto sent = pushes(scene.gateway(), from);
    REQUIRE(sent.size() == 1);
    CHECK(sent.front().method == "PUT");
  }
  SECTION("the gateway restarts and has kept everything: it is another instance all the same") {
    const std::size_t from = scene.gateway().history().size();
    REQUIRE(scene.gateway().come_back(/*empty=*/false));

    REQUIRE(gateway_comes_to_be_pushed_to(scene, from));
    CHECK(pushes(scene.gateway(), from).front().method == "PUT");
    CHECK(gateway_comes_to_be_in_sync_as(scene, scene.gateway().state()["instance"]));
    CHECK((lines_at(scene.gateway()) == before));
  }
  SECTION("both restart") {
    CHECK(scene.stop_daemon() == 0);
    REQUIRE(scene.gateway().come_back(/*empty=*/true));
    scene.start_daemon();

    CHECK(gateway_comes_to_have(scene, before));
    CHECK(gateway_comes_to_be(scene, "in_sync"));
  }
  CHECK(scene.status()["in_sync"] == false);
  CHECK(scene.status()["control_plane"]["state"] != "connected");
}

TEST_CASE("a gateway that loses what it had in silence is found, and gets everything [R10]") {
  Scene scene;
  start_all(scene);
  const std::string id = serve_a_bit_of_everything(scene);
  const auto earlier = scene.gateway().backup();
  scene.control_plane().redeploy(id);
  REQUIRE(gateway_comes_to_agree(scene));
  REQUIRE(scene.wait_until_in_sync().is_object());
  lose_control_plane(scene);
  const auto before = lines_at(scene.gateway());
  const auto instance = scene.gateway().state()["instance"];
  const std::size_t from = scene.gateway().history().size();

  SECTION("it has nothing, and is the same instance") {
    scene.gateway().forget();
  }
  SECTION("it says a revision below the one that it answered") {
    scene.gateway().restore_backup(earlier);
  }

  CHECK(gateway_comes_to_be_pushed_to(scene, from));
  CHECK(gateway_comes_to_have(scene, before));
  CHECK(gateway_comes_to_be(scene, "in_sync"));
  CHECK(pushes(scene.gateway(), from).size() == 1);
  CHECK(pushes(scene.gateway(), from).front().method == "PUT");
  CHECK(scene.gateway().state()["instance"] == instance);
}

TEST_CASE("nothing is acknowledged on an answer that names another push than was sent [C4]") {
  Scene scene;
  start_all(scene);
  SECTION("another revision") {
    set_faults(scene, [](peers::GatewayFaults& faults) { faults.lie_about_revision = 1'000'000; });
  }
  SECTION("another epoch") {
    set_faults(scene, [](peers::GatewayFaults& faults) { faults.lie_about_epoch = "another"; });
  }

  // The gateway's state agrees after the first of these: that is no answer either.
  const auto petstore = scene.control_plane().deploy("RestApi", "petstore");
  REQUIRE(scene.gateway().wait_until(
      [&petstore](const peers::GatewayView& view) { return times_sent(view.history, petstore.artifact_id) >= 2; },
      kPatience));
  const auto lied_to =
      scene.wait_for([](const nlohmann::json& status) { return says(status, "another epoch or revision"); });
  CHECK(lied_to["in_sync"] == false);
  CHECK(lied_to["gateway"]["state"] != "in_sync");
  CHECK(acks(scene, petstore.artifact_id) == 0);

  set_faults(scene, [](peers::GatewayFaults& faults) { faults = {}; });

  CHECK(is_acknowledged(scene, petstore.artifact_id));
  scene.wait_until_in_sync();
  CHECK(acks(scene, petstore.artifact_id) == 1);
}

TEST_CASE("a push whose answer is lost goes again with the same lines, and is acknowledged once [CE-1] [C4]") {
  Scene scene;
  start_all(scene);
  const std::size_t from = scene.gateway().history().size();
  bool applied = false;
  SECTION("the connection ends before it was applied") {
    set_faults(scene, [](peers::GatewayFaults& faults) { faults.cut_before = 2; });
  }
  SECTION("the connection ends after it was applied") {
    applied = true;
    set_faults(scene, [](peers::GatewayFaults& faults) { faults.cut_after = 2; });
  }

  const auto petstore = scene.control_plane().deploy("RestApi", "petstore");

  CHECK(is_acknowledged(scene, petstore.artifact_id));
  CHECK(scene.gateway_comes_to_serve({{petstore.artifact_id, petstore.deployment_id}}));
  scene.wait_until_in_sync();
  CHECK(acks(scene, petstore.artifact_id) == 1);
  const auto sent = pushes(scene.gateway(), from);
  REQUIRE(sent.size() == 3);
  for (const auto& push : sent) CHECK(push.method == "PATCH");
  CHECK(times_sent(sent, petstore.artifact_id) == (applied ? 3 : 1));
  if (!applied) {
    CHECK(sent[0].header == sent[2].header);
    CHECK(sent[0].body_bytes == sent[2].body_bytes);
  }
}

TEST_CASE("a refusal that is answered lost is known all the same, and the resource is not acked as served [CE-1]") {
  Scene scene;
  start_all(scene);
  set_faults(scene, [](peers::GatewayFaults& faults) {
    faults.refuse = {{"", "", "petstore", "", "no such policy"}};
    faults.cut_after = 1;
  });

  const auto petstore = scene.control_plane().deploy("RestApi", "petstore");

  scene.wait_for([](const nlohmann::json& status) { return status["quarantined"].size() == 1 && status["settled"]; });
  CHECK(scene.control_plane().wait_until(
      [&petstore](const auto& seen, const auto&) { return seen.acks_with(petstore.artifact_id, "failed") == 1; },
      kPatience));
  CHECK(acks(scene, petstore.artifact_id) == 0);
}

TEST_CASE("what a gateway that lost everything refuses is known, though its answer is lost [CE-1]") {
  Scene scene;
  start_all(scene);
  const auto petstore = scene.control_plane().deploy("RestApi", "petstore");
  REQUIRE(is_acknowledged(scene, petstore.artifact_id));
  REQUIRE(scene.wait_until_in_sync().is_object());
  set_faults(scene, [](peers::GatewayFaults& faults) {
    faults.refuse = {{"", "", "petstore", "", "no such policy"}};
    faults.cut_after = 1;
  });

  scene.gateway().forget();

  const auto found = scene.wait_for([](const nlohmann::json& status) { return status["quarantined"].size() == 1; });
  CHECK(found["in_sync"] == false);
}

TEST_CASE("a gateway that is in trouble for a while gets what it missed [R10] [C4]") {
  Scene scene;
  start_all(scene);
  SECTION("it answers 503") {
    set_faults(scene, [](peers::GatewayFaults& faults) {
      faults.status = 503;
      faults.status_count = 2;
    });
  }
  SECTION("it says that it is elsewhere") {
    set_faults(scene, [](peers::GatewayFaults& faults) {
      faults.status = 409;
      faults.status_count = 2;
    });
  }
  SECTION("it restarts empty, and answers 503 then") {
    set_faults(scene, [](peers::GatewayFaults& faults) {
      faults.status = 503;
      faults.status_count = 3;
    });
    REQUIRE(scene.gateway().come_back(/*empty=*/true));
  }
  const std::size_t from = scene.gateway().history().size();
  const auto petstore = scene.control_plane().deploy("RestApi", "petstore");

  CHECK(is_acknowledged(scene, petstore.artifact_id));
  CHECK(gateway_comes_to_agree(scene));
  scene.wait_until_in_sync();
  CHECK(acks(scene, petstore.artifact_id) == 1);
  const auto sent = pushes(scene.gateway(), from);
  REQUIRE(sent.size() >= 3);
  CHECK(sent[0].status >= 400);
  CHECK(sent[1].status >= 400);
}

TEST_CASE("a gateway that cannot say where it is, is sent nothing until it can [R10]") {
  Scene scene;
  start_all(scene);
  set_faults(scene, [](peers::GatewayFaults& faults) {
    faults.state_status = 500;
    faults.cut_before = 1;
  });
  const auto petstore = scene.control_plane().deploy("RestApi", "petstore");
  CHECK(gateway_comes_to_be(scene, "refusing"));
  CHECK(scene.status()["gateway"]["last_error"].is_string());
  CHECK(acks(scene, petstore.artifact_id) == 0);
  const auto says = [&scene](const std::string& level, const std::string& state) {
    const auto line = scene.daemon().wait_for_line(
        [&](const std::string& text) {
          return text.find(R"("level":")" + level) != std::string::npos &&
                 text.find(R"("event":"gateway.state")") != std::string::npos &&
                 text.find(R"("state":")" + state) != std::string::npos;
        },
        kPatience);
    return line.has_value();
  };
  CHECK(says("warn", "refusing"));

  set_faults(scene, [](peers::GatewayFaults& faults) { faults.state_status = 0; });

  CHECK(is_acknowledged(scene, petstore.artifact_id));
  CHECK(scene.wait_until_in_sync()["gateway"]["last_error"].is_null());
  CHECK(says("info", "in_sync"));
}

TEST_CASE("a gateway that stalls stops nothing on the control plane's side [R12] [D1]") {
  Scene scene;
  start_all(scene);
  const auto ids = serve(scene, 1);
  const std::size_t dials = scene.control_plane().observed().dials.size();
  SECTION("before it reads the body") {
    set_faults(scene, [](peers::GatewayFaults& faults) { faults.stall_body = true; });
  }
  SECTION("before it answers anything") {
    set_faults(scene, [](peers::GatewayFaults& faults) { faults.stall = true; });
  }
  scene.control_plane().change_faults([](peers::Faults& faults) { faults.ping_interval_ms = 100; });

  scene.control_plane().bulk_deploy("RestApi", 10, "meanwhile");
  scene.control_plane().change(
      [&ids](peers::Desire& desire) { REQUIRE(desire.create_key(ids.front(), "mobile-app")); });

  const auto stored = scene.wait_for([](const nlohmann::json& status) {
    const auto& resources = status["store"]["resources"];
    return resources.value("RestApi", 0) == 11 && resources.value("ApiKey", 0) == 1;
  });
  CHECK(stored["control_plane"]["state"] == "connected");
  CHECK(stored["gateway"]["state"] != "in_sync");
  CHECK(scene.control_plane().wait_until(
      [](const peers::Observed& seen, const peers::Desire&) {
        return std::ranges::any_of(seen.links, [](const auto& link) { return link.second.pongs >= 10; });
      },
      kPatience));
  CHECK(peers::admin_get(scene.admin(), "/livez").status == 200);
  CHECK(scene.gateway().resources().size() == 1);
  CHECK(scene.control_plane().observed().dials.size() == dials);

  set_faults(scene, [](peers::GatewayFaults& faults) { faults = {}; });
  CHECK(gateway_comes_to_agree(scene));
  CHECK(all_come_to_be_acknowledged(scene));
  scene.wait_until_in_sync();
}

TEST_CASE("a gateway's socket in a folder that every user may write to is not spoken to, and the status says why") {
  Scene scene;
  scene.start_control_plane();
  const std::string folder = scene.file("run");
  std::filesystem::create_directory(folder);
  std::filesystem::permissions(folder, std::filesystem::perms::all);
  auto gateway = Gateway::start({folder + "/config.sock", {}});
  REQUIRE(gateway);

  scene.start_daemon({{"TETHER_GATEWAY_SOCKET", folder + "/config.sock"}});

  const auto refused = scene.wait_for([](const nlohmann::json& status) {
    const auto& error = status["gateway"]["last_error"];
    return error.is_string() && error.get<std::string>().find("every user may write to it") != std::string::npos;
  });
  CHECK(refused["gateway"]["state"] == "away");
  CHECK(scene.daemon().wait_for_text("gateway.unsafe_folder", kPatience));
  CHECK((*gateway)->history().empty());

  std::filesystem::permissions(folder, std::filesystem::perms::owner_all);
  CHECK(scene.wait_for([](const nlohmann::json& status) { return status["gateway"]["ready"] == true; }).is_object());
  scene.kill_daemon();
}
