#include <algorithm>

#include "world.h"

/// What a daemon says of itself and what it takes, seen from outside.
namespace tether::sim {
namespace {

/// A gateway that has lost what it had is found when it is asked the next time.
constexpr Duration kUnnoticed = 15s;

/// A `Date` has whole seconds, and so has an event.
constexpr Duration kOwnSecond = 2s;
constexpr Duration kNoDate = 1min;

// Named bounds, whatever the world does.
constexpr std::size_t kMaxUnderWay = 9;  ///< Requests at once.
/// What is remembered of lists, for each thing that there is, and some of what has just gone.
constexpr std::size_t kEntriesOfOne = 4;
constexpr std::size_t kSomeMore = 100;
/// Inputs that wait while nothing can be stored: what one full listing and some minutes of events bring.
constexpr std::size_t kMaxWaiting = 2'000;
/// An empty database has at most so many bytes, and with each row there are at most so many more.
constexpr std::size_t kBytesAtRest = std::size_t{512} * 1024;
constexpr std::size_t kBytesOfRow = std::size_t{4} * 1024;
/// Of everything that is there or was a short while ago: rows of all tables together, beside epochs and the like.
constexpr std::size_t kRowsOfOne = 8;
constexpr std::size_t kRowsBeside = 300;
/// Events are remembered for an hour: the busiest one of 10,000 worlds had some 1,100.
constexpr std::size_t kMostRemembered = 3'000;
/// How often anything may be asked in an hour, by kind of request: the most that 16 worlds of a day had was 123.
constexpr std::size_t kMostAnHour = 1'000;
/// What a gateway has is compared with what a new one would get when it has got so much of a process, and then at
/// times.
constexpr int kComparedAtFirst = 3;
constexpr int kComparedEvery = 3;
/// What was there counts so long: tombstones, and what an event said of it.
constexpr Duration kForgotten = 2h;

}  // namespace

/// Of what belongs to an artifact; empty: it belongs to none.
std::string World::artifact_of(const Key& key) const {
  if (key.first != "ApiKey" && key.first != "Subscription" && key.first != "HmacSecret") return "";
  const auto existed = existed_.find(key);
  if (existed == existed_.end() || existed->second.empty()) return "";
  return existed->second.begin()->substr(0, existed->second.begin()->find(' '));
}

/// The scope of the list that shows it.
std::string World::listing_of(const Key& key) const {
  if (key.first == "SubscriptionPlan") return "plans";
  if (key.first == "Secret") return "secrets";
  const std::string artifact = artifact_of(key);
  if (key.first == "HmacSecret") return "hmac/" + artifact;
  return key.first == "ApiKey" ? "keys/" + ControlPlane::kind_of(artifact) : "subscriptions/" + artifact;
}

std::string World::wanted_at(const Key& key, TimePoint then) const {
  std::string version;
  const auto wishes = wishes_.find(key);
  if (wishes == wishes_.end()) return version;
  for (const Wish& wish : wishes->second) {
    if (wish.when <= then) version = wish.version;
  }
  return version;
}

/// Once at least, even if it is deployed again: what belongs to it was not wanted meanwhile, whatever events said of
/// it.
bool World::is_stopped_after(const Key& artifact, TimePoint then) const {
  const auto& wishes = wishes_.at(artifact);
  return std::any_of(wishes.begin(), wishes.end(),
                     [then](const Wish& wish) { return wish.when > then && wish.version.empty(); });
}

/// Of what is no artifact, as far as a list shows it: it is served as it was wanted when that was listed last, or
/// later.
void World::look_at_standing_of(Instance& instance, const Key& key, const Wishes& wishes) {
  if (&owner(key.second) != instance.peer_ || key.first == "Application") return;
  const auto served = instance.gateway_.served.find(key);
  const std::string version = served == instance.gateway_.served.end() ? "" : served->second;
  if (wishes.back().version == version || is_known_only_by_events(key)) return;
  if (taken_back_.contains(key) && key.first != "Secret") return;  // the hash of a secret says all
  // An update that names another key of the same name is taken for it, until that one is listed.
  const auto existed = existed_.find(key);
  const bool was_its_own = existed != existed_.end() && existed->second.contains(version);
  if (!was_its_own && is_of_namesake(key, version)) return;
  // What belongs to something that is not in service, or is and should not be, goes with it, which is looked at by
  // itself.
  const std::string name = artifact_of(key);
  const Key artifact{ControlPlane::kind_of(name), name};
  if (!name.empty() && !instance.gateway_.served.contains(artifact)) return;
  const auto& seen = instance.seen;
  const auto found = seen.listed.find(listing_of(key));
  const auto listed = found == seen.listed.end() ? Instance::Seen::Listed{} : found->second;
  // Not shown: events alone tell. Nor is it where it is said so often that there is no such path.
  if (!listed.is_shown || listed.unauthorized >= sync::Planner::kUnknownPath || !listed.is_known) return;
  if (!listed.true_at) {
    return fail("in_sync_too_early", key.first + " " + key.second + ": its list has not been answered");
  }
  const TimePoint then = *listed.true_at;
  if (!name.empty() && (wanted_at(artifact, then).empty() || is_stopped_after(artifact, then))) return;
  if (is_misled(instance, key, then)) return;
  const auto& peer = owner(key.second);
  if (seen.last_lie >= then - kBetweenLies || now_ - peer.last_taken_back() < kTakenBack) return;
  // A created event that comes late is believed if it is of the list's own second, or the list has no `Date`.
  const bool may_be_late = key.first == "ApiKey" && !version.empty();
  const TimePoint since = may_be_late ? then - (listed.is_dated ? kOwnSecond : kNoDate) : then;
  const bool wanted_since = std::any_of(wishes.begin(), wishes.end(),
                                        [&](const Wish& wish) { return wish.when > since && wish.version == version; });
  if (wanted_since || wanted_at(key, since) == version) return;
  const std::string at_list = wanted_at(key, then);
  // A secret goes when nothing that is offered or was good names it.
  if (version == at_list || (key.first == "Secret" && at_list.empty())) return;
  fail("in_sync_too_early", key.first + " " + key.second + " is served as '" + version + "' where '" + at_list +
                                "' was wanted when it was listed");
}

/// Nor is it said where a row of what a list said last could not be read: nobody knows what it says.
void World::look_at_what_is_read(const Instance& instance) {
  if (!instance.daemon_.is_storing() || instance.daemon_.waiting() > 0) return;
  for (const char* scope : {"deployments", "plans", "secrets"}) {
    const auto listed = instance.seen.listed.find(scope);
    if (listed == instance.seen.listed.end() || listed->second.unreadable == 0) continue;
    fail("in_sync_too_early", "a row of " + std::string(scope) + " could not be read when it was last listed");
  }
}

/// "In sync" is never said before it is true: each artifact is served as the control plane wanted it at the moment of
/// the proof, or at a later one.
void World::look_at_standing(Instance& instance) {
  auto& seen = instance.seen;
  if (!instance.running_ || !instance.daemon_.is_in_sync()) return;
  look_at_what_is_read(instance);
  const auto proven = instance.daemon_.engine().standing().proven;
  if (!proven || (seen.looked_at == *proven && !seen.changed)) return;
  if (seen.last_lie >= *proven - kBetweenLies || now_ - seen.last_loss < kUnnoticed) return;
  seen.looked_at = *proven;
  seen.changed = false;
  for (const auto& [key, wishes] : wishes_) {
    if (!is_artifact(key.first)) {
      look_at_standing_of(instance, key, wishes);
      continue;
    }
    const auto served = instance.gateway_.served.find(key);
    const std::string version = served == instance.gateway_.served.end() ? "" : served->second;
    if (&owner(key.second) != instance.peer_) {
      if (!version.empty()) fail("in_sync_too_early", key.second + " is served, which is another control plane's");
      continue;
    }
    if (now_ - owner(key.second).last_crosswise(key.second) < kCrosswise) continue;
    bool fits = false;
    std::string at_proof;
    for (const Wish& wish : wishes) {
      if (wish.when <= *proven) {
        at_proof = wish.version;
      } else {
        fits |= wish.version == version;
      }
    }
    if (!fits && version != at_proof) {
      fail("in_sync_too_early", key.second + " is served as '" + version + "' where '" + at_proof + "' was wanted");
    }
  }
}

/// A gateway that is said to have all there is has what one would be given that has nothing.
void World::look_at_agreement(Instance& instance) {
  if (!instance.running_ || instance.daemon_.courier().condition() != delivery::GatewayCondition::InSync) return;
  auto& seen = instance.seen;
  if (seen.content_lost) return;  // what was lost stays with the gateway until it is here again
  const Gateway& gateway = instance.gateway_;
  const auto before = std::exchange(seen.agreed, {seen.started, gateway.instance, gateway.epoch, gateway.revision});
  if (before == seen.agreed) return;
  const bool is_first = std::get<0>(before) != seen.started || std::get<1>(before) != gateway.instance;
  seen.agreements = is_first ? 0 : seen.agreements + 1;
  // To compare costs as much as to push.
  if (seen.agreements >= kComparedAtFirst && seen.agreements % kComparedEvery != 0) return;
  const auto whole = instance.daemon_.whole();
  if (!whole || whole->epoch != gateway.epoch || whole->revision != gateway.revision) return;
  std::map<Key, std::string> lacking = gateway.served;
  for (const Line& line : whole->lines) {
    const auto served = gateway.served.find(line.key);
    const std::string has = served == gateway.served.end() ? "" : served->second;
    if (has != line.version) {
      fail("given_as_anew",
           line.key.second + " is served as '" + has + "', and a new gateway would get " + line.version);
    }
    lacking.erase(line.key);
  }
  for (const auto& [key, version] : lacking) {
    if (seen.kept.contains(key)) continue;
    fail("given_as_anew", key.second + " is served as " + version + ", and a new gateway would not get it");
  }
}

void World::look_at_bounds(Instance& instance) {
  if (!instance.running_) return;
  auto& seen = instance.seen;
  const auto& memory = instance.daemon_.engine().memory();
  const auto within = [this](std::string_view what, std::size_t count, std::size_t most) {
    if (count > most)
      fail("bounds", std::string(what) + ": " + std::to_string(count) + ", at most " + std::to_string(most));
  };
  within("requests under way", memory.requests.size(), kMaxUnderWay);
  within("early events", memory.early.size(), sync::kMaxEarlyEvents);
  within("documents held", memory.held_fetches.size(), sync::kMaxHeldFetches);
  within("hints", memory.hints.size(), sync::kMaxHints);
  within("artifacts that were weighed", memory.weighed.size(), existing_.size() + kSomeMore);
  within("secrets that wait for their second answer", memory.unconfirmed.size(), existing_.size() + kSomeMore);
  within("lists with unreadable rows", memory.unreadable.size(), sync::kMaxUnreadable);
  within("lists that are not shown", memory.unshown.size(), sync::kMaxUnreadable);
  within("entries of the planner", memory.planner.entries(), kEntriesOfOne * existing_.size() + kSomeMore);
  within("waiting inputs", instance.daemon_.waiting(), kMaxWaiting);
  if (now_ - seen.hour_began < 1h) return;
  for (const auto& [call, count] : seen.requests) {
    within("requests in an hour, of call " + std::to_string(static_cast<int>(call)), count, kMostAnHour);
  }
  seen.hour_began = now_;
  seen.requests.clear();
  if (!instance.daemon_.is_storing()) return;
  // What is there, in whatever state, or was a while ago.
  const auto ceased =
      std::count_if(ceased_.begin(), ceased_.end(), [this](const auto& one) { return now_ - one.second < kForgotten; });
  const std::size_t live = existing_.size() + static_cast<std::size_t>(ceased);
  const auto rows = instance.daemon_.count_rows();
  if (!rows) return;
  within("rows of the database", rows->others, live * kRowsOfOne + kRowsBeside);
  within("remembered events", rows->events, kMostRemembered);
  within("bytes of the database", instance.daemon_.database_bytes(),
         kBytesAtRest + (rows->others + rows->events) * kBytesOfRow);
}

}  // namespace tether::sim
