#include <algorithm>
#include <nlohmann/json.hpp>

#include "world.h"

/// What must hold at every step, seen from outside: by what the control plane wanted when, and by what the gateway
/// serves.
namespace tether::sim {
namespace {

/// So long what was refused waits at least, if nothing that it refers to changes.
constexpr Duration kSoonAgain = 50min;
/// Two listings that lack something are so far apart, with all that they wait for.
constexpr Duration kListedTwice = 12s;
/// How long ago it may be that what is there again was deleted, and an event still says so.
constexpr Duration kDeletedLately = 1h;
/// How long an identity is staged, mostly.
constexpr Duration kStaged = 2h;
/// How long a gateway may be slow or away before it is given what was concluded.
constexpr Duration kPushedWithin = 20min;
/// So few may be missing without a brake, unless they are all.
constexpr std::size_t kNeverHeld = 5;
/// What a listing lacks is confirmed by one that is asked so much later.
constexpr Duration kConfirms = 9500ms;

}  // namespace

void World::note_wishes(bool taken_back) {
  std::map<Key, std::string> desire;
  std::map<Key, std::string> existing;
  for (const auto& control_plane : control_planes_) {
    for (const auto& [key, version] : control_plane->take_passed()) {
      existed_[key].insert(version);
      wishes_[key].push_back({++wishes_noted_, now_, version});
      desire_[key] = version;
    }
    desire.merge(control_plane->desire());
    existing.merge(control_plane->existing());
  }
  // What changes without an event, also of what is not deployed, is not known by its last one.
  for (const auto& [key, version] : existing) {
    const auto before = existing_.find(key);
    if (before != existing_.end() && before->second == version) continue;
    existed_[key].insert(version);
    last_event_[key].clear();
    taken_back_.erase(key);
    if (!taken_back) continue;
    taken_back_.insert(key);
    created_.erase(key);
  }
  for (const auto& [key, version] : existing_) {
    if (existing.contains(key)) continue;
    ceased_[key] = now_;
    last_event_[key].clear();
    created_.erase(key);
  }
  existing_ = std::move(existing);
  const auto wish = [this](const Key& key, const std::string& version) {
    wishes_[key].push_back({++wishes_noted_, now_, version});
    last_event_[key].clear();
  };
  for (const auto& [key, version] : desire) {
    const auto before = desire_.find(key);
    if (before == desire_.end() || before->second != version) wish(key, version);
  }
  for (const auto& [key, version] : desire_) {
    if (!desire.contains(key)) wish(key, "");
  }
  desire_ = std::move(desire);
  std::array<std::size_t, 2> count{};
  for (const auto& [key, version] : desire_) ++count[ControlPlane::owner_of(key.second)];
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i].emplace_back(now_, count[i]);
  for (std::size_t i = 0; i < control_planes_.size(); ++i) {
    const auto& hub = control_planes_[i]->hub();
    for (; events_read_[i] < hub.size(); ++events_read_[i]) {
      const HubEvent& event = hub[events_read_[i]];
      last_event_[event.about] = event.id;
      if (event.type == "apikey.created") created_[event.about].insert(event.id);
      if (event.type == "apikey.revoked") {
        const auto payload = nlohmann::json::parse(event.text).at("payload");
        revoked_.insert(payload.at("apiId").get<std::string>() + " " + payload.at("keyName").get<std::string>() + " ");
      }
    }
  }
}

/// The last wish for this version.
const World::Wish* World::wish_of(const Key& key, const std::string& version) const {
  const auto found = wishes_.find(key);
  if (found == wishes_.end()) return nullptr;
  for (auto wish = found->second.rbegin(); wish != found->second.rend(); ++wish) {
    if (wish->version == version) return &*wish;
  }
  return nullptr;
}

/// No list shows them: what an event said and nobody heard is lost.
bool World::is_known_only_by_events(const Key& key) const {
  if (key.first == "Application") return true;
  const auto existed = existed_.find(key);
  if (existed == existed_.end() || existed->second.empty()) return false;
  const std::string artifact = existed->second.begin()->substr(0, existed->second.begin()->find(' '));
  if (key.first == "ApiKey") return ControlPlane::kind_of(artifact) == "Mcp";
  if (key.first != "Subscription") return false;
  if (ControlPlane::kind_of(artifact) != "RestApi") return true;
  const auto row = owner(artifact).rows().find(artifact);
  return row == owner(artifact).rows().end() || row->second.failed;
}

