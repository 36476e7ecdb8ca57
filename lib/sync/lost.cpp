#include "tether/sync/lost.h"

#include <optional>

#include "tether/protocol/kinds.h"
#include "tether/sync/engine.h"
#include "tether/sync/planner.h"
#include "tether/sync/rule.h"

namespace tether::sync {
namespace {

bool is_lost(Records& records, const Key& owner, const std::string& body) {
  return !body.empty() && !records.has_body(owner, body);
}

/// What was lost and can be read again (the key is back) was left out of pushes meanwhile: it goes anew.
void review_offered(Records& records, const Key& owner, Offering& offering) {
  const bool was_lost = offering.lost;
  offering.lost = is_lost(records, owner, offering.offered.body);
  if (was_lost && !offering.lost) offering.revision = records.next_revision();
}

/// The scope of the list that shows it, if there is one.
std::optional<std::string> list_of(const Resource& resource, const std::string& artifact_kind) {
  if (resource.kind == protocol::kSubscriptionPlan) return "plans";
  if (resource.kind == protocol::kSecret) return "secrets";
  if (resource.kind == protocol::kHmacSecret) return scope_of_artifact(Call::HmacSecrets, resource.artifact_id);
  if (resource.kind == protocol::kSubscription && artifact_kind == "RestApi") {
    return scope_of_artifact(Call::Subscriptions, resource.artifact_id);
  }
  const auto* kind = resource.kind == protocol::kApiKey ? protocol::find_kind(artifact_kind) : nullptr;
  return kind == nullptr || kind->keys_path.empty() ? std::nullopt : std::optional("keys/" + artifact_kind);
}

}  // namespace

void review_lost(Records& records) {
  records.forget_remembered();  // what events alone had said may come again
  records.visit_lost([&records](const Key& key) {
    if (auto artifact = records.artifact(key.id); artifact && artifact->kind == key.kind) {
      review_offered(records, key, artifact->offering);
      if (is_lost(records, key, artifact->fetched)) {
        artifact->fetched.clear();
        artifact->waiting = false;
      }
      artifact->may_settle = may_settle(*artifact);
      records.put(*artifact);
    } else if (auto resource = records.resource(key.kind, key.id)) {
      review_offered(records, key, resource->offering);
      if (is_lost(records, key, resource->body)) {
        resource->body.clear();
        resource->fetched_hash.clear();
        resource->waiting = false;
      }
      records.put(*resource);
    }
  });
}

bool is_lost_from_lists(Records& records, const std::set<std::string>& unshown) {
  bool found = false;
  records.visit_lost([&](const Key& key) {
    if (found) return;
    const auto resource = records.resource(key.kind, key.id);
    if (resource) {
      const auto artifact = records.artifact(resource->artifact_id);
      const auto list = list_of(*resource, artifact ? artifact->kind : "");
      found = resource->offering.lost && list && !unshown.contains(*list);
    } else {
      const auto artifact = records.artifact(key.id);
      found = artifact && artifact->offering.lost;
    }
  });
  return found;
}

void Engine::on_content_lost(Records& records, Now now) {
  memory_.lost_under = memory_.link;
  after_input(records, now);
}

}  // namespace tether::sync
