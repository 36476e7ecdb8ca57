#include "tether/sync/resources.h"

#include <algorithm>

#include "tether/protocol/kinds.h"
#include "tether/protocol/rest.h"
#include "tether/sync/rule.h"

namespace tether::sync {

Resource Resources::fresh(const protocol::ResourceState& state) const {
  Resource resource;
  resource.kind = state.kind;
  resource.id = state.id;
  resource.artifact_id = state.artifact_id;
  resource.name = state.name;
  return resource;
}

void Resources::take(Resource resource, const protocol::ResourceState& state, bool unconfirmed) {
  Records& records = context_.records;
  // What belongs to another artifact now must not stay in service with the former one.
  const bool moved = !state.artifact_id.empty() && state.artifact_id != resource.artifact_id;
  if (moved && !resource.artifact_id.empty()) context_.offers.stop(resource);
  const std::string key = "#" + std::to_string(records.next_change());
  Body body{resource.kind, resource.id, key, "", state.data, {}};
  const std::string_view referred =
      resource.kind == protocol::kApplication ? protocol::kApiKey : protocol::kSubscriptionPlan;
  for (const std::string& name : state.references) body.references.push_back({std::string(referred), name});
  records.put_body(body);
  list_unknown_plans(body.references);
  // What is in service, was lost and is here again stays so, whatever has become of what it refers to.
  if (resource.offering.lost && resource.updated_at == state.updated_at) resource.offering.offered = {key, 0};
  resource.gone = false;
  resource.gone_since = {};
  resource.body = key;
  resource.changed = records.last_change();
  resource.updated_at = state.updated_at;
  resource.unconfirmed = unconfirmed;
  resource.hash = state.hash;
  resource.fetched_hash = state.hash;
  if (!state.name.empty()) resource.name = state.name;
  if (!state.artifact_id.empty()) resource.artifact_id = state.artifact_id;
  resource.absent.reset();
  context_.offers.reconsider(resource);
}

void Resources::list_unknown_plans(const std::vector<Reference>& references) {
  const bool lacks_one = std::any_of(references.begin(), references.end(), [this](const Reference& reference) {
    if (reference.kind != protocol::kSubscriptionPlan) return false;
    const auto plan = context_.records.resource(reference.kind, reference.name);
    return !plan || plan->gone;
  });
  if (lacks_one) context_.memory.planner.want(Call::Plans, "plans", context_.now.steady + kComingShare);
}

void Resources::remove(Resource& resource) {
  resource.gone = true;
  resource.gone_since = context_.now.wall;
  resource.body.clear();
  resource.hash.clear();
  resource.fetched_hash.clear();
  resource.absent.reset();
  resource.changed = context_.records.next_change();
  context_.offers.stop(resource);
  if (resource.kind == protocol::kSecret) context_.memory.unconfirmed.erase(resource.id);
  if (resource.kind == protocol::kApiKey) drop_orphaned_applications(resource);
}

void Resources::drop_orphaned_applications(const Resource& key) {
  Records& records = context_.records;
  for (const Key& referring : records.referring_to({key.kind, key.id})) {
    auto application = records.resource(referring.kind, referring.id);
    if (!application || application->kind != protocol::kApplication || application->gone) continue;
    const auto references = records.references(referring, application->body);
    // What an earlier version of it named is no key of its: those may be still to come.
    const Reference gone{key.kind, key.id};
    if (std::find(references.begin(), references.end(), gone) == references.end()) continue;
    const bool orphaned = std::all_of(references.begin(), references.end(), [&records](const Reference& reference) {
      const auto other = records.resource(reference.kind, reference.name);
      return !other || other->gone;
    });
    if (orphaned) remove(*application);
  }
}

/// A list that is asked soon after an event about a key may be older than the event. What it has of before that is left
/// to the last one.
bool Resources::may_lag(const Resource& stored, const protocol::ResourceState& row, const Asked& asked) {
  if (row.kind != protocol::kApiKey || !context_.memory.planner.may_lag(asked.scope)) return false;
  if (!stored.gone) return row.updated_at < stored.updated_at;
  const Instant called_at = context_.memory.keys_called_at[asked.scope];
  return !called_at.is_set() || row.updated_at <= called_at;
}

void Resources::on_row(const protocol::ResourceState& row, const Asked& asked) {
  Records& records = context_.records;
  auto stored = records.resource(row.kind, row.id);
  const bool raced = stored && stored->changed > asked.change;
  if (raced) {
    // Newer than this listing may be; the next one decides.
    context_.memory.planner.want(asked.call, asked.scope, context_.now.steady + std::chrono::seconds(10));
    return;
  }
  if (stored && row.active && may_lag(*stored, row, asked)) return;
  if (!row.active) {  // `status: revoked` is an explicit statement
    if (stored && !stored->gone) remove(*stored);
    return;
  }
  if (row.kind == protocol::kSecret) {
    Resource secret = stored ? *stored : fresh(row);
    const bool known = stored && !stored->gone && stored->hash == row.hash;
    if (known && stored->unconfirmed) {
      auto& unconfirmed = context_.memory.unconfirmed;
      const Memory::Unconfirmed forgotten{{}, context_.now.steady, {}};
      unconfirmed.try_emplace(row.id, forgotten).first->second.named = asked.when;
    }
    if (known && !stored->absent) return;
    if (!known) secret.changed = records.next_change();
    secret.gone = false;
    secret.gone_since = {};
    secret.hash = row.hash;
    secret.updated_at = row.updated_at;
    secret.name = row.references.empty() ? row.name : row.references.front();
    secret.absent.reset();
    records.put(secret);
    return;
  }
  if (!stored || stored->gone) {
    take(stored ? *stored : fresh(row), row, /*unconfirmed=*/false);
    return;
  }
  const auto body = records.body({stored->kind, stored->id}, stored->body);
  const bool same = body && body->document == row.data;
  if (!same) {
    take(*stored, row, /*unconfirmed=*/false);
  } else if (stored->absent || stored->unconfirmed || stored->updated_at != row.updated_at) {
    // The list says what is here already: that is not offered anew.
    stored->unconfirmed = false;
    stored->updated_at = row.updated_at;
    stored->absent.reset();
    records.put(*stored);
  }
}

Resources::Word Resources::word_of(std::string_view artifact_id, const Asked& asked) {
  const auto artifact = context_.records.artifact(artifact_id);
  const bool is_wanted =
      artifact && artifact->wanted == Wanted::Deployed && !artifact->absent && artifact->question == Question::None;
  if (!is_wanted) return Word::None;
  return artifact->changed <= asked.change ? Word::Counts : Word::Raced;
}

void Resources::forget_proposals(const ListingScope& scope) {
  const Call call = scope.kind == protocol::kSubscription ? Call::Subscriptions : Call::HmacSecrets;
  context_.records.drop_hold(scope_of_artifact(call, scope.artifact_id));
  for (const Key& key : context_.records.resources_of(scope.artifact_id)) {
    auto resource = context_.records.resource(key.kind, key.id);
    if (resource && key.kind == scope.kind) forget_absence(*resource);
  }
}

void Resources::forget_absence(Resource& resource) {
  if (!resource.absent) return;
  resource.absent.reset();
  context_.records.put(resource);
}

void Resources::on_absent(Resource resource, const Asked& asked, Absent how) {
  Records& records = context_.records;
  const auto list_again = [this, &asked, how] {
    if (how == Absent::Held) return;
    context_.memory.planner.want(asked.call, asked.scope, context_.now.steady + std::chrono::seconds(10));
  };
  if (resource.kind == protocol::kApiKey) {
    // The list shows keys only of artifacts that are wanted here; for others it says nothing.
    const Word word = word_of(resource.artifact_id, asked);
    if (word == Word::Raced) return list_again();
    if (word == Word::None) return forget_absence(resource);
  }
  if (resource.kind == protocol::kSecret) {
    const bool in_use = !records.referring_to({resource.kind, resource.id}).empty();
    if (in_use) return forget_absence(resource);
  }
  switch (judge_absence(resource.absent, resource.changed, asked.change, context_.memory.link, asked.when_ms)) {
    case AbsenceJudgement::AskAgain:
      list_again();
      return;
    case AbsenceJudgement::Note:
      resource.absent = Proposal{context_.memory.link, context_.known_ms(asked), asked.change};
      records.put(resource);
      // A sweep asks about what was noted when it is over, and until then has better use for the places.
      if (how == Absent::ToBeWeighed && context_.memory.planner.sweeps_at_once()) return;
      list_again();
      return;
    case AbsenceJudgement::Confirmed:
      if (how == Absent::MayConfirm) return remove(resource);
      if (how == Absent::ToBeWeighed && !context_.memory.planner.sweeps_at_once()) {
        context_.memory.planner.want_sweep(Planner::Pace::AtOnce);
      }
      return;
  }
}

void Resources::on_secret_value(const Asked& asked, std::string_view value) {
  Records& records = context_.records;
  const std::string& handle = asked.ids.front();
  auto secret = records.resource(protocol::kSecret, handle);
  if (!secret || secret->gone) return;
  const bool confirms = secret->hash == secret->fetched_hash;
  if (confirms && !secret->unconfirmed) return;
  if (secret->changed > asked.change) return;  // it may be the value before the rotation: asked again
  protocol::ResourceState state;
  state.kind = secret->kind;
  state.id = handle;
  state.name = handle;
  state.updated_at = secret->updated_at;
  state.hash = secret->hash;
  state.references = {secret->name};  // its type
  const std::string type = secret->name;
  state.data = protocol::write_secret_data(state, value);
  state.references.clear();
  state.name = type;
  const auto body = records.body({secret->kind, handle}, secret->body);
  if (confirms && body && body->document == state.data) {
    context_.memory.unconfirmed.erase(handle);
    secret->unconfirmed = false;
    return records.put(*secret);
  }
  const TimePoint now = context_.now.steady;
  context_.memory.unconfirmed.insert_or_assign(handle, Memory::Unconfirmed{now, asked.when + kConfirmAfter, {}});
  take(*secret, state, /*unconfirmed=*/true);
}

}  // namespace tether::sync