bool World::begins_to_be_wanted(const Key& key, TimePoint when) const {
  const auto found = wishes_.find(key);
  if (found == wishes_.end()) return false;
  bool was_wanted = false;
  for (const Wish& wish : found->second) {
    if (wish.when == when && !was_wanted && !wish.version.empty()) return true;
    was_wanted = !wish.version.empty();
  }
  return false;
}

/// Whether somebody has asked, since this version was wanted first, that it be served no more; or wanted something that
/// the gateway refuses, after which an older one that is not known to be good may go.
bool World::may_go(const Instance& instance, const Key& key, const std::string& version) const {
  const auto found = wishes_.find(key);
  if (found == wishes_.end() || instance.seen.owed.contains(key)) return true;
  const auto refused = instance.seen.refused.find(key);
  // What is refused when it comes again (a secret of it was rotated) is not known to be good any more.
  if (refused != instance.seen.refused.end() && refused->second.contains(version)) return true;
  // Known limit: an instance that has not answered yet is not given what the one before refused, if it is given anew;
  // nor is what an older store has in quarantine, until the next body; nor what was taken while nothing could be
  // stored.
  const auto ever = instance.seen.ever_refused.find(key);
  const bool may_not_know = !instance.seen.was_heard || instance.seen.store_is_older || instance.seen.was_blind;
  // That can be what a restored database wants again, in place of this one.
  const auto may_wait = [&](const std::string& it) { return it == version || it == found->second.back().version; };
  if (may_not_know && ever != instance.seen.ever_refused.end() && std::ranges::any_of(ever->second, may_wait))
    return true;
  const auto good = instance.seen.good.find(key);
  bool since = false;
  for (const Wish& wish : found->second) {
    if (since && wish.version.empty()) return true;
    const bool is_refused = refused != instance.seen.refused.end() && refused->second.contains(wish.version);
    if (since && is_refused && (good == instance.seen.good.end() || good->second != version)) return true;
    since |= wish.version == version;
  }
  // Known limit: a stop that was stamped later than what commits behind it.
  if (is_artifact(key.first)) return now_ - owner(key.second).last_crosswise(key.second) < kCrosswise;
  // What belongs to something that is not deployed is changed by events like anything else, and is not wanted: where
  // nobody has heard yet that it is not deployed, that version is served. The list, which lacks it, takes it away.
  const bool never_wanted = std::none_of(found->second.begin(), found->second.end(),
                                         [&version](const Wish& wish) { return wish.version == version; });
  if (never_wanted && found->second.back().version.empty()) return true;
  // … also if it is deployed again meanwhile.
  const Key artifact{ControlPlane::kind_of(version.substr(0, version.find(' '))), version.substr(0, version.find(' '))};
  const Wish& last = found->second.back();
  const bool is_soon = last.version == version && instance.seen.body_sent < last.when + kListedTwice;
  if (is_soon && begins_to_be_wanted(artifact, last.when)) return true;
  // A revocation names a key by its artifact and name alone: one of an earlier key takes the later, until it is listed.
  if (key.first == "ApiKey") {
    const std::string name = version.substr(0, version.rfind(' ') + 1);
    // What a restored database has again may be named by a revocation that comes late.
    if (revoked_.contains(name) && owner(name).last_taken_back() != TimePoint()) return true;
    for (const auto& [other, wishes] : wishes_) {
      if (other == key || other.first != "ApiKey") continue;
      const bool same = std::any_of(wishes.begin(), wishes.end(),
                                    [&name](const Wish& wish) { return wish.version.starts_with(name); });
      if (same && wishes.back().version.empty()) return true;
    }
  }
  // What belongs to an artifact that may go goes before it; also where the same push brings another version of that.
  const auto of = instance.gateway_.served.find(artifact);
  const auto replaced = instance.seen.replaced.find(artifact);
  const bool goes_with_it = of != instance.gateway_.served.end() && may_go(instance, artifact, of->second);
  const bool went_with_it = replaced != instance.seen.replaced.end() &&
                            (replaced->second.empty() || may_go(instance, artifact, replaced->second));
  if (!artifact_of(key).empty() && (goes_with_it || went_with_it)) return true;
  // Each artifact has a list of its own. Where that of one lied twice, and those of the others tell the truth or are
  // not shown, it lacks too little to be held.
  const bool has_own_list = key.first == "HmacSecret" || key.first == "Subscription";
  // What an identity lost while it was staged, its first push shows.
  const bool lied = now_ - instance.seen.last_lie < (instance.seen.served_anew ? kStaged : kPushedWithin);
  const Lacking lacking = count_lacking(instance, key.first);
  const bool lied_twice = lied && has_lied_twice(instance, listing_of(key));
  if (has_own_list && lied_twice && lacking.missing <= kNeverHeld && lacking.missing < lacking.wanted) return true;
  // One that events say was deleted goes with one list that lacks it, also if it was made anew meanwhile.
  const auto ceased = ceased_.find(key);
  const bool was_deleted = ceased != ceased_.end() && now_ - ceased->second < kDeletedLately;
  const bool is_emptied = instance.has(Trouble::Emptied);
  if (key.first == "SubscriptionPlan" && lied && !is_emptied && was_deleted) return true;
  // Where there is no list, or it is not shown, what the events said last counts, in the order in which they come.
  if ((key.first == "Application" || key.first == "Subscription") && !is_listed(instance, key)) return true;
  // A secret goes with the last document that names it.
  if (key.first == "Secret") {
    return std::none_of(instance.gateway_.served.begin(), instance.gateway_.served.end(), [&](const auto& line) {
      if (!is_artifact(line.first.first)) return false;
      const std::string id = line.second.substr(0, line.second.find('@'));
      return owner(id).document_of(id).find('"' + key.second + '"') != std::string::npos;
    });
  }
  return false;
}

