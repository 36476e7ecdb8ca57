#include <algorithm>
#include <nlohmann/json.hpp>

#include "control_plane.h"
#include "tether/protocol/kinds.h"

/// What users do to the control plane.
namespace tether::sim {
namespace {

using nlohmann::json;

constexpr std::size_t kApis = 8;

}  // namespace

/// Often the one that has just been changed, so that one change meets the next.
std::string ControlPlane::pick_id() {
  if (!last_id_.empty() && random_.chance(30)) return last_id_;
  if (users_ == Users::Few) return prefix_ + "api-" + std::to_string(random_.below(kFew + 1));
  // The last two are the experimental kinds.
  static constexpr const char* kNames[] = {"provider-", "proxy-", "mcp-", "websub-", "webbroker-"};
  const bool is_experimental = users_ == Users::Experimental;
  const std::size_t drawn = random_.below(is_experimental ? 9 : 7);
  if (drawn < (is_experimental ? 5 : 3)) return prefix_ + kNames[drawn] + std::to_string(random_.below(kFew));
  return prefix_ + "api-" + std::to_string(random_.below(kApis));
}

void ControlPlane::remove(const std::string& id, TimePoint now, bool quiet) {
  tables_.artifacts.erase(id);
  tables_.rows.erase(id);
  std::erase_if(tables_.keys, [&id](const auto& key) { return key.second.artifact_id == id; });
  std::erase_if(tables_.subscriptions, [&id](const auto& row) { return row.second.artifact_id == id; });
  std::erase_if(tables_.hmac_secrets, [&id](const auto& row) { return row.second.artifact_id == id; });
  const auto* kind = protocol::find_kind(kind_of(id));
  write(std::string(kind->event_prefix) + ".deleted", {kind_of(id), id},
        json{{std::string(kind->id_member), id}}.dump(), now, quiet);
}

void ControlPlane::announce_key(const std::string& uuid, const KeyRow& key, const std::string& type, TimePoint now,
                                bool quiet) {
  const std::string at = format_rfc3339(second_of(key.updated));
  json payload = {{"apiId", key.artifact_id},
                  {"apiKeyHashes", R"({"sha256": ")" + key.masked + R"("})"},
                  {"maskedApiKey", key.masked},
                  {"updatedAt", at}};
  if (type == "apikey.created") {
    payload.update({{"uuid", uuid}, {"name", key.name}, {"createdAt", at}});
  } else {
    payload["keyName"] = key.name;
  }
  write(type, {"ApiKey", uuid}, payload.dump(), now, quiet);
}

void ControlPlane::operate_on_key(const std::string& artifact_id, TimePoint now, bool quiet) {
  const std::string name = "key-" + std::to_string(random_.below(kFew));
  const auto found = std::find_if(tables_.keys.begin(), tables_.keys.end(), [&](const auto& key) {
    return key.second.artifact_id == artifact_id && key.second.name == name && key.second.active;
  });
  if (found == tables_.keys.end()) {
    const std::string uuid = "uuid-" + new_id();
    tables_.keys[uuid] = {artifact_id, name, "***" + new_id(), true, clock(now)};
    return announce_key(uuid, tables_.keys[uuid], "apikey.created", now, quiet);
  }
  KeyRow& key = found->second;
  key.updated = clock(now);
  if (random_.chance(50)) {
    // Somebody who is quick updates it twice within a second: the two have one time.
    const auto row = tables_.rows.find(artifact_id);
    if (random_.chance(20) && row != tables_.rows.end() && row->second.deployed) {
      key.masked = "***" + new_id();
      passed_.emplace_back(Key{"ApiKey", found->first}, wanted(/*of_stopped=*/false).at({"ApiKey", found->first}));
      announce_key(found->first, key, "apikey.updated", now, quiet);
    }
    key.masked = "***" + new_id();
    return announce_key(found->first, key, "apikey.updated", now, quiet);
  }
  key.active = false;
  write("apikey.revoked", {"ApiKey", found->first}, json{{"apiId", artifact_id}, {"keyName", name}}.dump(), now, quiet);
}

void ControlPlane::operate_on_subscription(const std::string& artifact_id, TimePoint now, bool quiet) {
  const std::string id = "sub-" + artifact_id + "-" + std::to_string(random_.below(2));
  const bool is_new = !tables_.subscriptions.contains(id);
  json payload = {{"apiId", artifact_id}, {"subscriptionId", id}};
  if (!is_new && random_.chance(40)) {
    payload["subscriptionToken"] = tables_.subscriptions[id].token;
    tables_.subscriptions.erase(id);
    return write("subscription.deleted", {"Subscription", id}, payload.dump(), now, quiet);
  }
  Subscription& row = tables_.subscriptions[id];
  row = {artifact_id, "", "token-" + new_id(), random_.chance(80) ? "ACTIVE" : "INACTIVE"};
  if (!tables_.plans.empty()) row.plan = tables_.plans.begin()->first;
  payload.update({{"subscriptionToken", row.token}, {"status", row.status}});
  if (!row.plan.empty()) payload["subscriptionPlanId"] = row.plan;
  write(is_new ? "subscription.created" : "subscription.updated", {"Subscription", id}, payload.dump(), now, quiet);
}

void ControlPlane::operate_on_plan(TimePoint now, bool quiet) {
  const std::string id = prefix_ + "plan-" + std::to_string(random_.below(kFew));
  const bool is_used = std::any_of(tables_.subscriptions.begin(), tables_.subscriptions.end(),
                                   [&id](const auto& row) { return row.second.plan == id; });
  const bool is_new = !tables_.plans.contains(id);
  if (!is_new && !is_used && random_.chance(30)) {
    const json payload = {{"planId", id}, {"handle", id}, {"planName", tables_.plans[id].name}};
    tables_.plans.erase(id);
    return write("subscriptionPlan.deleted", {"SubscriptionPlan", id}, payload.dump(), now, quiet);
  }
  tables_.plans[id] = {"Plan " + new_id(), "ACTIVE"};
  const json payload = {{"planId", id},
                        {"handle", id},
                        {"planName", tables_.plans[id].name},
                        {"stopOnQuotaReach", true},
                        {"status", "ACTIVE"}};
  write(is_new ? "subscriptionPlan.created" : "subscriptionPlan.updated", {"SubscriptionPlan", id}, payload.dump(), now,
        quiet);
}

/// Nobody lists applications: their event goes to gateways that have one of the artifacts concerned, and is all.
void ControlPlane::operate_on_application(TimePoint now, bool quiet) {
  const std::string id = prefix_ + "app-" + std::to_string(random_.below(2));
  Application& application = tables_.applications[id];
  application.name = "App " + new_id();
  application.keys.clear();
  bool deployed = false;
  json mappings = json::array();
  for (const auto& [uuid, key] : tables_.keys) {
    if (!key.active || !random_.chance(30)) continue;
    application.keys.push_back(uuid);
    mappings.push_back({{"apiKeyUuid", uuid}});
    const auto row = tables_.rows.find(key.artifact_id);
    deployed |= row != tables_.rows.end() && row->second.deployed && row->second.acked && !row->second.failed;
  }
  const json payload = {{"applicationId", id},
                        {"applicationUuid", id},
                        {"applicationName", application.name},
                        {"applicationType", "web"},
                        {"mappings", mappings}};
  write("application.updated", {"Application", id}, payload.dump(), now, quiet || !deployed);
}

/// The event names the secret and says nothing of its value.
void ControlPlane::operate_on_hmac_secret(const std::string& artifact_id, TimePoint now, bool quiet) {
  const std::string name = "topic-" + std::to_string(random_.below(2));
  const std::string id = artifact_id + "/" + name;
  const bool is_new = !tables_.hmac_secrets.contains(id);
  const bool goes = !is_new && random_.chance(40);
  if (goes) {
    tables_.hmac_secrets.erase(id);
  } else {
    tables_.hmac_secrets[id] = {artifact_id, name, "hmac-" + new_id()};
  }
  const json payload = {{"artifactUuid", artifact_id}, {"secretName", name}};
  write("websub.hmacsecret." + std::string(goes     ? "deleted"
                                           : is_new ? "created"
                                                    : "updated"),
        {"HmacSecret", id}, payload.dump(), now, quiet);
}

std::string ControlPlane::new_deployment(const std::string& id, TimePoint now) {
  const std::string deployment_id = "d-" + new_id();
  Content content;
  content.artifact_id = id;
  content.number = number_;
  content.document = "kind: " + kind_of(id) + "\nmetadata:\n  name: " + handle_of(id) +
                     "\nspec:\n  displayName: " + deployment_id + "\n";
  if (kind_of(id) == "LlmProxy") {
    content.providers = {handle_of(prefix_ + "provider-" + std::to_string(random_.below(kFew)))};
    content.document += "  provider:\n    id: " + content.providers[0] + "\n";
  }
  if (random_.chance(30)) {
    content.secrets = {prefix_ + "secret-" + std::to_string(random_.below(kFew))};
    content.document += "  value: '{{ secret \"" + content.secrets[0] + "\" }}'\n";
  }
  if (random_.chance(10)) {
    content.refused_by = 1 + static_cast<unsigned>(random_.below(3));
    if (random_.chance(40)) content.refused_until = now + random_.between(1min, 1h);
    content.spoils = random_.chance(20);
  }
  deployments_[deployment_id] = std::move(content);
  return deployment_id;
}

void ControlPlane::begin_operation(std::int64_t number, Random random, TimePoint now) {
  sweep(now);
  keep_copy(now);
  if (std::exchange(number_, number) != number) ids_ = 0;
  random_ = random;
  tables_.number = number;
}

std::optional<TimePoint> ControlPlane::deploy_anew(const std::string& id, Random random, TimePoint now, int refused) {
  if (!tables_.artifacts.contains(id)) return std::nullopt;
  begin_operation(number_, random, now);
  const std::size_t before = pending_.size();
  const std::string deployment_id = new_deployment(id, now);
  if (random_.chance(refused)) deployments_.at(deployment_id).refused_by = 1 + static_cast<unsigned>(random_.below(3));
  change_deployment(id, deployment_id, true, now, /*quiet=*/false);
  return pending_.size() > before ? next_due() : std::nullopt;
}

std::optional<std::string> ControlPlane::stop_last(Random random, TimePoint now) {
  const auto row = tables_.rows.find(last_id_);
  if (row == tables_.rows.end() || !row->second.deployed || row->second.failed) return std::nullopt;
  begin_operation(number_, random, now);
  change_deployment(last_id_, row->second.deployment_id, false, now, /*quiet=*/false);
  return last_id_;
}

void ControlPlane::change_unlisted_key(Random random, TimePoint now) {
  for (const auto& [id, row] : tables_.rows) {
    if (!row.deployed || row.failed || (row.kind != "WebSubApi" && row.kind != "WebBrokerApi")) continue;
    begin_operation(number_, random, now);
    return operate_on_key(id, now, /*quiet=*/true);
  }
}

void ControlPlane::end(const std::string& id, Random random, TimePoint now) {
  if (!tables_.artifacts.contains(id)) return;
  begin_operation(number_, random, now);
  remove(id, now, /*quiet=*/false);
}

void ControlPlane::rotate(const std::string& handle, Random random, TimePoint now) {
  if (!tables_.secrets.contains(handle)) return;
  begin_operation(number_, random, now);
  copies_.emplace_back(now, tables_);
  const std::string turn = new_id();
  tables_.secrets[handle] = {"hash-" + turn, "value-" + turn, clock(now)};
}

std::optional<TimePoint> ControlPlane::operate(std::int64_t number, Random random, TimePoint now, bool quiet) {
  begin_operation(number, random, now);
  const std::size_t before = pending_.size();
  const auto due = [&]() -> std::optional<TimePoint> { return pending_.size() > before ? next_due() : std::nullopt; };
  const std::string id = last_id_ = pick_id();
  const auto row = tables_.rows.find(id);
  const bool exists = tables_.artifacts.contains(id);
  switch (random_.below(14)) {
    case 0:
      if (row == tables_.rows.end() || !row->second.deployed || row->second.failed) break;  // refused if it failed
      if (random_.chance(40)) {
        restart_deployment(id, now, quiet);
      } else {
        change_deployment(id, row->second.deployment_id, false, now, quiet);
      }
      return due();
    case 1:
      if (!exists || !random_.chance(50)) break;
      remove(id, now, quiet);
      return std::nullopt;
    case 2:  // A deployment that is stopped or failed is deleted: no event, no row.
      if (row == tables_.rows.end() || (row->second.deployed && !row->second.failed)) break;
      tables_.rows.erase(row);
      return std::nullopt;
    case 3:
    case 4:
      if (!exists) break;
      operate_on_key(id, now, quiet);
      return std::nullopt;
    case 5:
      if (!exists || kind_of(id) == "LlmProvider") break;
      operate_on_subscription(id, now, quiet);
      return std::nullopt;
    case 10:
      if (!exists || kind_of(id) != "WebSubApi") break;
      operate_on_hmac_secret(id, now, quiet);
      return std::nullopt;
    case 6:
      operate_on_plan(now, quiet);
      return std::nullopt;
    case 7: {
      auto& secret = tables_.secrets[prefix_ + "secret-" + std::to_string(random_.below(kFew))];
      const std::string turn = new_id();
      secret = {"hash-" + turn, "value-" + turn, clock(now)};
      return std::nullopt;
    }
    case 8: {  // an older deployment is restored
      std::vector<std::string> earlier;
      for (const auto& [deployment_id, content] : deployments_) {
        if (content.artifact_id == id && exists && !tables_.forgotten.contains(deployment_id))
          earlier.push_back(deployment_id);
      }
      if (earlier.empty()) break;
      change_deployment(id, earlier[random_.below(earlier.size())], true, now, quiet);
      return due();
    }
    case 9:
      operate_on_application(now, quiet);
      return std::nullopt;
    default:
      break;
  }
  const std::string deployment_id = new_deployment(id, now);
  change_deployment(id, deployment_id, true, now, quiet);
  if (random_.chance(10)) change_mind(id, deployment_id, now, quiet);
  return due();
}

}  // namespace tether::sim
