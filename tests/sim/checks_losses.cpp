#include <algorithm>

#include "world.h"

/// What must hold where the store is lost, or the key of what is encrypted in it: seen from outside, by what was
/// damaged and what the daemon said of it.
namespace tether::sim {
namespace {

/// Of what the gateway has, the first push of an empty store leaves so much, unless an operator agreed to less.
constexpr std::size_t kLeastLeftPercent = 80;
/// How much it has to give is counted some seconds before, and what somebody has stopped is not missed.
constexpr Duration kCounted = 10s;
/// So long after the last trouble what is lost is asked for again, and has come.
constexpr Duration kFairAgain = 8min;
/// When it is looked whether it has.
constexpr std::array<Duration, 7> kLooks{9min, 12min, 16min, 20min, 30min, 45min, 90min};

/// After so many answers without it what was lost is given up.
constexpr int kAnsweredWithout = 3;

}  // namespace

/// What events alone have said is gone with what was stored of them.
void World::forget_what_was_heard(Instance& instance) {
  auto& seen = instance.seen;
  seen.arrived.clear();
  seen.has_lost = true;
  seen.good.clear();
  seen.last_disk_fault = now_;
}

/// What is wanted, in service and lost is asked for like anything that is not here, and offered anew, whatever has
/// become of what it refers to.
void World::expect_again(Instance& instance) {
  auto& to_come = instance.seen.to_come;
  to_come.clear();
  for (const auto& [key, version] : instance.gateway_.served) {
    if (is_artifact(key.first) && desire_.contains(key) && desire_.at(key) == version) to_come[key] = version;
  }
  for (const Duration later : kLooks) {
    at(now_ + later, [this, one = &instance] { look_at_lost(*one); });
  }
}

void World::look_at_lost(Instance& instance) {
  const auto& seen = instance.seen;
  if (instance.peer_ != &present() || seen.identity != present_ || !instance.is_fair(now_ - kFairAgain)) return;
  if (present().last_taken_back() > seen.started) return;
  if (instance.daemon_.held_count() > 0) return;  // a PUT waits for that
  for (const auto& [key, version] : seen.to_come) {
    const auto& wishes = wishes_.at(key);
    const auto served = instance.gateway_.served.find(key);
    if (served == instance.gateway_.served.end() || served->second != version) continue;
    if (wishes.back().version != version || was_refused(instance, key, version)) continue;
    if (&owner(key.second) != instance.peer_) continue;  // the gateway has missed the identity that is served
    fail("lost_comes_again", key.second + " " + version + " was lost, and is not given to the gateway anew");
  }
}

void World::look_at_losses(Instance& instance, bool starts) {
  auto& seen = instance.seen;
  if (instance.daemon_.take_content_lost()) {
    instance.note("cannot read all that it has stored");
    seen.content_lost = true;
    // A store that went back has again what a key before had sealed.
    const bool is_older = seen.spoiled || seen.store_is_older;
    const bool is_known = std::exchange(seen.key_lost, false) || (is_older && seen.has_lost);
    if (!is_known) fail("lost_unasked", "stored content is lost, and its key is not");
    forget_what_was_heard(instance);
    expect_again(instance);
  }
  const bool begins_anew = instance.daemon_.take_begun_anew();
  if (begins_anew && !seen.was_spoiled) return fail("lost_unasked", "a store is set aside that nobody has damaged");
  // What its log held was damaged as well: without the file being set aside it is as old as what was written back.
  const bool went_back = starts && seen.spoiled;
  if (!begins_anew && !went_back) return;
  instance.note(begins_anew ? "begins with an empty store" : "begins with what is left of its store");
  seen.spoiled = false;
  forget_what_was_heard(instance);
  seen.store_lost = {now_, instance.daemon_.last_epoch()};
  seen.left_behind.clear();
  seen.store_is_older = !begins_anew;
  if (begins_anew) seen.to_come.clear();  // an empty one does not know what it has lost
  // Nothing is known of what was told, of which identity was staged, nor of what an undeploy event had stopped: the
  // first full listing says what is wanted.
  seen.acked_before.merge(std::exchange(seen.acked, {}));
  seen.failed.clear();
  seen.handled = {};
  seen.consented.reset();
  seen.identity_lost = true;
  seen.stops.clear();
  seen.stopped.clear();
}

/// Of an artifact.
std::string World::wanted_deployment(const Key& key) const {
  const auto wanted = desire_.find(key);
  return wanted == desire_.end() ? "" : wanted->second.substr(0, wanted->second.find('@'));
}

/// What it refers to may be served and not offered: a gateway that refuses a version can refuse to let go another.
bool World::has_what_it_refers_to(const Instance& instance, const Key& key) const {
  const auto references = owner(key.second).references_of(wanted_deployment(key));
  return std::all_of(references.begin(), references.end(), [&](const Key& other) {
    return desire_.contains(other) && is_as_wanted(instance, other, desire_.at(other)) &&
           !was_refused(instance, other, desire_.at(other));
  });
}

/// What is wanted of it refers to something that the gateway does not have. What is in service is not withdrawn because
/// of that, but an empty store does not know what is.
bool World::waits_for_others(const Instance& instance, const Key& key) const {
  const auto& served = instance.gateway_.served;
  const auto lacks_some = [&](const std::string& deployment) {
    const auto references = owner(key.second).references_of(deployment);
    return std::any_of(references.begin(), references.end(),
                       [&served](const Key& one) { return !served.contains(one); });
  };
  if (lacks_some(wanted_deployment(key))) return true;
  if (!instance.seen.store_lost || !wishes_.contains(key)) return false;
  // What the empty store was told is wanted may have been taken back since, with a backup.
  const Wishes& wishes = wishes_.at(key);
  for (auto wish = wishes.rbegin(); wish != wishes.rend(); ++wish) {
    if (lacks_some(wish->version.substr(0, wish->version.find('@')))) return true;
    if (wish->when <= instance.seen.store_lost->when) break;
  }
  return false;
}

/// Whether something may go although nobody asked for that, because what was stored of it was lost.
bool World::may_go_with_loss(const Instance& instance, const Key& key, const std::string& version) const {
  const auto& seen = instance.seen;
  // Known limit: one that is being given everything in parts says less than it has, and does not look as if it were
  // ahead of a store that has become older.
  if (seen.said_less && seen.store_is_older) return true;
  // What events alone had said is not given again.
  if (seen.has_lost && is_excepted(instance, key)) return true;
  // … or came again while the push was out.
  const auto heard = seen.last_heard.find(key);
  const bool came_again = heard != seen.last_heard.end() && heard->second > seen.body_sent;
  if (seen.has_lost && came_again && is_known_only_by_events(key)) return true;
  // What was answered so often without its value is not waited for, also where that is the control plane's trouble.
  const auto without = seen.without_value.find(key.second);
  const bool does_not_come = without != seen.without_value.end() && without->second >= kAnsweredWithout;
  if (seen.has_lost && key.first == "Secret" && does_not_come) return true;
  // Known limit: of a document that is in service and not what is wanted only the store has the text.
  const bool is_outdated = is_artifact(key.first) && !version.starts_with(wanted_deployment(key) + "@");
  if (seen.has_lost && is_outdated && waits_for_others(instance, key)) return true;
  // An identity that comes back is new to the store, also where its gateway missed the one between.
  if (seen.served_anew && is_artifact(key.first) && waits_for_others(instance, key)) return true;
  if (!seen.store_lost) return false;
  // Nothing stored contradicts a first listing, whatever it lacks. How much may go so is looked at by itself.
  if (seen.last_lie >= seen.store_lost->when) return true;
  // Nor does a row that could not be read say anything.
  const auto listed = seen.listed.find(listing_of(key));
  if (listed != seen.listed.end() && !listed->second.is_known) return true;
  if (is_artifact(key.first)) return waits_for_others(instance, key);
  // A list that says 401 again and again is taken for one that is not there.
  return listed == seen.listed.end() || !listed->second.is_shown ||
         listed->second.unauthorized >= sync::Planner::kSurelyUnknownPath;
}

/// It was stopped a moment before this body was sent, and is wanted again, of which nobody had heard then.
bool World::was_just_stopped(const Instance& instance, const Key& key, TimePoint sent) const {
  const auto& wishes = wishes_.at(key);
  const bool was_stopped = std::any_of(wishes.begin(), wishes.end(), [sent](const Wish& wish) {
    return wish.version.empty() && wish.when <= sent && sent - wish.when < kCounted;
  });
  const std::string id = artifact_of(key);
  const Key artifact = id.empty() ? key : Key{ControlPlane::kind_of(id), id};
  const auto last = last_event_.find(artifact);
  if (!was_stopped || last == last_event_.end()) return false;
  const auto heard = instance.seen.last_heard.find(artifact);
  return !instance.seen.arrived.contains(last->second) ||
         (heard != instance.seen.last_heard.end() && heard->second > sent);
}

/// An empty store does not empty a gateway: the first that it gives it is most of what it has, or an operator agreed.
void World::look_at_replacement(Instance& instance, const Gateway::Reaction& reaction, const Body& body) {
  auto& seen = instance.seen;
  if (!seen.store_lost || reaction.status != 200) return;
  if (Daemon::is_later_epoch(seen.store_lost->first_epoch, body.epoch)) return;
  seen.store_lost->is_over = true;
  const std::size_t had = reaction.had;
  std::set<Key> removed;
  std::size_t unknown = 0;  // known limits: to an older store
  for (const Served& change : reaction.changes) {
    if (!change.after.empty()) continue;
    removed.insert(change.key);
    // What no list shows is not told again, and what it has in quarantine is tried with the next body, also where the
    // gateway has taken it since.
    const std::string id = artifact_of(change.key);
    const Key artifact = id.empty() ? change.key : Key{ControlPlane::kind_of(id), id};
    const auto refused = seen.ever_refused.find(artifact);
    const auto wanted = desire_.find(artifact);
    const bool was_refused =
        wanted != desire_.end() && refused != seen.ever_refused.end() && refused->second.contains(wanted->second);
    const bool is_unlisted = !is_artifact(change.key.first) && !is_listed(instance, change.key);
    if (seen.store_is_older && (was_refused || is_unlisted)) ++unknown;
  }
  const auto stopped_since = std::count_if(wishes_.begin(), wishes_.end(), [&](const auto& one) {
    const Wish& last = one.second.back();
    if (last.version.empty()) return now_ - last.when < kCounted || removed.contains(one.first);
    return removed.contains(one.first) && was_just_stopped(instance, one.first, body.sent);
  });
  // Known limit: a listing that has something which an older store knows is believed, and what that store does not know
  // is in no brake's sum.
  if (seen.store_is_older && seen.last_lie >= seen.store_lost->when) return;
  // Known limit: what it took after it had been asked for its state.
  if (body.sent <= seen.taken_late) return;
  const std::size_t gets = body.lines.size() + static_cast<std::size_t>(stopped_since) + unknown;
  if (body.full && !seen.store_lost->released && gets * 100 < had * kLeastLeftPercent) {
    fail("emptied_by_lost_store",
         std::to_string(body.lines.size()) + " resources of a store that was lost replace " + std::to_string(had));
  }
}

}  // namespace tether::sim
