// Keys, applications, plans, subscriptions and secrets of the control plane's database.
#include <algorithm>

#include "tether/peers/desire.h"
#include "tether/peers/kinds.h"
#include "tether/peers/texts.h"

namespace tether::peers {
namespace {

tl::unexpected<Error> no_such(const std::string& what, const std::string& id) {
  return fail(ErrorKind::Reject, "no such " + what + ": " + id);
}

/// What is there of `names` in `from`; an event leaves out what is empty.
nlohmann::json picked(const nlohmann::json& from, std::initializer_list<const char*> names) {
  nlohmann::json into = nlohmann::json::object();
  for (const char* name : names) {
    if (const auto found = from.find(name); found != from.end() && !found->is_null()) into[name] = *found;
  }
  return into;
}

void set_new_hash(nlohmann::json& key) {
  const std::string plain = random_token();
  key["apiKeyHashes"] = {{"sha256", sha256_hex(plain)}};
  key["maskedApiKey"] = "***" + plain.substr(plain.size() - 5);
}

}  // namespace

// -- API keys

nlohmann::json* Desire::find_key(const std::string& artifact_id, const std::string& name) {
  for (auto& [uuid, key] : keys_) {
    if (key["artifactUuid"] == artifact_id && key["name"] == name) return &key;
  }
  return nullptr;
}

nlohmann::json Desire::key_event(const nlohmann::json& key) const {
  nlohmann::json payload = picked(key, {"uuid", "name", "maskedApiKey", "externalRefId", "expiresAt", "issuer"});
  payload["apiId"] = key["artifactUuid"];
  payload["apiKeyHashes"] = key["apiKeyHashes"].dump();  // JSON in a string, in events only.
  for (const char* name : {"createdAt", "updatedAt"}) {
    payload[name] = key[name].get<std::string>().substr(0, std::string_view("2026-08-22T11:02:03").size()) + "Z";
  }
  return payload;
}

void Desire::announce_keys(const std::string& artifact_id) {
  for (const auto& [uuid, key] : keys_) {
    if (key["artifactUuid"] == artifact_id && key["status"] == "active") {
      write_event("apikey.created", key_event(key), /*by_user=*/true);
    }
  }
}

Result<std::string> Desire::create_key(const std::string& artifact_id, const std::string& name) {
  if (!artifacts_.contains(artifact_id)) return no_such("artifact", artifact_id);
  if (const nlohmann::json* old = find_key(artifact_id, name)) {
    if ((*old)["status"] == "active") return fail(ErrorKind::Reject, "there is such a key: " + name);
    keys_.erase((*old)["uuid"].get<std::string>());
  }
  const std::string uuid = random_uuid();
  const std::string at = microseconds_text(now());
  nlohmann::json& key = keys_[uuid];
  key = {{"etag", random_uuid()},
         {"uuid", uuid},
         {"name", name},
         {"artifactUuid", artifact_id},
         {"status", "active"},
         {"createdAt", at},
         {"createdBy", "user-1"},
         {"updatedAt", at},
         {"expiresAt", nullptr},
         {"source", "external"},
         {"externalRefId", nullptr}};
  set_new_hash(key);
  if (is_deployed_here(artifact_id)) write_event("apikey.created", key_event(key), /*by_user=*/true);
  return uuid;
}

Result<Done> Desire::update_key(const std::string& artifact_id, const std::string& name) {
  nlohmann::json* key = find_key(artifact_id, name);
  if (key == nullptr) return no_such("key", name);
  set_new_hash(*key);
  (*key)["etag"] = random_uuid();
  (*key)["updatedAt"] = microseconds_text(now());
  nlohmann::json payload = key_event(*key);
  payload["keyName"] = name;
  for (const char* absent : {"uuid", "name", "createdAt"}) payload.erase(absent);
  if (is_deployed_here(artifact_id)) write_event("apikey.updated", std::move(payload), /*by_user=*/true);
  return Done{};
}

Result<Done> Desire::revoke_key(const std::string& artifact_id, const std::string& name) {
  nlohmann::json* key = find_key(artifact_id, name);
  if (key == nullptr) return no_such("key", name);
  (*key)["status"] = "revoked";
  (*key)["etag"] = random_uuid();
  (*key)["updatedAt"] = microseconds_text(now());
  if (is_deployed_here(artifact_id)) {
    write_event("apikey.revoked", {{"apiId", artifact_id}, {"keyName", name}}, /*by_user=*/true);
  }
  return Done{};
}

// -- Applications

std::string Desire::update_application(const std::string& handle, const std::vector<std::string>& key_uuids) {
  nlohmann::json& application = applications_[handle];
  if (application.is_null()) {
    application = {{"applicationId", handle},
                   {"applicationUuid", random_uuid()},
                   {"applicationName", handle},
                   {"applicationType", "genai"},
                   {"mappings", nlohmann::json::array()}};
  }
  const nlohmann::json before = application["mappings"];
  application["mappings"] = nlohmann::json::array();
  for (const std::string& uuid : key_uuids) application["mappings"].push_back({{"apiKeyUuid", uuid}});

  const auto concerns_what_is_deployed = [this](const nlohmann::json& mapping) {
    const auto key = keys_.find(mapping["apiKeyUuid"].get<std::string>());
    if (key == keys_.end()) return false;
    const auto row = rows_.find(key->second["artifactUuid"].get<std::string>());
    return row != rows_.end() && row->second.status == Status::Deployed;
  };
  if (std::ranges::any_of(application["mappings"], concerns_what_is_deployed) ||
      std::ranges::any_of(before, concerns_what_is_deployed)) {
    write_event("application.updated", application, /*by_user=*/true);
  }
  return application["applicationUuid"];
}

// -- Plans and subscriptions

namespace {

nlohmann::json plan_event(const nlohmann::json& plan) {
  nlohmann::json payload = picked(plan, {"handle", "planName", "billingPlan", "stopOnQuotaReach", "throttleLimitCount",
                                         "throttleLimitUnit", "expiryTime", "status"});
  payload["planId"] = plan["id"];
  return payload;
}

nlohmann::json subscription_event(const nlohmann::json& subscription) {
  nlohmann::json payload =
      picked(subscription, {"apiId", "applicationId", "subscriptionToken", "subscriptionPlanId", "status"});
  payload["subscriptionId"] = subscription["id"];
  return payload;
}

}  // namespace

std::string Desire::create_plan(const std::string& handle, const nlohmann::json& members) {
  const std::string id = random_uuid();
  const std::string at = microseconds_text(now());
  nlohmann::json& plan = plans_[id];
  plan = {{"id", id},
          {"handle", handle},
          {"planName", handle},
          {"stopOnQuotaReach", true},
          {"throttleLimitCount", 100},
          {"throttleLimitUnit", "MINUTE"},
          {"status", "ACTIVE"},
          {"createdAt", at},
          {"updatedAt", at},
          {"etag", random_uuid()}};
  if (members.is_object()) plan.update(members);
  write_event("subscriptionPlan.created", plan_event(plan));
  return id;
}

Result<Done> Desire::update_plan(const std::string& plan_id, const nlohmann::json& members) {
  const auto plan = plans_.find(plan_id);
  if (plan == plans_.end()) return no_such("plan", plan_id);
  plan->second.update(members);
  plan->second["updatedAt"] = microseconds_text(now());
  plan->second["etag"] = random_uuid();
  write_event("subscriptionPlan.updated", plan_event(plan->second));
  return Done{};
}

Result<Done> Desire::delete_plan(const std::string& plan_id) {
  const auto plan = plans_.find(plan_id);
  if (plan == plans_.end()) return no_such("plan", plan_id);
  const nlohmann::json gone = plan->second;
  plans_.erase(plan);
  write_event("subscriptionPlan.deleted",
              {{"planId", plan_id}, {"handle", gone["handle"]}, {"planName", gone["planName"]}});
  return Done{};
}

Result<std::string> Desire::create_subscription(const std::string& artifact_id, const std::string& plan_id,
                                                const nlohmann::json& members) {
  if (!artifacts_.contains(artifact_id)) return no_such("artifact", artifact_id);
  const std::string id = random_uuid();
  const std::string at = microseconds_text(now());
  nlohmann::json& subscription = subscriptions_[id];
  subscription = {{"id", id},
                  {"apiId", artifact_id},
                  {"subscriptionToken", random_token()},
                  {"status", "ACTIVE"},
                  {"createdAt", at},
                  {"updatedAt", at},
                  {"etag", random_uuid()}};
  if (!plan_id.empty()) subscription["subscriptionPlanId"] = plan_id;
  if (members.is_object()) subscription.update(members);
  if (is_deployed_here(artifact_id)) write_event("subscription.created", subscription_event(subscription));
  return id;
}

Result<Done> Desire::update_subscription(const std::string& subscription_id, const nlohmann::json& members) {
  const auto found = subscriptions_.find(subscription_id);
  if (found == subscriptions_.end()) return no_such("subscription", subscription_id);
  nlohmann::json& subscription = found->second;
  subscription.update(members);
  subscription["updatedAt"] = microseconds_text(now());
  subscription["etag"] = random_uuid();
  if (is_deployed_here(subscription["apiId"])) write_event("subscription.updated", subscription_event(subscription));
  return Done{};
}

Result<Done> Desire::delete_subscription(const std::string& subscription_id) {
  const auto found = subscriptions_.find(subscription_id);
  if (found == subscriptions_.end()) return no_such("subscription", subscription_id);
  nlohmann::json payload = subscription_event(found->second);
  for (const char* absent : {"status", "subscriptionPlanId"}) payload.erase(absent);
  subscriptions_.erase(found);
  if (is_deployed_here(payload["apiId"])) write_event("subscription.deleted", std::move(payload));
  return Done{};
}

// -- Secrets

void Desire::put_secret(const std::string& handle, const std::string& value) {
  const std::string at = microseconds_text(now());
  nlohmann::json& secret = secrets_[handle];
  if (secret.is_null()) {
    secret = {{"uuid", random_uuid()}, {"handle", handle},       {"name", handle},
              {"type", "GENERIC"},     {"provider", "IN_BUILT"}, {"createdAt", at}};
  }
  secret["status"] = "ACTIVE";
  secret["value"] = value;
  secret["hash"] = "hmac-sha256:" + hmac_sha256_hex(hash_key_, value);
  secret["updatedAt"] = at;
}

Result<Done> Desire::deprecate_secret(const std::string& handle) {
  const auto secret = secrets_.find(handle);
  if (secret == secrets_.end()) return no_such("secret", handle);
  secret->second["status"] = "DEPRECATED";
  secret->second["updatedAt"] = microseconds_text(now());
  return Done{};
}

Result<Done> Desire::remove_secret(const std::string& handle) {
  if (secrets_.erase(handle) == 0) return no_such("secret", handle);
  return Done{};
}

Result<Done> Desire::put_hmac_secret(const std::string& artifact_id, const std::string& name,
                                     const std::string& secret) {
  if (!artifacts_.contains(artifact_id)) return no_such("artifact", artifact_id);
  const bool is_new = !hmac_secrets_[artifact_id].contains(name);
  hmac_secrets_[artifact_id][name] = secret;
  write_event(is_new ? "websub.hmacsecret.created" : "websub.hmacsecret.updated",
              {{"artifactUuid", artifact_id}, {"secretName", name}});
  return Done{};
}

Result<Done> Desire::delete_hmac_secret(const std::string& artifact_id, const std::string& name) {
  if (hmac_secrets_[artifact_id].erase(name) == 0) return no_such("secret", name);
  write_event("websub.hmacsecret.deleted", {{"artifactUuid", artifact_id}, {"secretName", name}});
  return Done{};
}

}  // namespace tether::peers