/// Of that list two answers were not the truth, so long after each other that the second confirms the first.
bool World::has_lied_twice(const Instance& instance, const std::string& scope) {
  const auto lies = instance.seen.lies.find(scope);
  return lies != instance.seen.lies.end() && lies->second.second - lies->second.first >= kConfirms;
}

/// A list that the control plane shows has it, as far as this instance was answered.
bool World::is_listed(const Instance& instance, const Key& key) const {
  const auto listed = instance.seen.listed.find(listing_of(key));
  return !is_known_only_by_events(key) && listed != instance.seen.listed.end() && listed->second.is_shown;
}

/// Of this kind, what is wanted and listed, and what of it is not served though its artifact is.
World::Lacking World::count_lacking(const Instance& instance, const std::string& kind) const {
  const auto& served = instance.gateway_.served;
  Lacking lacking;
  for (const auto& [key, version] : desire_) {
    if (key.first != kind || !is_listed(instance, key)) continue;
    const std::string id = version.substr(0, version.find(' '));
    ++lacking.wanted;
    if (!served.contains(key) && served.contains({ControlPlane::kind_of(id), id})) ++lacking.missing;
  }
  return lacking;
}

/// Known limit: what was taken and whose answer was lost is not known to be good, so what is fallen back to when the
/// gateway refuses what came after may be older than it.
bool World::may_go_back(const Instance& instance, const Key& key, const std::string& from,
                        const std::string& to) const {
  const auto& peer = owner(key.second);
  if (now_ - peer.last_crosswise(key.second) < kCrosswise) return true;
  // A gateway that has nothing is given at once what there is.
  if (from.empty() && instance.seen.store_is_older) return true;
  // Known limit: one that is being given everything in parts says less than it has, and does not look as if it were
  // ahead of a store that has become older.
  if (instance.seen.said_less && instance.seen.store_is_older) return true;
  // Known limit: what an older store has in quarantine is tried with the next body; so is what was taken while nothing
  // could be stored.
  const auto ever = instance.seen.ever_refused.find(key);
  const bool may_not_know = instance.seen.store_is_older || instance.seen.was_blind;
  if (may_not_know && ever != instance.seen.ever_refused.end() && ever->second.contains(from)) return true;
  // Known limit: of what is wanted and cannot be offered yet, an older store has an older version in service.
  if (instance.seen.store_is_older && waits_for_others(instance, key)) return true;
  // Only full listings tell, and what they say is older counts when it is said twice.
  const auto told = instance.seen.told_back.find(&peer);
  const TimePoint since = told == instance.seen.told_back.end() ? TimePoint() : told->second.twice;
  if (since < peer.last_taken_back() || now_ - since < kTakenBack) return true;
  // What it took back and then ended has been in no listing since; and what cannot be offered yet in its place leaves
  // it in service.
  const auto* before = wish_of(key, to);
  const bool was_taken_back = before != nullptr && peer.last_taken_back() > before->when;
  if (was_taken_back && (wishes_.at(key).back().version.empty() || waits_for_others(instance, key))) return true;
  const auto unanswered = instance.seen.unanswered.find(key);
  const auto refused = instance.seen.refused.find(key);
  // Nor does a store that has become older know what it was answered.
  const auto good = instance.seen.good.find(key);
  const bool was_answered = good != instance.seen.good.end() && good->second == from;
  const bool is_forgotten = instance.seen.has_lost && !was_answered;
  const bool is_unanswered = unanswered != instance.seen.unanswered.end() && unanswered->second.contains(from);
  if (refused == instance.seen.refused.end()) return false;
  const auto* target = wish_of(key, to);
  bool fell_back = false;
  for (const Wish& wish : wishes_.at(key)) {
    if (wish.version.empty() || wish.number <= target->number) continue;
    if (refused->second.contains(wish.version)) {
      fell_back = true;
    } else if (wish.version == from && !is_unanswered && !is_forgotten) {
      return false;
    }
  }
  return fell_back;
}

