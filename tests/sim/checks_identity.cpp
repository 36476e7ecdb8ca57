#include <algorithm>

#include "world.h"

/// What must hold where another control plane answers for a while (RULE.md, section 11), seen from outside.
namespace tether::sim {
namespace {

/// Before this no identity takes over from another, whoever agrees: two listings must say the same.
constexpr Duration kLeastStay = 10s;
/// Of what is in service it must have so many resources to take over by itself.
constexpr std::size_t kLeastPercent = 80;
/// A replica may lag behind so much.
constexpr Duration kLag = 10s;
/// What is known by events alone may be more than is wanted any more.
constexpr std::size_t kUnlisted = 3;
/// A list with rows that cannot be read is not waited for when it had some so often.
constexpr int kReadInVain = 3;

}  // namespace

/// The largest number of resources that it wanted since then.
std::size_t World::most_wanted(std::size_t owner, TimePoint since) const {
  std::size_t most = 0;
  for (auto count = counts_[owner].rbegin(); count != counts_[owner].rend(); ++count) {
    most = std::max(most, count->second);
    if (count->first <= since) break;
  }
  return most;
}

void World::look_at_link(Instance& instance, const ControlPlane& peer) {
  auto& seen = instance.seen;
  const std::size_t number = number_of(peer);
  seen.linked[number] = now_;
  if (seen.last_linked != number) seen.handled = {};
  seen.last_linked = number;
  // What was staged goes when the identity in service is named again.
  if (seen.identity == number) instance.forget_events_of(1 - number);
}

/// An identity takes over from another only where it has been there for long enough, and where an operator agreed or it
/// has nearly as much: else all that is in service could be lost to an empty database.
void World::look_at_identity(Instance& instance, const Body& body) {
  auto& seen = instance.seen;
  std::optional<std::size_t> named;
  for (const Line& line : body.lines) {
    const std::size_t one = ControlPlane::owner_of(line.key.second);
    if (named && *named != one) return fail("one_identity", "a push has a mix of two control planes' configurations");
    named = one;
  }
  // Who asked for what is empty gets nothing; a push in parts begins with nothing as well, where there is nothing.
  const bool is_part = body.revision == delivery::kFirstRevision && instance.gateway_.served.empty();
  if (!named && body.full && !is_part && seen.consented) named = seen.consented;
  if (!named) return;
  const bool is_first = std::exchange(seen.identity_lost, false);
  if (seen.identity == named) return;
  const auto before = std::exchange(seen.identity, named);
  const bool is_agreed = seen.consented == named;
  if (is_agreed) seen.consented.reset();
  instance.end_stay();
  const Duration stayed = seen.stayed[*named];
  seen.stayed = {};
  if (!before) return;
  seen.served_anew = true;
  seen.left_behind.clear();
  seen.good.clear();
  // What only events said of the one before is forgotten with it.
  instance.forget_events_of(*before);
  instance.note("serves another control plane's from now on" + std::string(is_agreed ? ", as an operator wanted" : ""));
  // A push in parts has emptied the gateway before. A store that was lost forgets what was never taken.
  const bool has_other =
      std::any_of(instance.gateway_.served.begin(), instance.gateway_.served.end(),
                  [&](const auto& line) { return ControlPlane::owner_of(line.first.second) != *named; });
  if (!body.full && has_other) {
    fail("one_identity", "a difference between two control planes' configurations is pushed");
  }
  // A store that was lost knows of no other identity: whose link comes first is served.
  if (stayed < kLeastStay && !is_first)
    fail("switched_early", "the other control plane was there for less than two listings");
  if (is_agreed) return;
  if (!is_first && body.full) look_at_what_takes_over(instance, body);
  std::size_t served = 0;
  for (const auto& [key, version] : instance.gateway_.served) {
    const bool is_theirs = ControlPlane::owner_of(key.second) == *before;
    // What is refused when it comes again does not count as in service, though the gateway keeps it; nor does what
    // belongs to something that is refused.
    if (!is_theirs || was_refused(instance, key, version)) continue;
    const std::string id = artifact_of(key);
    if (!id.empty() && !instance.gateway_.served.contains({ControlPlane::kind_of(id), id})) continue;
    if (desire_.contains(key) && !seen.kept.contains(key)) ++served;
  }
  const std::size_t most = most_wanted(*named, seen.linked[*named] - kLag) + kUnlisted;
  if (most * 100 < served * kLeastPercent) {
    fail("switched_to_little", std::to_string(most) + " resources at most replace " + std::to_string(served) +
                                   ", and no operator wanted that");
  }
}

/// All of it that was wanted since before its link, and whose list told the truth; and not while all of it is missing
/// from its listing, which its own brake holds.
void World::look_at_what_takes_over(const Instance& instance, const Body& body) {
  const auto& seen = instance.seen;
  const std::size_t number = *seen.identity;
  if (instance.peer_ != control_planes_[number].get() || !instance.acked_) return;
  if (seen.took_over < seen.linked[number]) return;  // its first push has waited for the gateway
  std::set<Key> brought;
  std::set<Key> named;      // by artifacts, in their documents
  std::size_t missing = 0;  // in service, as far as was known, when that list came
  const auto lied = seen.lies.find("deployments");
  for (const Line& line : body.lines) {
    brought.insert(line.key);
    if (!is_artifact(line.key.first)) continue;
    const auto wishes = wishes_.find(line.key);
    const bool is_older =
        wishes != wishes_.end() && lied != seen.lies.end() && wishes->second.back().when < lied->second.second - kLag;
    if (is_older) ++missing;
    for (const Key& one : owner(line.key.second).references_of(line.deployment_id)) named.insert(one);
  }
  const auto list = seen.listed.find("deployments");
  if (list != seen.listed.end() && list->second.is_nothing && missing > kUnlisted) {
    fail("switched_while_held", "all that takes over is missing from its listing");
  }
  const TimePoint since = seen.linked[number] - kLag;
  if (seen.last_disk_fault >= since) return;  // it may have decided that before that link
  if (seen.last_lie >= since - kBetweenLies || instance.peer_->last_taken_back() >= since - kTakenBack) return;
  for (const auto& [key, version] : desire_) {
    if (&owner(key.second) != instance.peer_ || brought.contains(key) || was_refused(instance, key, version)) continue;
    const auto& wishes = wishes_.at(key);
    if (wishes.back().when >= since || is_known_only_by_events(key)) continue;
    const auto listed = seen.listed.find(is_artifact(key.first) ? "deployments" : listing_of(key));
    const bool is_shown = listed == seen.listed.end() || listed->second.is_shown;
    if (!is_shown || (listed != seen.listed.end() && listed->second.unreadable >= kReadInVain)) continue;
    if (key.first == "Secret" && !named.contains(key)) continue;
    // A revocation names a key by its artifact and name alone: one of an earlier key takes it until it is listed.
    const auto revoked = seen.revoked.find(version.substr(0, version.rfind(' ')));
    if (key.first == "ApiKey" && revoked != seen.revoked.end() && revoked->second.connection == instance.connection_)
      continue;
    const std::string id = artifact_of(key);
    const Key artifact{ControlPlane::kind_of(id), id};
    if (!id.empty() && (!brought.contains(artifact) || wishes_.at(artifact).back().when >= since)) continue;
    if (is_artifact(key.first)) {
      const auto references = owner(key.second).references_of(wanted_deployment(key));
      const auto is_brought = [&](const Key& one) { return brought.contains(one); };
      if (!std::all_of(references.begin(), references.end(), is_brought)) continue;
    }
    fail("switched_in_part", key.first + " " + key.second + " " + version + " was listed, and does not take over");
  }
}

/// `existing` and `wanted`: before it moved. What was stopped by then, and may have been deployed
/// anew and refused, goes by an event that was heard there.
void World::note_moved(Instance& instance, const std::map<Key, std::string>& existing,
                       const std::map<Key, std::string>& wanted) {
  auto& seen = instance.seen;
  seen.left_behind.clear();
  seen.moved = now_;
  if (seen.identity != present_ || seen.has_lost) return;
  for (const auto& [key, version] : instance.gateway_.served) {
    const auto wish = wanted.find(key);
    const bool was_there = existing.contains(key) && wish != wanted.end() && wish->second == version;
    if (is_artifact(key.first) && was_there && !existing_.contains(key)) seen.left_behind.insert(key);
  }
}

/// A full listing has come from where the control plane is now: most of what is in service is enough.
void World::look_at_moved(Instance& instance) {
  constexpr std::size_t kMostPercent = 70;
  auto& left = instance.seen.left_behind;
  std::erase_if(left, [this](const Key& key) { return existing_.contains(key); });
  std::size_t served = 0;
  std::size_t shown = 0;
  for (const auto& [key, version] : instance.gateway_.served) {
    if (!is_artifact(key.first)) continue;
    ++served;
    if (existing_.contains(key)) ++shown;
  }
  if (shown * 100 >= served * kMostPercent) left.clear();
}

void World::look_at_ack_of_identity(const Instance& instance, const ControlPlane& peer, const Ack& ack) {
  const std::string what = ack.artifact_id + " " + ack.action + " " + ack.performed_at;
  if (&owner(ack.artifact_id) != &peer) fail("false_ack", what + " is told to another control plane than its own");
  if (instance.seen.store_is_older) return;  // known limit: what it had to say was true then
  for (const auto& [key, version] : instance.gateway_.served) {
    if (&owner(key.second) == &peer) continue;
    return fail("false_ack", what + ", and the gateway serves another control plane's");
  }
}

}  // namespace tether::sim
