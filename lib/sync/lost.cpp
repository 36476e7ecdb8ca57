#include "tether/sync/lost.h"

#include "tether/sync/engine.h"
#include "tether/sync/rule.h"

namespace tether::sync {
namespace {

bool is_lost(Records& records, const Key& owner, const std::string& body) {
  return !body.empty() && !records.has_body(owner, body);
}

}  // namespace

void review_lost(Records& records) {
  records.visit_lost([&records](const Key& key) {
    if (auto artifact = records.artifact(key.id); artifact && artifact->kind == key.kind) {
      artifact->offering.lost = is_lost(records, key, artifact->offering.offered.body);
      if (is_lost(records, key, artifact->fetched)) {
        artifact->fetched.clear();
        artifact->waiting = false;
      }
      artifact->may_settle = may_settle(*artifact);
      records.put(*artifact);
    } else if (auto resource = records.resource(key.kind, key.id)) {
      resource->offering.lost = is_lost(records, key, resource->offering.offered.body);
      if (is_lost(records, key, resource->body)) {
        resource->body.clear();
        resource->fetched_hash.clear();
        resource->waiting = false;
      }
      records.put(*resource);
    }
  });
}

void Engine::on_content_lost(Records& records, Now now) {
  memory_.lost_under = memory_.link;
  after_input(records, now);
}

}  // namespace tether::sync