void World::look_at(Instance& instance, const Gateway::Reaction& reaction, const Body& body, bool answered) {
  auto& seen = instance.seen;
  seen.changed = seen.unsettled = true;
  seen.last_push = now_;
  seen.just_refused.clear();
  seen.said_less = reaction.said_less;
  if (!reaction.out_of_order.empty()) fail("order", reaction.out_of_order + " is out of order");
  seen.replaced.clear();
  for (const Served& change : reaction.changes) seen.replaced[change.key] = change.before;
  seen.was_heard = seen.answered_by == instance.gateway_.instance;
  std::set<Key> refused;
  const auto note_refused = [&seen](const Line& line) {
    seen.refused[line.key].insert(line.version);
    seen.ever_refused[line.key].insert(line.version);
  };
  for (const Line& line : reaction.refused) {
    instance.note("gateway refuses " + line.key.first + " " + line.key.second + " " +
                  (line.removes ? "-" : line.version));
    refused.insert(line.key);
    if (line.removes) {
      seen.kept.insert(line.key);
    } else {
      note_refused(line);
      if (answered) seen.just_refused[line.key] = line.version;
    }
  }
  if (reaction.status == 400) {
    for (const Line& line : body.lines) {
      if (control_plane_of(line).spoils_bodies(line.deployment_id)) note_refused(line);
    }
  }
  look_at_replacement(instance, reaction, body);
  if (answered && reaction.status == 200) look_at_new_gateway(instance);
  for (const Served& change : reaction.changes) {
    const bool is_referred_to = change.key.first == "Secret" || change.key.first == "LlmProvider";
    // One that was refused before is taken by the clock, and so is what refers to it.
    if (!answered || !is_referred_to || change.after.empty() || seen.ever_refused[change.key].contains(change.after)) {
      continue;
    }
    look_at_changed(instance, change.key, body.sent);
  }
  auto identity = seen.identity;
  for (const Line& line : body.lines) {
    identity = ControlPlane::owner_of(line.key.second);
    if (!line.removes) seen.to_come.erase(line.key);
    const auto good = seen.good.find(line.key);
    const bool ends =
        line.removes || (good != seen.good.end() && refused.contains(line.key) && line.version == good->second);
    if (good != seen.good.end() && ends) seen.good.erase(good);
    // Of a body that is refused whole nothing is taken.
    if (answered && reaction.status == 200 && !line.removes && !refused.contains(line.key)) {
      seen.good[line.key] = line.version;
    }
    if (line.removes || !is_artifact(line.key.first)) continue;
    if (line.document != control_plane_of(line).document_of(line.deployment_id)) {
      fail("documents_are_theirs", line.key.second + " " + line.version + " comes with another document");
    }
  }
  // Known limit: what a gateway takes that was asked for its state before may go with an empty PUT, until the parts
  // come, or with one that lacks what was lost with the key.
  const bool is_empty = body.full && (body.lines.empty() || seen.has_lost);
  // Or an operator has said that an empty store is to be believed: it may have found another, empty control plane.
  const bool is_agreed = seen.store_lost && seen.store_lost->released;
  const bool empties = is_empty && (body.sent <= seen.taken_late || is_agreed);
  seen.body_sent = body.sent;
  for (const Served& change : reaction.changes) {
    if (change.after.empty() && empties) continue;
    if (change.after.empty() && refused.contains(change.key)) {
      instance.note("gateway: " + change.key.second + " is refused and gone");
      continue;
    }
    // With another identity all of the one before goes (look_at_identity).
    const bool goes_with_its_identity = change.after.empty() && ControlPlane::owner_of(change.key.second) != identity;
    if (!goes_with_its_identity) look_at_change(instance, change);
    if (change.after.empty()) continue;
    // What could not be stored was not answered.
    if (answered && seen.last_disk_fault < now_) {
      seen.unanswered[change.key].erase(change.after);
    } else {
      seen.unanswered[change.key].insert(change.after);
    }
  }
  for (const Line& line : reaction.refused) {
    const auto served = instance.gateway_.served.find(line.key);
    if (!line.removes || served == instance.gateway_.served.end()) continue;
    const std::string id = artifact_of(line.key);
    const bool is_left = !id.empty() && !instance.gateway_.served.contains({ControlPlane::kind_of(id), id});
    if (is_left || may_go(instance, line.key, served->second)) seen.owed.insert(line.key);
  }
  if (seen.store_lost && seen.store_lost->is_over) seen.store_lost.reset();
  if (reaction.status == 200) seen.served_anew = false;
  std::array<bool, 2> has{};
  for (const auto& [key, version] : instance.gateway_.served) has[ControlPlane::owner_of(key.second)] = true;
  if (has[0] && has[1]) fail("one_identity", "the gateway has a mix of two control planes' configurations");
  // What events alone had said of the one before is gone with it.
  if (has[0] != has[1]) instance.forget_events_of(has[0] ? 1 : 0);
}

