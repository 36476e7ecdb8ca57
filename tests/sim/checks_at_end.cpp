#include <algorithm>

#include "world.h"

/// What must hold after the faults have stopped.
namespace tether::sim {

/// Excepted: what no list shows and whose event was lost, or which a restored database has taken back: what an event
/// says of it then is older than what was said before.
bool World::is_excepted(const Instance& instance, const Key& key) const {
  if (is_misled(instance, key, now_)) return true;
  if (!is_known_only_by_events(key)) return false;
  // One that had no room is told again, behind a later one.
  if (taken_back_.contains(key) || instance.seen.dropped.contains(key)) return true;
  const auto arrived = [&instance](const std::string& id) { return instance.seen.arrived.contains(id); };
  const auto last = last_event_.find(key);
  if (last == last_event_.end() || !arrived(last->second)) return true;
  // A list that showed nothing of it had the last word, and there is none any more.
  const auto wishes = wishes_.find(key);
  const TimePoint wished = wishes == wishes_.end() ? TimePoint() : wishes->second.back().when;
  if (key.first == "Subscription" && instance.seen.last_lie >= wished) return true;
  // Only its creation says a key's uuid: without it an update is about nothing that is known.
  const auto created = created_.find(key);
  return key.first == "ApiKey" &&
         (created == created_.end() || std::none_of(created->second.begin(), created->second.end(), arrived));
}

/// It was told the value of a secret that was taken back, and no other had been given to it until then.
bool World::is_misled(const Instance& instance, const Key& key, TimePoint when) const {
  const auto misled = instance.seen.misled.find(key.second);
  const auto wishes = wishes_.find(key);
  if (key.first != "Secret" || misled == instance.seen.misled.end() || wishes == wishes_.end()) return false;
  const std::string wanted = wanted_at(key, misled->second);
  return std::none_of(wishes->second.begin(), wishes->second.end(), [&](const Wish& wish) {
    return wish.when > misled->second && wish.when <= when && !wish.version.empty() && wish.version != wanted;
  });
}

/// Served as the control plane wants it.
bool World::is_as_wanted(const Instance& instance, const Key& key, const std::string& version) const {
  const auto served = instance.gateway_.served.find(key);
  return served != instance.gateway_.served.end() && served->second == version;
}

bool World::was_refused(const Instance& instance, const Key& key, const std::string& version) const {
  const auto refused = instance.seen.refused.find(key);
  return refused != instance.seen.refused.end() && refused->second.contains(version);
}

/// What belongs to artifacts, and plans and secrets, are there too. Lists that there is one of for each artifact are
/// spread over an interval: those two come later.
void World::check_others(Instance& instance, bool spread) {
  const auto& peer = *control_planes_[0];
  for (const auto& [key, version] : desire_) {
    const bool is_spread = key.first == "Subscription" || key.first == "HmacSecret";
    if (is_artifact(key.first) || key.first == "Application" || is_spread != spread) continue;
    if (ControlPlane::owner_of(key.second) != 0 || is_excepted(instance, key)) continue;
    if (is_as_wanted(instance, key, version) || was_refused(instance, key, version)) continue;
    if (key.first == "ApiKey" || is_spread) {
      const std::string id = version.substr(0, version.find(' '));
      const Key artifact{ControlPlane::kind_of(id), id};
      const auto wanted = desire_.find(artifact);
      if (wanted == desire_.end() || !is_as_wanted(instance, artifact, wanted->second)) continue;
      if (was_refused(instance, artifact, wanted->second) || !peer.has_providers(id)) continue;
    }
    // A subscription waits for its plan.
    const bool waits =
        std::any_of(desire_.begin(), desire_.end(), [&, &key = key, &version = version](const auto& other) {
          return key.first == "Subscription" && other.first.first == "SubscriptionPlan" &&
                 version.find(" " + other.first.second + " ") != std::string::npos &&
                 !is_as_wanted(instance, other.first, other.second);
        });
    if (waits) continue;
    const auto served = instance.gateway_.served.find(key);
    fail("changes_after_healing", key.first + " " + key.second + " is '" +
                                      (served == instance.gateway_.served.end() ? "nothing" : served->second) +
                                      "' where '" + version + "' is wanted");
  }
}

/// What is deployed or changed is there within one poll interval, but for what the gateway refused: that waits, and so
/// does what needs the value of a secret that it refused.
void World::check_changes(Instance& instance) {
  // A gateway that is ahead of its store waits while a brake holds, and so does one whose content cannot all be read.
  const bool may_wait = instance.seen.store_is_older || instance.seen.has_lost;
  if (may_wait && instance.daemon_.held_count() > 0) return;
  const auto& peer = *control_planes_[0];
  for (const auto& [key, version] : desire_) {
    if (!is_artifact(key.first) || ControlPlane::owner_of(key.second) != 0 || !peer.has_providers(key.second)) continue;
    if (is_as_wanted(instance, key, version)) continue;
    if (taken_back_.contains(key)) continue;  // a full listing says so, and only when it is said twice
    if (was_refused(instance, key, version)) continue;
    const auto secrets = peer.secrets_of(version.substr(0, version.find('@')));
    const bool lacks_secret = std::any_of(secrets.begin(), secrets.end(), [&](const std::string& handle) {
      return was_refused(instance, {"Secret", handle}, desire_.at({"Secret", handle}));
    });
    if (lacks_secret) continue;
    const auto references = peer.references_of(wanted_deployment(key));
    // What was refused when it came again is not in service, though the gateway keeps it.
    const bool waits = std::any_of(references.begin(), references.end(), [&](const Key& other) {
      return !desire_.contains(other) || !is_as_wanted(instance, other, desire_.at(other)) ||
             was_refused(instance, other, desire_.at(other));
    });
    if (waits) continue;
    const auto served = instance.gateway_.served.find(key);
    fail("changes_after_healing", key.second + " is " +
                                      (served == instance.gateway_.served.end() ? "nothing" : served->second) +
                                      " where " + version + " is wanted");
  }
  check_others(instance, /*spread=*/false);
}

/// What was undeployed or deleted is gone when it has been missed twice in full listings, but for what is held and no
/// operator has agreed to.
void World::check_removals(Instance& instance) {
  if (!releases_ && instance.daemon_.held_count() > 0) return;
  check_others(instance, /*spread=*/true);
  for (const auto& [key, version] : instance.gateway_.served) {
    if (desire_.contains(key) || key.first == "Secret" || key.first == "Application") continue;
    if (is_excepted(instance, key)) continue;
    fail("removals_after_healing", key.first + " " + key.second + " is still served as " + version);
  }
}

/// For people to read.
std::string World::what_is_left(Instance& instance) {
  std::string left;
  const auto add = [&left](bool is_left, std::string_view name) {
    if (is_left) left.append(left.empty() ? ": " : ", ").append(name);
  };
  instance.daemon_.look([&add](sync::Records& records) {
    const sync::OpenWork open = records.open_work();
    add(open.documents, "documents");
    add(open.proposals, "proposals");
    add(open.questions, "questions");
    add(open.holds, "holds");
    add(open.waiting, "what it waits for");
    add(open.refused, "quarantine");
    add(open.removals, "removals");
    add(open.doubts, "doubts");
    add(open.lost, "what cannot be read");
  });
  if (const auto stored = instance.daemon_.overview()) {
    for (const auto& one : stored->waiting) left += " (" + one.kind + " " + one.id + ")";
  }
  const auto& memory = instance.daemon_.engine().memory();
  add(!memory.hints.empty(), "hints");
  add(!memory.unreadable.empty(), "unreadable rows");
  add(!memory.planner.owes_nothing(), "listings");
  add(!memory.listed, "a full listing");
  return left;
}

/// An application waits for a key that is known, and goes with the last of its keys: also where a backup has that
/// again.
bool World::has_kept_a_key(const Instance& instance, const Key& application, const std::string& version) const {
  constexpr std::string_view kKey = "uuid-";
  std::vector<Key> keys;
  for (auto at = version.find(kKey); at != std::string::npos; at = version.find(kKey, at + 1)) {
    keys.push_back({"ApiKey", version.substr(at, version.find(' ', at) - at)});
  }
  const auto is_served = [&instance](const Key& key) { return instance.gateway_.served.contains(key); };
  if (std::none_of(keys.begin(), keys.end(), is_served)) return false;
  const TimePoint since = wishes_.at(application).back().when;
  return std::none_of(keys.begin(), keys.end(), [&](const Key& changed) {
    const auto wishes = wishes_.find(changed);
    if (wishes == wishes_.end()) return true;
    return std::any_of(wishes->second.begin(), wishes->second.end(), [&](const Wish& wish) {
      const auto was_gone = [&](const Key& key) { return wanted_at(key, wish.when).empty(); };
      return wish.when >= since && std::all_of(keys.begin(), keys.end(), was_gone);
    });
  });
}

void World::check_agreement(Instance& instance) {
  const auto& peer = *control_planes_[0];
  for (const auto& [key, version] : desire_) {
    if (ControlPlane::owner_of(key.second) != 0 || is_excepted(instance, key)) continue;
    if (key.first == "Application" && !has_kept_a_key(instance, key, version)) continue;
    if (is_artifact(key.first) && !peer.has_providers(key.second)) continue;
    if (is_as_wanted(instance, key, version)) continue;
    const auto served = instance.gateway_.served.find(key);
    fail("content_in_the_end", key.first + " " + key.second + " is '" +
                                   (served == instance.gateway_.served.end() ? "nothing" : served->second) +
                                   "' where '" + version + "' is wanted");
  }
  for (const auto& [key, values] : instance.gateway_.resolved) {
    for (const auto& [handle, version] : values) {
      const auto secret = instance.gateway_.served.find({"Secret", handle});
      if (secret == instance.gateway_.served.end() || secret->second == version) continue;
      fail("secrets_in_use",
           key.second + " is in service with '" + version + "' for " + handle + ", which is '" + secret->second + "'");
    }
  }
  for (const auto& [key, version] : instance.gateway_.served) {
    if (ControlPlane::owner_of(key.second) != 0) {
      fail("content_in_the_end", key.first + " " + key.second + " is served, which is another control plane's");
    }
    if (desire_.contains(key) || key.first == "Secret" || is_excepted(instance, key)) continue;
    fail("content_in_the_end", key.first + " " + key.second + " is served as '" + version + "', and not wanted");
  }
  if (const auto held = instance.daemon_.held_count(); held > 0) {
    fail("held_in_the_end", std::to_string(held) + " removals that an operator has agreed to are held");
  }
  if (!instance.daemon_.is_in_sync())
    fail("in_sync_in_the_end", "does not say that it is in sync" + what_is_left(instance));
  for (const auto& [id, row] : peer.rows()) {
    const std::string what = id + (row.deployed ? " deploy " : " undeploy ") + row.at_text;
    if (instance.seen.acked.contains(what) || instance.seen.acked_before.contains(what)) continue;
    if (row.deployed && !peer.has_providers(id)) continue;
    fail("acknowledged_in_the_end", what + " is not acknowledged");
  }
}

}  // namespace tether::sim
