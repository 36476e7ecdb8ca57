#include "tether/protocol/resources.h"

#include <utility>

#include "tether/protocol/fields.h"
#include "tether/protocol/kinds.h"

namespace tether::protocol {
namespace {

constexpr std::string_view kHashes = "apiKeyHashes";
constexpr std::string_view kMappings = "mappings";

/// Events carry the hashes as a JSON string that holds JSON.
void unwrap_hashes(json::Object& data) {
  const json::Value* hashes = data.find(kHashes);
  if (hashes == nullptr || hashes->type != json::Type::String) return;
  auto inner = json::parse(hashes->decoded(), kMaxJsonDepth);
  if (inner) data.set(kHashes, std::move(*inner));
}

std::vector<std::string> key_uuids(Fields& in) {
  std::vector<std::string> uuids;
  for (const json::Value& mapping : in.array(kMappings)) {
    const auto object = json::parse_object(mapping.text, kMaxJsonDepth);
    if (!object) {
      in.blame(kMappings, "holds an element that is not an object");
      return {};
    }
    Fields element(*object);
    uuids.push_back(element.text("apiKeyUuid"));
    if (element.failed()) in.blame("mappings[].apiKeyUuid", "is missing or not a string");
  }
  return uuids;
}

Result<ResourceState> finish(const Fields& in, ResourceState state, const json::Object& data) {
  if (in.failed()) return in.error();
  state.data = data.text();
  return state;
}

}  // namespace

Result<ResourceState> key_state(json::Object data) {
  unwrap_hashes(data);
  Fields in(data);
  ResourceState key;
  key.kind = kApiKey;
  key.id = in.optional_text("uuid");
  key.artifact_id = in.text("artifactUuid");
  key.name = in.optional_text("name");
  key.updated_at = in.time("updatedAt");
  key.active = in.text("status") != "revoked";
  in.object(kHashes);
  in.optional_time("expiresAt");
  return finish(in, std::move(key), data);
}

Result<ResourceState> plan_state(const json::Object& data) {
  Fields in(data);
  ResourceState plan;
  plan.kind = kSubscriptionPlan;
  plan.id = in.text("id");
  plan.name = in.text("handle");
  plan.updated_at = in.optional_time("updatedAt");
  in.text("planName");
  in.flag("stopOnQuotaReach");
  in.text("status");
  return finish(in, std::move(plan), data);
}

Result<ResourceState> subscription_state(const json::Object& data) {
  Fields in(data);
  ResourceState subscription;
  subscription.kind = kSubscription;
  subscription.id = in.text("id");
  subscription.artifact_id = in.text("apiId");
  subscription.updated_at = in.optional_time("updatedAt");
  in.text("subscriptionToken");
  in.text("status");
  const std::string plan = in.optional_text("subscriptionPlanId");
  if (!plan.empty()) subscription.references.push_back(plan);
  return finish(in, std::move(subscription), data);
}

Result<ResourceState> application_state(json::Object data) {
  // An empty list in Go, if nobody made it: the last key has gone.
  const json::Value* mappings = data.find(kMappings);
  if (mappings != nullptr && mappings->type == json::Type::Null) data.set(kMappings, {json::Type::Array, "[]"});
  Fields in(data);
  ResourceState application;
  application.kind = kApplication;
  application.id = in.text("applicationUuid");
  application.references = key_uuids(in);
  return finish(in, std::move(application), data);
}

}  // namespace tether::protocol