/// What was refused does not come again at once, with nothing that could have changed the gateway's mind.
void World::look_at_repetition(const Instance& instance, const Body& body) {
  if (body.full || body.lines.empty()) return;
  const auto& refused = instance.seen.just_refused;
  const bool is_the_same = std::all_of(body.lines.begin(), body.lines.end(), [&refused](const Line& line) {
    const auto found = refused.find(line.key);
    return is_artifact(line.key.first) && !line.removes && found != refused.end() && found->second == line.version;
  });
  // When it may come again is stored, and goes by the wall clock.
  const TimePoint last_push = instance.seen.last_push;
  if (!is_the_same || now_ - last_push > kSoonAgain || last_jump_ >= last_push) return;
  // An answer that could not be stored is not known later; a push that goes while nothing can be stored names a
  // revision before that of what it holds, which goes again.
  if (instance.seen.last_disk_fault >= last_push || instance.seen.pushed_blind) return;
  // A secret that was refused with it falls back to the value before, which it may be taken with. Where that is lost,
  // no line says so.
  const bool is_secret_refused =
      std::any_of(refused.begin(), refused.end(), [](const auto& one) { return one.first.first == "Secret"; });
  if (instance.seen.content_lost && is_secret_refused) return;
  const Line& line = body.lines.front();
  fail("refused_and_repeated", line.key.second + " " + line.version + " was refused, and comes again at once");
}

/// An update names a key by its artifact and name alone: that of a later key is taken by an earlier one until it is
/// known that there is another.
bool World::is_of_namesake(const Key& key, const std::string& version) const {
  if (key.first != "ApiKey") return false;
  return std::any_of(existed_.begin(), existed_.end(), [&](const auto& other) {
    return other.first.first == "ApiKey" && other.second.contains(version);
  });
}

