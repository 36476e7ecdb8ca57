#include <catch2/catch.hpp>
#include <regex>

#include "desired.h"
#include "steps.h"
#include "tether/peers/documents.h"

using namespace tether;
using namespace tether::test;

namespace {

peers::Deployed deploy(Scene& scene, const peers::SampleDocument& sample) {
  return scene.control_plane().deploy(sample.kind, sample.handle, peers::sample_document(sample));
}

peers::SampleDocument sample(const std::string& kind, const std::string& handle, std::vector<std::string> secrets = {},
                             std::vector<std::string> providers = {}) {
  peers::SampleDocument document;
  document.kind = kind;
  document.handle = handle;
  document.secrets = std::move(secrets);
  document.providers = std::move(providers);
  return document;
}

/// The data of a resource at the gateway; null if it is not there.
nlohmann::json data_at_gateway(Scene& scene, const std::string& kind, const std::string& id) {
  const auto line = scene.gateway().resource(kind, id);
  return line && line->contains("data") ? (*line)["data"] : nlohmann::json();
}

bool gateway_comes_to_hold(Scene& scene, const std::string& kind, const std::string& id, bool held = true) {
  return scene.gateway().wait_until(
      [&kind, &id, held](const peers::GatewayView& view) {
        return view.config.resources.contains({kind, id}) == held;
      },
      kPatience);
}

template <class Value>
Value need(Result<Value> result) {
  REQUIRE(result);
  return *std::move(result);
}

std::string create_key(Scene& scene, const std::string& artifact_id, const std::string& name) {
  return need(scene.control_plane().change(
      [&artifact_id, &name](peers::Desire& desire) { return desire.create_key(artifact_id, name); }));
}

std::string create_plan(Scene& scene, const std::string& handle) {
  return scene.control_plane().change([&handle](peers::Desire& desire) { return desire.create_plan(handle); });
}

std::string subscribe(Scene& scene, const std::string& artifact_id, const std::string& plan_id) {
  return need(scene.control_plane().change([&artifact_id, &plan_id](peers::Desire& desire) {
    return desire.create_subscription(artifact_id, plan_id, {{"applicationId", "partner-app"}});
  }));
}

double received(const Scene& scene, const std::string& type) {
  return scene.metric("tetherd_events_received_total{type=\"" + type + "\"}");
}

}  // namespace

TEST_CASE(
    "one artifact of each kind with all that can belong to one arrives in an order in which it can be applied "
    "[R19] [A6] [B8]") {
  Scene scene;
  start_all(scene);

  scene.control_plane().change([](peers::Desire& desire) { desire.put_secret("openai-key", "s3cret"); });
  const auto proxy = deploy(scene, sample("LlmProxy", "assistant", {}, {"openai-provider"}));
  const auto api = deploy(scene, sample("RestApi", "petstore-v1.0", {"openai-key"}));
  const auto provider = deploy(scene, sample("LlmProvider", "openai-provider", {"openai-key"}));
  const auto mcp = deploy(scene, sample("Mcp", "tools"));
  const auto websub = deploy(scene, sample("WebSubApi", "orders-hub"));
  const auto broker = deploy(scene, sample("WebBrokerApi", "orders-stream"));
  for (const auto& one : {proxy, api, provider, mcp, websub, broker}) {
    INFO(one.artifact_id);
    CHECK(is_acknowledged(scene, one.artifact_id));
  }
  const auto plan = create_plan(scene, "gold");
  subscribe(scene, api.artifact_id, plan);
  subscribe(scene, provider.artifact_id, plan);
  const auto api_key = create_key(scene, api.artifact_id, "mobile-app");
  const auto proxy_key = create_key(scene, proxy.artifact_id, "batch-job");
  const auto mcp_key = create_key(scene, mcp.artifact_id, "desktop");
  const auto application = scene.control_plane().change([&api_key, &proxy_key](peers::Desire& desire) {
    return desire.update_application("partner-app", {api_key, proxy_key});
  });
  scene.control_plane().change([&websub](peers::Desire& desire) {
    REQUIRE(desire.put_hmac_secret(websub.artifact_id, "orders", "hmac-s3cret"));
  });

  CHECK(gateway_comes_to_agree(scene));
  CHECK(gateway_comes_to_hold(scene, "Application", application));
  CHECK(gateway_comes_to_hold(scene, "ApiKey", mcp_key));
  scene.wait_until_in_sync();
  const nlohmann::json all = {{"RestApi", 1},     {"LlmProvider", 1},      {"LlmProxy", 1},   {"Mcp", 1},
                              {"WebSubApi", 1},   {"WebBrokerApi", 1},     {"ApiKey", 3},     {"Subscription", 2},
                              {"Application", 1}, {"SubscriptionPlan", 1}, {"HmacSecret", 1}, {"Secret", 1}};
  scene.wait_for([&all](const nlohmann::json& status) { return status["store"]["resources"] == all; });
}

