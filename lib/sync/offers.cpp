#include "tether/sync/offers.h"

#include <algorithm>

#include "tether/protocol/kinds.h"
#include "tether/sync/reason.h"
#include "tether/sync/rule.h"

namespace tether::sync {
namespace {

Key key_of(const Artifact& artifact) {
  return {artifact.kind, artifact.id};
}
Key key_of(const Resource& resource) {
  return {resource.kind, resource.id};
}

bool is_refused(const Offering& offering, const Version& version) {
  return offering.refused && offering.refused->version == version;
}

/// The gateway would not remove what it has: it may still serve it.
bool is_refused_removal(const Offering& offering) {
  return offering.refused && !offering.refused->version.is_set();
}

/// What a refusal was about is not wanted any more.
bool is_outdated(const std::optional<Refusal>& refused, const Version& wanted) {
  return refused && refused->version.is_set() && refused->version != wanted;
}

}  // namespace

template <class Row>
std::string Offers::reason_to_keep(const Row& row, const Version& refused, const std::string& reason) {
  return presentable_reason(records_, key_of(row), refused, reason);
}

Version wanted_version(const Resource& resource) {
  if (resource.gone || resource.body.empty()) return {};
  return {resource.body, 0};
}

void Offers::note_sent(Offering& offering) {
  const bool carried = flight_.push != 0 && offering.revision > flight_.after && offering.revision <= flight_.up_to;
  if (!carried || offering.sent_push == flight_.push) return;
  offering.sent = offering.lost ? Version{} : offering.offered;
  offering.sent_push = flight_.push;
}

void Offers::set(const Key& key, Offering& offering, const Version& version) {
  note_sent(offering);
  if (version.is_set() && is_refused_removal(offering)) offering.refused.reset();
  offering.offered = version;
  offering.lost = version.is_set() && !records_.has_body(key, version.body);
  offering.revision = records_.next_revision();
}

void Offers::store(Artifact& artifact) {
  artifact.may_settle = may_settle(artifact);
  records_.put(artifact);
}

void Offers::store(Resource& resource) {
  records_.put(resource);
}

bool Offers::is_unanswered(const Offering& offering) {
  return offering.offered.is_set() && offering.revision > records_.marks().answered.revision;
}

template <class Row>
void Offers::renew(Row& row) {
  const bool moves = is_unanswered(row.offering);
  set(key_of(row), row.offering, row.offering.offered);
  store(row);
  if (moves) changes_.push_back({key_of(row), moves});
}

bool Offers::references_offered(const Artifact& artifact, const Version& version) {
  const auto references = records_.references(key_of(artifact), version.body);
  return std::all_of(references.begin(), references.end(),
                     [this](const Reference& reference) { return records_.is_offered(reference); });
}

bool Offers::references_offered(const Resource& resource, const Version& version) {
  if (!resource.artifact_id.empty()) {
    const auto artifact = records_.artifact(resource.artifact_id);
    if (!artifact || !artifact->offering.offered.is_set()) return false;
  }
  const auto references = records_.references(key_of(resource), version.body);
  const auto offered = [this](const Reference& reference) { return records_.is_offered(reference); };
  if (resource.kind == protocol::kApplication) {
    // An application maps many keys, each by itself: one that is out of service must not hold back the others.
    return references.empty() || std::any_of(references.begin(), references.end(), offered);
  }
  return std::all_of(references.begin(), references.end(), offered);
}

template <class Row>
void Offers::reconsider_row(Row& row, const Version& wanted) {
  Offering& offering = row.offering;
  row.waiting = false;
  if (is_outdated(offering.refused, wanted_version(row))) {
    offering.refused.reset();
    if (!offering.offered.is_set()) set(key_of(row), offering, {});
  }
  if (!wanted.is_set() || is_refused(offering, wanted)) return store(row);
  const bool is_offered = offering.offered == wanted;
  if (is_offered && !offering.lost) return store(row);
  // What was lost and is here again is in service, whatever has become of what it refers to.
  if (!is_offered && !references_offered(row, wanted)) {
    row.waiting = true;
    return store(row);
  }
  const bool moves = is_unanswered(offering);
  set(key_of(row), offering, wanted);
  store(row);
  changes_.push_back({key_of(row), moves});
}

void Offers::reconsider(Artifact& artifact) {
  const bool here = artifact.wanted == Wanted::Deployed && artifact.fetched == artifact.deployment_id;
  const bool was_offered = artifact.offering.offered.is_set();
  reconsider_row(artifact, here ? wanted_version(artifact) : Version{});
  if (was_offered || !artifact.offering.offered.is_set() || !artifact.absent) return;
  // The lists that lacked it were weighed without it: the deletion brake has yet to see it among what is in service. It
  // stays in question until the next list, since those of its keys and subscriptions have passed over it.
  artifact.absent->link = kNoLink;
  store(artifact);
}

void Offers::reconsider(Resource& resource) {
  reconsider_row(resource, wanted_version(resource));
}

template <class Row>
void Offers::stop_row(Row& row) {
  Offering& offering = row.offering;
  const bool was_offered = offering.offered.is_set();
  if (was_offered) withdraw_what_belongs_to(key_of(row));
  // A removal that was refused is sent again: whoever asks for it a second time must not find it forgotten. So is that
  // of something in quarantine, whose refusal is not kept.
  if (was_offered || offering.refused) set(key_of(row), offering, {});
  // CE-11: a push that is out may still carry it. Its answer must not make the stopped version good.
  if (flight_.push != 0 && offering.sent_push == flight_.push) offering.sent = {};
  offering.good = {};
  offering.refused.reset();
  row.waiting = false;
  store(row);
}

void Offers::stop(Artifact& artifact) {
  stop_row(artifact);
}
void Offers::stop(Resource& resource) {
  stop_row(resource);
}

template <class Row>
bool Offers::answer_row(Row& row, const Answer& answer) {
  Offering& offering = row.offering;
  const bool offer_changed = offering.sent_push == answer.push;
  const bool carried_now = offering.revision > answer.after && offering.revision <= answer.up_to;
  const Version carried =
      offer_changed ? offering.sent : (carried_now && !offering.lost ? offering.offered : Version{});
  if (offer_changed) {
    offering.sent = {};
    offering.sent_push = 0;
  }
  bool refused = false;
  if (answer.rejected == nullptr) {
    if (carried.is_set()) {
      offering.good = carried;
      if (is_refused(offering, carried)) offering.refused.reset();
    } else if (carried_now && is_refused_removal(offering)) {
      offering.refused.reset();
    }
  } else if (!carried.is_set()) {
    // A removal is tried again by the clock. What was refused and has been stopped since is forgotten. Where the wanted
    // version is in quarantine that is what counts: most likely the gateway has nothing to remove.
    const Version wanted = wanted_version(row);
    const bool quarantined = wanted.is_set() && is_refused(offering, wanted);
    refused = carried_now && !offer_changed && !offering.offered.is_set() && !quarantined;
    if (refused) offering.refused = Refusal{{}, reason_to_keep(row, {}, *answer.rejected), now_.wall};
  } else {
    if (offering.good == carried) offering.good = {};
    // What is offered under a later revision is judged by that answer: a secret in it may have changed (B6).
    if (offering.offered == carried && !offer_changed) {
      // Only what is wanted is quarantined. The refusal of a last good version leaves the wanted one as it was.
      refused = carried == wanted_version(row);
      if (refused) offering.refused = Refusal{carried, reason_to_keep(row, carried, *answer.rejected), now_.wall};
      if (!offering.good.is_set()) withdraw_what_belongs_to(key_of(row));
      set(key_of(row), offering, offering.good);
      if (offering.offered.is_set()) changes_.push_back({key_of(row), /*moved=*/false});
    }
  }
  store(row);
  return refused;
}

bool Offers::on_answer(Artifact& artifact, const Answer& answer) {
  return answer_row(artifact, answer);
}
bool Offers::on_answer(Resource& resource, const Answer& answer) {
  return answer_row(resource, answer);
}

template <class Row>
void Offers::refuse_line_of(Row& row, std::int64_t push, const std::string& reason) {
  const std::int64_t before = row.offering.revision;
  const bool changed_since = row.offering.sent_push == push;  // the line was another one
  answer_row(row, Answer{push, before - 1, before, &reason});
  if (row.offering.revision != before || row.offering.offered.is_set() || changed_since) return;
  // A refused removal has no revision until it is tried again, or no body could get past it. The sequence goes on all
  // the same: that is how it shows that the refusal was stored.
  row.offering.revision = 0;
  records_.next_revision();
  store(row);
}

void Offers::refuse_line(const Key& key, std::int64_t push, const std::string& reason) {
  if (auto artifact = records_.artifact(key.id); artifact && artifact->kind == key.kind) {
    refuse_line_of(*artifact, push, reason);
  } else if (auto resource = records_.resource(key.kind, key.id)) {
    refuse_line_of(*resource, push, reason);
  }
}

void Offers::refuse(Artifact& artifact, const std::string& reason) {
  artifact.offering.refused = Refusal{wanted_version(artifact), reason, now_.wall};
  store(artifact);
}

void Offers::retry(const Key& key) {
  const auto again = [this](auto& row) {
    row.offering.refused.reset();
    // A new revision puts the removal into the difference again, unless what is wanted takes its place.
    if (!row.offering.offered.is_set()) set(key_of(row), row.offering, {});
    reconsider(row);
  };
  if (auto artifact = records_.artifact(key.id); artifact && artifact->kind == key.kind) {
    if (artifact->offering.refused) again(*artifact);
  } else if (auto resource = records_.resource(key.kind, key.id)) {
    if (resource->offering.refused) again(*resource);
  }
}

/// A gateway puts a secret's value into what refers to it when that comes. One that refused the secret alone has taken
/// what refers to it without a value.
void Offers::touch_referring(const Reference& reference) {
  for (const Key& key : records_.referring_to(reference)) {
    if (auto artifact = records_.artifact(key.id); artifact && artifact->kind == key.kind) {
      if (artifact->offering.refused) {
        retry(key);
      } else if (artifact->offering.offered.is_set()) {
        renew(*artifact);
      }
    }
  }
}

void Offers::withdraw_what_belongs_to(const Key& artifact) {
  // Keys and subscriptions of something that is not in service stay stored and are not offered. They go first, under
  // lower revisions: two pushes may be cut between any two of them.
  for (const Key& key : records_.resources_of(artifact.id)) {
    auto resource = records_.resource(key.kind, key.id);
    if (!resource || !resource->offering.offered.is_set()) continue;
    set(key, resource->offering, {});
    resource->waiting = wanted_version(*resource).is_set();
    store(*resource);
  }
}

/// What refers to it and is not at the gateway either must not come to stand before it.
void Offers::renew_referring(const Key& key) {
  std::vector<Key> dependents = records_.resources_of(key.id);
  Reference moved{key.kind, key.id};
  if (const auto artifact = records_.artifact(key.id); artifact && artifact->kind == key.kind) {
    if (const auto body = records_.body(key, artifact->offering.offered.body)) moved.name = body->handle;
  }
  for (Key& referring : records_.referring_to(moved)) dependents.push_back(std::move(referring));
  for (const Key& dependent : dependents) {
    if (auto artifact = records_.artifact(dependent.id); artifact && artifact->kind == dependent.kind) {
      if (is_unanswered(artifact->offering)) renew(*artifact);
    } else if (auto resource = records_.resource(dependent.kind, dependent.id)) {
      if (is_unanswered(resource->offering)) renew(*resource);
    }
  }
}

bool Offers::has_arrived(const Key& key, std::int64_t after, std::int64_t up_to) {
  const auto arrived = [after, up_to](const Offering& offering) {
    return offering.offered.is_set() && offering.good == offering.offered && offering.revision > after &&
           offering.revision <= up_to;
  };
  if (const auto artifact = records_.artifact(key.id); artifact && artifact->kind == key.kind) {
    return arrived(artifact->offering);
  }
  const auto resource = records_.resource(key.kind, key.id);
  return resource && arrived(resource->offering);
}

bool Offers::lacked(const Key& row, const Offering& offering, const std::string& artifact_id, std::int64_t after,
                    std::int64_t up_to) {
  if (!offering.refused || !offering.refused->version.is_set()) return false;
  if (!artifact_id.empty()) {
    const auto artifact = records_.artifact(artifact_id);
    if (artifact && has_arrived({artifact->kind, artifact->id}, after, up_to)) return true;
  }
  const auto references = records_.references(row, offering.refused->version.body);
  return std::any_of(references.begin(), references.end(), [&](const Reference& reference) {
    const auto named = records_.offered_as(reference);
    return named && has_arrived(*named, after, up_to);
  });
}

void Offers::retry_what_lacked(std::int64_t after, std::int64_t up_to, const std::function<bool(const Key&)>& judged) {
  std::vector<Key> again;
  records_.visit_refused([&](const Key& key) {
    if (judged(key)) return;  // in its own body it came after what it refers to
    if (const auto artifact = records_.artifact(key.id); artifact && artifact->kind == key.kind) {
      if (lacked(key, artifact->offering, "", after, up_to)) again.push_back(key);
    } else if (const auto resource = records_.resource(key.kind, key.id)) {
      if (lacked(key, resource->offering, resource->artifact_id, after, up_to)) again.push_back(key);
    }
  });
  for (const Key& key : again) retry(key);
}

void Offers::follow_up() {
  while (!changes_.empty()) {
    const Change change = changes_.front();
    changes_.pop_front();
    if (change.moved) renew_referring(change.key);
    if (change.key.kind == protocol::kSecret) touch_referring({change.key.kind, change.key.id});
    for (const Key& key : records_.waiting_for(change.key)) {
      if (auto artifact = records_.artifact(key.id); artifact && artifact->kind == key.kind) {
        reconsider(*artifact);
      } else if (auto resource = records_.resource(key.kind, key.id)) {
        reconsider(*resource);
      }
    }
  }
}

}  // namespace tether::sync