void World::look_at_change(Instance& instance, const Served& change) {
  const auto& [key, before, after] = change;
  const std::string name = key.first + " " + key.second;
  instance.note("gateway: " + name + " " + (before.empty() ? "-" : before) + " -> " + (after.empty() ? "-" : after));
  if (after.empty()) {
    // What belongs to an artifact goes with it.
    if (!artifact_of(key).empty()) {
      const std::string id = before.substr(0, before.find(' '));
      const Key artifact{ControlPlane::kind_of(id), id};
      if (!instance.gateway_.served.contains(artifact) || instance.seen.kept.contains(artifact)) return;
    }
    const auto heard = instance.seen.last_heard.find(key);
    const bool was_told = heard != instance.seen.last_heard.end() && heard->second >= instance.seen.moved;
    const auto refused = instance.seen.ever_refused.find(key);
    const bool was_quarantined = refused != instance.seen.ever_refused.end() && refused->second.contains(before);
    // A replica that lags may have shown at the new address what was before.
    const bool has_lied = instance.seen.last_lie >= instance.seen.moved;
    const bool may_be_held = now_ - instance.seen.moved < release_after_ && !was_quarantined && !has_lied;
    if (may_be_held && instance.seen.left_behind.contains(key) && !existing_.contains(key) && !was_told) {
      fail("left_behind", name + " " + before + " is not known where the control plane is now, and is gone");
    }
    if (!may_go(instance, key, before) && !may_go_with_loss(instance, key, before))
      fail("removed_unasked", name + " " + before + ", and nobody had asked for that");
    return note_stopped(instance, key, before);
  }
  const auto existed = existed_.find(key);
  const bool did_exist = existed != existed_.end() && existed->second.contains(after);
  if (!did_exist && !is_of_namesake(key, after)) {
    return fail("never_deployed", name + " is served as " + after);
  }
  instance.seen.ever_served[key].insert(after);
  instance.seen.kept.erase(key);
  instance.seen.owed.erase(key);
  // What is taken after all is refused no more.
  if (const auto refused = instance.seen.refused.find(key); refused != instance.seen.refused.end()) {
    refused->second.erase(after);
  }
  if (before.empty()) look_at_ended(instance, key, after);
  if (before.empty()) look_at_revoked(instance, key, after);
  if (key.first == "ApiKey") instance.seen.keys.insert(key);
  if (!is_artifact(key.first)) return;
  look_at_history(instance, key, after);
  look_at_stopped(instance, key, after);
  auto& newest = instance.seen.newest_served[key];
  const auto* wish = wish_of(key, after);
  if (wish->number < newest && !may_go_back(instance, key, before, after)) {
    fail("went_back", name + " went back from " + before + " to " + after);
  }
  newest = wish->number;  // what was excused stays so
}

void World::take_ack(Instance& instance, ControlPlane& peer, const std::string& frame) {
  const auto payload = nlohmann::json::parse(frame).at("payload");
  const Ack ack{payload.at("artifactId"), payload.at("deploymentId"), payload.at("action"),
                payload.at("status") == "success", payload.at("performedAt")};
  const Key key{ControlPlane::kind_of(ack.artifact_id), ack.artifact_id};
  look_at_ack_of_identity(instance, peer, ack);
  const std::string version = ack.deployment_id + "@" + std::to_string(parse_rfc3339(ack.performed_at)->ms());
  const std::string what = ack.artifact_id + " " + ack.action + " " + ack.performed_at;
  auto& seen = instance.seen;
  if (ack.success) {
    if (ack.action == "deploy" && !seen.ever_served[key].contains(version)) {
      fail("false_success", what + ", which the gateway never had");
    }
    // It may be read late: what has been stopped once more since is another word.
    const auto row = peer.rows().find(ack.artifact_id);
    const bool stopped =
        desire_.find(key) == desire_.end() && (row == peer.rows().end() || row->second.at_text == ack.performed_at);
    // What was deployed since, and stopped or deleted while this was on its way, is another as well.
    const auto served = instance.gateway_.served.find(key);
    const bool has_it =
        served != instance.gateway_.served.end() &&
        std::stoll(served->second.substr(served->second.find('@') + 1)) <= parse_rfc3339(ack.performed_at)->ms();
    if (ack.action == "undeploy" && stopped && has_it) {
      fail("false_success", what + ", which the gateway still has");
    }
    seen.acked[what] = now_;
  } else {
    if (!instance.reports_failures()) fail("false_failure", what + ", which is not to be reported");
    if (!seen.ever_refused[key].contains(version)) fail("false_failure", what + ", which the gateway did not refuse");
    // What a control plane took back may be wanted again, and refused.
    const auto acked = seen.acked.find(what);
    if (acked != seen.acked.end() && peer.last_taken_back() < acked->second) fail("failed_after_success", what);
    // Taken again after a later one that was committed before it, or after listings that lacked it, it is refused once
    // more.
    const auto [first, is_new] = seen.failed.emplace(what, now_);
    const bool is_again = !is_new && first->second >= std::max(seen.last_lie, peer.last_taken_back());
    if (is_again && now_ - peer.last_crosswise(ack.artifact_id) >= kCrosswise) fail("failed_twice", what);
    first->second = now_;
  }
  peer.take_ack(ack, now_);
}

}  // namespace tether::sim