TEST_CASE("what the gateway is given has the members of the REST answers, whichever way it came [R19]") {
  Scene scene;
  start_all(scene);
  scene.control_plane().change([](peers::Desire& desire) { desire.put_secret("openai-key", "s3cret"); });
  const auto api = deploy(scene, sample("RestApi", "petstore", {"openai-key"}));
  const auto mcp = deploy(scene, sample("Mcp", "tools"));
  const auto provider = deploy(scene, sample("LlmProvider", "openai-provider"));
  REQUIRE(is_acknowledged(scene, api.artifact_id));
  REQUIRE(is_acknowledged(scene, mcp.artifact_id));
  REQUIRE(is_acknowledged(scene, provider.artifact_id));
  const auto key = create_key(scene, mcp.artifact_id, "desktop");
  const auto plan = create_plan(scene, "gold");
  const auto by_list = subscribe(scene, api.artifact_id, plan);
  const auto by_event = subscribe(scene, provider.artifact_id, plan);
  REQUIRE(gateway_comes_to_agree(scene));

  SECTION("an artifact: its document byte for byte, its time with three decimals") {
    const auto line = *scene.gateway().resource("RestApi", api.artifact_id);
    CHECK(line["handle"] == "petstore");
    CHECK(line["deploymentId"] == api.deployment_id);
    CHECK(line["document"] == peers::sample_document(sample("RestApi", "petstore", {"openai-key"})));
    CHECK(std::regex_match(line["deployedAt"].get<std::string>(),
                           std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)")));
  }
  SECTION("a key that came by event: its hashes are an object, its artifact has the name that REST gives it") {
    const auto data = data_at_gateway(scene, "ApiKey", key);
    CHECK(data["uuid"] == key);
    CHECK(data["artifactUuid"] == mcp.artifact_id);
    CHECK(data["name"] == "desktop");
    CHECK(data["status"] == "active");
    CHECK(data["apiKeyHashes"].is_object());
    CHECK_FALSE(data.contains("apiId"));
    CHECK_FALSE(data.contains("keyName"));
  }
  SECTION("a plan and a subscription have the ids that REST gives them") {
    CHECK(data_at_gateway(scene, "SubscriptionPlan", plan)["id"] == plan);
    CHECK_FALSE(data_at_gateway(scene, "SubscriptionPlan", plan).contains("planId"));
    for (const auto& [id, artifact] : {std::pair(by_list, api), std::pair(by_event, provider)}) {
      const auto data = data_at_gateway(scene, "Subscription", id);
      CHECK(data["id"] == id);
      CHECK(data["apiId"] == artifact.artifact_id);
      CHECK(data["subscriptionPlanId"] == plan);
      CHECK(data["applicationId"] == "partner-app");
      CHECK_FALSE(data.contains("subscriptionId"));
    }
  }
  SECTION("a secret: exactly five members") {
    const auto data = data_at_gateway(scene, "Secret", "openai-key");
    CHECK(data.size() == 5);
    CHECK(data["value"] == "s3cret");
    CHECK(data["type"] == "GENERIC");
  }
}

TEST_CASE("each type of event is counted once for each one sent [R9] [R19]") {
  Scene scene;
  start_all(scene);

  cause_every_event(scene);

  CHECK(gateway_comes_to_agree(scene));
  scene.wait_until_in_sync();
  scene.wait_for([&scene](const nlohmann::json&) { return received(scene, "unknown") == 1; });  // the last one sent
  for (const auto& type : every_event_type()) {
    INFO(type);
    CHECK(received(scene, type) == 1);
  }
}

TEST_CASE("a rotated secret is found by the poll, and what refers to it is pushed again [B6]") {
  Scene scene;
  start_all(scene, {{"TETHER_POLL_INTERVAL_S", "1"}});
  scene.control_plane().change([](peers::Desire& desire) { desire.put_secret("openai-key", "first"); });
  const auto api = deploy(scene, sample("RestApi", "petstore", {"openai-key"}));
  REQUIRE(gateway_comes_to_agree(scene));
  scene.wait_until_in_sync();
  const std::size_t before = scene.gateway().history().size();

  scene.control_plane().change([](peers::Desire& desire) { desire.put_secret("openai-key", "second"); });

  CHECK(gateway_comes_to_agree(scene));
  CHECK(data_at_gateway(scene, "Secret", "openai-key")["value"] == "second");
  const auto puts_the_api = [&api, before](const peers::GatewayView& view) {
    for (std::size_t i = before; i < view.history.size(); ++i) {
      for (const auto& line : view.history[i].applied) {
        if (line.id == api.artifact_id && !line.removed) return true;
      }
    }
    return false;
  };
  CHECK(scene.gateway().wait_until(puts_the_api, kPatience));
}

TEST_CASE("an updated key is replaced and a revoked one deleted [R19]") {
  Scene scene;
  start_all(scene);
  const auto api = deploy(scene, sample("RestApi", "petstore"));
  REQUIRE(is_acknowledged(scene, api.artifact_id));
  const auto key = create_key(scene, api.artifact_id, "mobile-app");
  REQUIRE(gateway_comes_to_hold(scene, "ApiKey", key));

  scene.control_plane().change(
      [&api](peers::Desire& desire) { REQUIRE(desire.update_key(api.artifact_id, "mobile-app")); });
  CHECK(gateway_comes_to_agree(scene));
  scene.control_plane().change(
      [&api](peers::Desire& desire) { REQUIRE(desire.revoke_key(api.artifact_id, "mobile-app")); });

  CHECK(gateway_comes_to_hold(scene, "ApiKey", key, /*held=*/false));
  CHECK(gateway_comes_to_agree(scene));
}

TEST_CASE("an undeploy takes an artifact, its keys and its subscriptions away, and a deploy brings them back [R19]") {
  Scene scene;
  start_all(scene);
  const auto api = deploy(scene, sample("RestApi", "petstore"));
  const auto provider = deploy(scene, sample("LlmProvider", "openai-provider"));
  REQUIRE(is_acknowledged(scene, api.artifact_id));
  REQUIRE(is_acknowledged(scene, provider.artifact_id));
  const auto plan = create_plan(scene, "gold");
  create_key(scene, api.artifact_id, "mobile-app");
  subscribe(scene, api.artifact_id, plan);
  subscribe(scene, provider.artifact_id, plan);
  REQUIRE(gateway_comes_to_agree(scene));

  scene.control_plane().undeploy(api.artifact_id);
  scene.control_plane().undeploy(provider.artifact_id);
  REQUIRE(is_acknowledged(scene, api.artifact_id));
  REQUIRE(is_acknowledged(scene, provider.artifact_id));
  CHECK(gateway_comes_to_agree(scene));
  CHECK(scene.gateway().resources().size() == 1);

  scene.control_plane().redeploy(api.artifact_id);
  scene.control_plane().redeploy(provider.artifact_id);
  REQUIRE(is_acknowledged(scene, api.artifact_id));
  CHECK(gateway_comes_to_agree(scene));
  CHECK(scene.gateway().resources().size() == 6);
}

TEST_CASE("an older deployment that is restored is served again, under its old id and its new time [R19] [B2]") {
  Scene scene;
  start_all(scene);
  auto first = sample("RestApi", "petstore");
  const auto old = deploy(scene, first);
  REQUIRE(is_acknowledged(scene, old.artifact_id));
  const auto then = (*scene.gateway().resource("RestApi", old.artifact_id))["deployedAt"].get<std::string>();
  first.backend = "https://other.example.com";
  deploy(scene, first);
  REQUIRE(gateway_comes_to_agree(scene));

  scene.control_plane().restore(old.deployment_id);

  CHECK(gateway_comes_to_agree(scene));
  REQUIRE(is_acknowledged(scene, old.artifact_id));
  CHECK((*scene.gateway().resource("RestApi", old.artifact_id))["deployedAt"].get<std::string>() > then);
}

TEST_CASE("a deleted artifact goes with all that belongs to it [R19]") {
  Scene scene;
  start_all(scene);
  const auto keeps = deploy(scene, sample("RestApi", "stays"));
  const auto api = deploy(scene, sample("RestApi", "goes"));
  REQUIRE(is_acknowledged(scene, keeps.artifact_id));
  REQUIRE(is_acknowledged(scene, api.artifact_id));
  create_key(scene, api.artifact_id, "mobile-app");
  subscribe(scene, api.artifact_id, create_plan(scene, "gold"));
  REQUIRE(gateway_comes_to_agree(scene));

  scene.control_plane().delete_artifact(api.artifact_id);

  CHECK(gateway_comes_to_agree(scene));
  CHECK(scene.gateway().resources().size() == 2);
  scene.wait_until_in_sync();
}
