#include "desired.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "tether/peers/kinds.h"

namespace tether::test {
namespace {

constexpr std::size_t kShown = 10;

std::string text_at(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return "-";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

std::string essence_of_key(const nlohmann::json& key) {
  return text_at(key, "artifactUuid") + " " + text_at(key, "name") + " " + text_at(key, "apiKeyHashes");
}

std::string essence_of_plan(const nlohmann::json& plan) {
  return text_at(plan, "handle") + " " + text_at(plan, "status") + " " + text_at(plan, "throttleLimitCount");
}

std::string essence_of_subscription(const nlohmann::json& subscription) {
  return text_at(subscription, "apiId") + " " + text_at(subscription, "subscriptionPlanId") + " " +
         text_at(subscription, "status") + " " + text_at(subscription, "subscriptionToken");
}

std::string essence_of_line(const nlohmann::json& line) {
  const std::string kind = line["kind"];
  if (line.contains("deploymentId")) return text_at(line, "deploymentId") + " " + text_at(line, "document");
  const nlohmann::json& data = line["data"];
  if (kind == "ApiKey") return essence_of_key(data);
  if (kind == "SubscriptionPlan") return essence_of_plan(data);
  if (kind == "Subscription") return essence_of_subscription(data);
  if (kind == "Secret") return text_at(data, "hash") + " " + text_at(data, "value");
  return text_at(data, "secret");
}

void add_what_belongs_to(const peers::Desire& desire, const std::string& artifact_id, Held& held) {
  for (const auto& subscription : desire.subscriptions(artifact_id)) {
    held[{"Subscription", subscription["id"]}] = essence_of_subscription(subscription);
  }
  const nlohmann::json secrets = desire.hmac_secrets(artifact_id);
  for (const auto& secret : secrets.at("secrets")) {
    held[{"HmacSecret", artifact_id + "/" + secret["name"].get<std::string>()}] = secret["secret"];
  }
}

Held desired_in(const peers::Desire& desire) {
  Held held;
  for (const auto& [id, row] : desire.rows()) {
    if (!row.wanted) continue;
    held[{desire.artifacts().at(id).kind, id}] =
        row.deployment_id + " " + desire.deployments().at(row.deployment_id).document;
    add_what_belongs_to(desire, id, held);
  }
  for (const auto& kind : peers::kinds()) {
    for (const auto& key : desire.api_keys(kind.name, {})) {
      if (key["status"] == "active") held[{"ApiKey", key["uuid"]}] = essence_of_key(key);
    }
  }
  for (const auto& plan : desire.plans()) held[{"SubscriptionPlan", plan["id"]}] = essence_of_plan(plan);
  const auto secrets = desire.secrets({}, /*with_values=*/true);
  for (const auto& secret : (*secrets)["list"]) {
    held[{"Secret", secret["handle"]}] = text_at(secret, "hash") + " " + text_at(secret, "value");
  }
  return held;
}

Held held_in(const std::map<peers::ResourceKey, std::string>& resources) {
  Held held;
  for (const auto& [key, text] : resources) {
    if (key.first != "Application") held[key] = essence_of_line(nlohmann::json::parse(text));
  }
  return held;
}

}  // namespace

std::vector<std::string> differences_between(const Held& desired, const Held& held) {
  std::vector<std::string> sentences;
  for (const auto& [key, essence] : desired) {
    const auto found = held.find(key);
    if (found == held.end()) sentences.push_back(key.first + " " + key.second + " is missing");
    if (found != held.end() && found->second != essence) sentences.push_back(key.first + " " + key.second + " differs");
  }
  for (const auto& [key, essence] : held) {
    if (key.first != "Secret" && !desired.contains(key)) sentences.push_back(key.first + " " + key.second + " is left");
  }
  if (sentences.size() > kShown) {
    const std::size_t more = sentences.size() - kShown;
    sentences.resize(kShown);
    sentences.push_back("and " + std::to_string(more) + " more");
  }
  return sentences;
}

Held desired_by(ControlPlane& control_plane) {
  return control_plane.change([](peers::Desire& desire) { return desired_in(desire); });
}

Held held_by(const Gateway& gateway) {
  return held_in(gateway.resources());
}

std::vector<std::string> differences(Scene& scene) {
  return differences_between(desired_by(scene.control_plane()), held_by(scene.gateway()));
}

bool gateway_comes_to_agree(Scene& scene, Duration limit) {
  const Held desired = desired_by(scene.control_plane());
  const auto agrees = [&desired](const peers::GatewayView& view) {
    return differences_between(desired, held_in(view.config.resources)).empty();
  };
  if (scene.gateway().wait_until(agrees, limit)) return true;
  for (const auto& sentence : differences(scene)) FAIL_CHECK(sentence);
  return false;
}

bool all_come_to_be_acknowledged(Scene& scene, Duration limit) {
  const auto is_acknowledged = [](const auto& item) {
    return item.second.status == (item.second.wanted ? peers::Status::Deployed : peers::Status::Undeployed);
  };
  const auto all_are = [&is_acknowledged](const peers::Observed&, const peers::Desire& desire) {
    return std::ranges::all_of(desire.rows(), is_acknowledged);
  };
  if (scene.control_plane().wait_until(all_are, limit)) return true;
  scene.control_plane().change([&is_acknowledged](peers::Desire& desire) {
    for (const auto& item : desire.rows()) {
      if (is_acknowledged(item)) continue;
      FAIL_CHECK(item.first << " at " << item.second.performed_at_text << " is " << text_of(item.second.status));
    }
  });
  return false;
}

}  // namespace tether::test
