#include <algorithm>
#include <nlohmann/json.hpp>

#include "world.h"

/// What must hold soon in fair weather, and what an instance that says it is settled must have done.
namespace tether::sim {
namespace {

/// Likewise, with a batch that is asked for again in halves, and with operations that committed crosswise.
constexpr Duration kNotMuchLater = 3min;
/// A document is here sooner, and what has to be listed twice is later.
constexpr Duration kBack = 8s;
/// … and after an answer was delayed.
constexpr Duration kMetBack = 20s;
/// After a refusal that repeats another the next push waits up to a minute; what one instance refused goes again by the
/// clock only after an hour.
constexpr Duration kOfferedAnew = 2min;
/// A document that did not come is asked for again after 5 min at the latest.
constexpr Duration kAskedAgain = 6min;
/// A `Date` has whole seconds, and an operation is there a moment after it began.
constexpr Duration kSurelyBefore = 5s;
/// So long after the first list that an event called for comes the second one.
constexpr Duration kListedOnceMore = 10s;
/// A `Date` has whole seconds, and a listing is made a moment before it is there.
constexpr Duration kHeardOf = 2s;

}  // namespace

void World::look_at_event(Instance& instance, const HubEvent& event) {
  instance.seen.handled.news.erase(event.id);  // it may not have been stored when it was heard before
  if (!instance.acked_) return;
  look_at_repeat(instance, event);
  // What is replayed is history: the listing decides, which may be behind what is said here.
  const bool is_replayed = event.written < instance.seen.linked[number_of(owner(event.about.second))] + kSurelyBefore;
  if (event.type.ends_with("deployed") && !is_replayed && is_news(instance, event)) {
    instance.seen.newest_news[event.about] = event.at;
  }
  if (event.type.ends_with(".undeployed")) {
    if (!is_replayed) look_at_stop(instance, event);
    return;
  }
  if (event.type == "apikey.updated" && !is_replayed) look_at_update(instance, event);
  if (event.about.first.starts_with("Subscription") && !is_replayed) look_at_hint(instance, event);
  if (event.type == "apikey.created") instance.seen.created[event.about] = now_;
  if (event.type == "apikey.revoked") {
    const auto payload = nlohmann::json::parse(event.text).at("payload");
    const std::string name = payload.at("apiId").get<std::string>() + " " + payload.at("keyName").get<std::string>();
    instance.seen.revoked[name] = {instance.connection_, event.written, now_};
  }
  if (event.type.ends_with(".deleted") && is_artifact(event.about.first) && !is_replayed) look_at_end(instance, event);
  if (!event.type.ends_with(".deployed")) return;
  auto& seen = instance.seen;
  if (!is_replayed && is_news(instance, event)) seen.handled.news.insert(event.id);
  const auto payload = nlohmann::json::parse(event.text).at("payload");
  const std::string deployment_id = payload.at("deploymentId");
  note_contradiction(instance, event, deployment_id);
  look_at_deployment(instance, event);
  const auto stop = seen.stops.find(event.about);
  if (stop != seen.stops.end() && event.at > stop->second.at) stop->second.doubted = 0;
  const bool is_new = seen.known_deployments.insert(deployment_id).second;
  const auto& told = seen.told_all;
  if (!is_new || told.connection != instance.connection_ || told.date <= event.at) return;
  const auto wishes = wishes_.find(event.about);
  if (wishes == wishes_.end()) return;
  // Wanted, and no longer when the listing was made.
  bool was_wanted = false;
  const std::string version = deployment_id + "@" + std::to_string(event.at.ms());
  for (const Wish& wish : wishes->second) {
    if (wish.version == version) {
      was_wanted = true;
    } else if (was_wanted && wish.when + kSurelyBefore < told.true_at) {
      seen.history[deployment_id] = now_;
      return;
    }
  }
}

void World::look_at_dropped(Instance& instance, const HubEvent& event) {
  instance.seen.dropped.insert(event.about);
  if (event.type.ends_with(".deployed")) look_at_deployment(instance, event);
}

/// A3: what was under way when the last listing was made, a delta has, however late it was there.
void World::look_at_delta(const Instance& instance, const sync::SendRequest& request) {
  if (request.call != sync::Call::Deployments) return;
  const Instant since = since_of(request.path);
  const auto listed = instance.seen.listed_to.find(instance.peer_);
  if (!since.is_set() || listed == instance.seen.listed_to.end()) return;
  // A3: what no delta shows, a full listing does, at every n-th poll.
  if (instance.seen.deltas >= full_list_every_) {
    fail("deltas_are_shortcuts", std::to_string(instance.seen.deltas) + " deltas in a row");
  }
  if (since + ControlPlane::kCommitsWithin > listed->second) {
    fail("deltas_reach_back", request.path + " asks for nothing that was under way when all was listed last");
  }
}

/// A4, A5: a document that did not come is asked for again, however often.
void World::look_at_lacking(Instance& instance, const sync::SendRequest& request, const Answer& answer) {
  for (const std::string& id : ids_in(request.body)) {
    const bool is_here = answer.status == 200 && answer.whole && answer.entries &&
                         std::any_of(answer.entries->begin(), answer.entries->end(),
                                     [&id](const auto& entry) { return entry.first.find(id) != std::string::npos; });
    if (is_here) continue;
    at(now_ + 2 * kAskedAgain, [this, one = &instance, id, failed = now_, mine = instance.connection_] {
      const auto asked = one->seen.fetched.find(id);
      if (asked == one->seen.fetched.end() || asked->second > failed) return;
      if (one->connection_ != mine || one->peer_ == nullptr || !one->is_fair(now_ - kAskedAgain)) return;
      if (one->seen.identity != number_of(*one->peer_)) return;
      if (one->daemon_.courier().condition() != delivery::GatewayCondition::InSync) return;
      for (const auto& [key, version] : desire_) {
        if (!is_artifact(key.first) || version.substr(0, version.find('@')) != id) continue;
        if (&owner(key.second) != one->peer_ || was_refused(*one, key, version)) continue;
        if (wishes_.at(key).back().when > failed) continue;  // wanted once more, and nobody has said so yet
        if (waits_for_others(*one, key)) continue;           // what came before the rest was lost is here
        if (!is_as_wanted(*one, key, version)) fail("documents_are_asked_for_again", id + " of " + key.second);
      }
    });
  }
}

/// Section 2: what was concluded from two listings that lacked it is not taken back by an event: a listing decides.
void World::note_contradiction(Instance& instance, const HubEvent& event, const std::string& deployment_id) {
  if (!instance.daemon_.is_storing() || instance.daemon_.waiting() > 0) return;
  bool was_absent = false;
  instance.daemon_.look([&](sync::Records& records) {
    const auto artifact = records.artifact(event.about.second);
    was_absent = artifact && artifact->by_absence;
  });
  if (!was_absent) return;
  instance.seen.against_absence[event.about] = {deployment_id + "@" + std::to_string(event.at.ms()), now_};
}

void World::look_at_contradiction(const Instance& instance, const Body& body) {
  for (const Line& line : body.lines) {
    const auto said = instance.seen.against_absence.find(line.key);
    if (said == instance.seen.against_absence.end() || said->second.first != line.version) continue;
    if (body.sent > said->second.second) {
      fail("absence_is_decided_by_lists", line.key.second + " is pushed as " + line.version + ", on an event's word");
    }
  }
}

void World::note_absent(Instance& instance) {
  auto& absent = instance.seen.absent;
  absent.clear();
  if (!instance.daemon_.is_storing() || instance.daemon_.waiting() > 0) return;
  instance.daemon_.look([&](sync::Records& records) {
    for (const auto& [key, version] : desire_) {
      if (!is_artifact(key.first)) continue;
      const auto artifact = records.artifact(key.second);
      if (artifact && artifact->by_absence) absent.insert(key);
    }
  });
}

/// Section 3: what was out because lists lacked it is back with the first that has it, however old the row is.
void World::look_at_return(Instance& instance, TimePoint true_at) {
  if (instance.daemon_.courier().condition() != delivery::GatewayCondition::InSync) return;
  for (const Key& key : instance.seen.absent) {
    const Wish& wish = wishes_.at(key).back();
    if (wish.version.empty() || wish.when > true_at || waits_for_others(instance, key)) continue;
    at(now_ + kBack, [this, one = &instance, key, number = wish.number, heard = now_, mine = instance.connection_] {
      const Wish& last = wishes_.at(key).back();
      if (last.number != number || one->connection_ != mine || !one->is_fair(heard - kFair)) return;
      // One push at a time, and the one before may take long or have to go again.
      if (one->daemon_.courier().condition() != delivery::GatewayCondition::InSync) return;
      if (now_ - one->seen.met_until < kMetBack) return;
      const auto& peer = owner(key.second);
      if (now_ - peer.last_crosswise(key.second) < kCrosswise) return;
      if (&peer != one->peer_ || one->seen.identity != number_of(peer)) return;
      if (was_refused(*one, key, last.version) || is_as_wanted(*one, key, last.version)) return;
      if (!has_what_it_refers_to(*one, key)) return;
      fail("back_in_time", key.second + " is listed as " + last.version + " again, and not in service");
    });
  }
}

/// What is about to be said: once the control plane has given its own verdict, no `failed` comes.
void World::look_at_saying(Instance& instance, const std::string& frame) {
  const auto payload = nlohmann::json::parse(frame).at("payload");
  if (payload.at("status") != "failed") return;
  const std::string id = payload.at("artifactId");
  const std::string at = payload.at("performedAt");
  const auto age = owner(id).clock(now_) - *parse_rfc3339(at);
  if (age > ControlPlane::kAckLimit) fail("failed_too_late", id + " " + at + " is said to have failed");
  const auto news = instance.seen.newest_news.find({ControlPlane::kind_of(id), id});
  if (news == instance.seen.newest_news.end() || instance.daemon_.waiting() > 0) return;
  // What commits crosswise is wanted after all.
  const auto row = owner(id).rows().find(id);
  if (row != owner(id).rows().end() && row->second.at_text == at) return;
  if (now_ - owner(id).last_crosswise(id) < kCrosswise) return;
  if (news->second > *parse_rfc3339(at)) {
    fail("failed_unwanted",
         id + " " + at + " is said to have failed, and is not wanted since " + format_rfc3339(news->second));
  }
}

/// Whether what was heard then on this connection can only be done by now: nothing went wrong shortly before, nor has
/// since.
bool World::has_had_time(const Instance& one, const Key& key, TimePoint heard, std::uint64_t connection,
                         bool may_lag) const {
  const auto& peer = owner(key.second);
  if (one.connection_ != connection || !one.is_fair(heard - kFair, may_lag)) return false;
  if (&peer != one.peer_ || one.seen.identity != number_of(peer)) return false;
  return peer.last_taken_back() <= heard - kFair && now_ - peer.last_crosswise(key.second) >= kCrosswise;
}

/// B7: what the last event about a key says is served soon, also if it is the second of its second.
void World::look_at_update(Instance& instance, const HubEvent& event) {
  const Key& key = event.about;
  const auto last = last_event_.find(key);
  const bool is_last = last != last_event_.end() && last->second == event.id;
  if (!is_last || !desire_.contains(key) || taken_back_.contains(key)) return;
  if (instance.daemon_.courier().condition() != delivery::GatewayCondition::InSync) return;
  at(now_ + kSoon, [this, one = &instance, key, number = wishes_.at(key).back().number, heard = now_,
                    connection = instance.connection_] {
    const auto served = one->gateway_.served.find(key);
    if (served == one->gateway_.served.end() || !has_had_time(*one, key, heard, connection)) return;
    const Wish& wish = wishes_.at(key).back();
    if (wish.number != number || wish.version == served->second) return;
    fail("updated_in_time",
         key.second + " is still served as " + served->second + ", and " + wish.version + " was said");
  });
}

/// What is deployed is served soon after the event that says so, also where that event is no news or had no room.
void World::look_at_deployment(Instance& instance, const HubEvent& event) {
  const Key& key = event.about;
  const auto wishes = wishes_.find(key);
  const std::string deployment_id = nlohmann::json::parse(event.text).at("payload").at("deploymentId");
  const std::string version = deployment_id + "@" + std::to_string(event.at.ms());
  if (wishes == wishes_.end() || wishes->second.back().version != version) return;
  at(now_ + kNotMuchLater, [this, one = &instance, key, number = wishes->second.back().number, heard = now_,
                            connection = instance.connection_] {
    const Wish& wish = wishes_.at(key).back();
    if (wish.number != number || !has_had_time(*one, key, heard, connection)) return;
    if (one->daemon_.courier().condition() != delivery::GatewayCondition::InSync) return;
    if (is_as_wanted(*one, key, wish.version) || was_refused(*one, key, wish.version)) return;
    if (taken_back_.contains(key) || !has_what_it_refers_to(*one, key)) return;
    fail("deployed_in_time", key.second + " is not served as " + wish.version + ", which an event said");
  });
}

/// C2: of what was acknowledged a repetition is acknowledged again, as long as it is the newest.
void World::look_at_repeat(Instance& instance, const HubEvent& event) {
  const bool deploys = event.type.ends_with(".deployed");
  if (!deploys && !event.type.ends_with(".undeployed")) return;
  const std::string at_text = nlohmann::json::parse(event.text).at("payload").at("performedAt");
  const std::string what = event.about.second + (deploys ? " deploy " : " undeploy ") + at_text;
  if (!instance.seen.acked.contains(what)) return;
  at(now_ + kSoon,
     [this, one = &instance, key = event.about, what, at_text, heard = now_, connection = instance.connection_] {
       const auto& seen = one->seen;
       if (!has_had_time(*one, key, heard, connection) || seen.failed.contains(what)) return;
       const auto& rows = owner(key.second).rows();
       const auto row = rows.find(key.second);
       if (row == rows.end() || row->second.at_text != at_text) return;
       if (seen.acked.at(what) < heard) fail("repeat_is_acknowledged", what + " was told again, and not acknowledged");
     });
}

/// CE-6: an event about what a listing has spoken about already changes nothing.
void World::look_at_history(const Instance& instance, const Key& key, const std::string& version) {
  const auto told = instance.seen.history.find(version.substr(0, version.find('@')));
  if (told == instance.seen.history.end() || wish_of(key, version)->when > told->second) return;
  if (owner(key.second).last_taken_back() + kFair > told->second) return;
  fail("history_is_no_news", key.second + " is served as " + version + ", of which nothing but an old event was heard");
}

/// An undeploy is obeyed at once, whatever deployment it names.
void World::look_at_stop(Instance& instance, const HubEvent& event) {
  const Key& key = event.about;
  if (!wishes_.contains(key)) return;
  const auto& wishes = wishes_.at(key);
  // Of several at one moment it may be the first.
  const auto stop = std::find_if(wishes.begin(), wishes.end(), [&event](const Wish& wish) {
    return wish.version.empty() && wish.when == event.written;
  });
  if (stop == wishes.end()) return;
  // Something has been done since. What a listing may have spoken about is in doubt, and the next deployment ends that.
  const auto last = last_event_.find(key);
  const bool is_last = last != last_event_.end() && last->second == event.id;
  const auto listed = instance.seen.listed_to.find(&owner(key.second));
  if (!is_last && listed != instance.seen.listed_to.end() && event.at <= listed->second + kHeardOf) return;
  // It is news only as long as nothing is known of what has been wanted since.
  const bool is_news = std::none_of(stop, wishes.end(), [&instance](const Wish& wish) {
    return instance.seen.known_deployments.contains(wish.version.substr(0, wish.version.find('@')));
  });
  if (!is_news) return;
  // What a lie's `Date` has made history is decided by the next listing.
  if (now_ - instance.seen.last_lie < kBetweenLies) return;
  // Known limit: a stop that was stamped before what is known already is in doubt, and whether it was carried out no
  // listing says after the next deployment.
  const bool is_later = std::none_of(wishes.begin(), wishes.end(), [&](const Wish& wish) {
    const auto mark = wish.version.find('@');
    return mark != std::string::npos && std::stoll(wish.version.substr(mark + 1)) >= event.at.ms() &&
           instance.seen.known_deployments.contains(wish.version.substr(0, mark));
  });
  // … nor of one that is not after the last listing's `Date`, or is about something that was deleted.
  const auto& told = instance.seen.told_all;
  const bool is_doubted =
      (told.connection == instance.connection_ && event.at <= told.date) || ceased_.contains(event.about);
  auto& known = instance.seen.stops[key];
  if (is_later && is_doubted) {
    known.doubted = stop->number;
    known.at = event.at;
  } else if (is_later) {
    known = {stop->number, 0, {}};
  }
  const bool in_sync = instance.daemon_.courier().condition() == delivery::GatewayCondition::InSync;
  if (!is_last || desire_.contains(key) || !in_sync) return;
  at(now_ + kSoon, [this, one = &instance, key, number = wishes_.at(key).back().number, heard = now_, is_doubted,
                    connection = instance.connection_] {
    const auto served = one->gateway_.served.find(key);
    if (served == one->gateway_.served.end() || !has_had_time(*one, key, heard, connection)) return;
    if (one->seen.kept.contains(key)) return;
    if (is_doubted && wishes_.at(key).back().number != number) return;  // what was deployed next ended the doubt
    if (wish_of(key, served->second)->number < number) {
      fail("stopped_in_time", key.second + " is still served as " + served->second + ", long after its undeploy event");
    }
  });
}

/// What the gateway before refused is offered to another one soon after that has answered: it may take it.
void World::look_at_new_gateway(Instance& instance) {
  const std::string& name = instance.gateway_.instance;
  if (std::exchange(instance.seen.answered_by, name) == name || instance.seen.has_lost) return;
  std::map<Key, Wish> refused;
  for (const auto& [key, version] : desire_) {
    if (is_artifact(key.first) && was_refused(instance, key, version)) refused.emplace(key, wishes_.at(key).back());
  }
  expect_offered(instance, refused, TimePoint());
}

/// What was refused is offered once more soon after something that it refers to has changed: that may have been why.
void World::look_at_changed(Instance& instance, const Key& changed, TimePoint sent) {
  if (instance.seen.has_lost) return;
  std::map<Key, Wish> refused;
  for (const auto& [key, version] : desire_) {
    if (!is_artifact(key.first) || !was_refused(instance, key, version) || is_as_wanted(instance, key, version))
      continue;
    const auto references = owner(key.second).references_of(wanted_deployment(key));
    if (std::find(references.begin(), references.end(), changed) == references.end()) continue;
    refused.emplace(key, wishes_.at(key).back());
  }
  expect_offered(instance, refused, sent);
}

void World::expect_offered(Instance& instance, const std::map<Key, Wish>& refused, TimePoint since) {
  if (refused.empty()) return;
  at(now_ + kOfferedAnew, [this, one = &instance, name = instance.gateway_.instance, refused, since, answered = now_] {
    const auto& seen = one->seen;
    if (!one->is_fair(answered) || seen.last_lie >= answered - kFair || seen.has_lost) return;
    if (one->gateway_.instance != name || one->daemon_.courier().condition() != delivery::GatewayCondition::InSync)
      return;
    for (const auto& [key, wish] : refused) {
      const auto& peer = owner(key.second);
      if (&peer != one->peer_ || seen.identity != number_of(peer)) continue;
      if (wishes_.at(key).back().number != wish.number) continue;
      if (peer.last_taken_back() > answered - kFair || taken_back_.contains(key)) continue;
      if (now_ - peer.last_crosswise(key.second) < kCrosswise || !has_what_it_refers_to(*one, key)) continue;
      const auto offered = seen.offered.find(key);
      const bool is_known = offered != seen.offered.end() && offered->second.contains(wish.version);
      if (is_known && offered->second.at(wish.version) >= since) continue;
      fail("refused_is_offered_anew",
           key.second + " " + wish.version + ", which was refused, is not offered to " + name);
    }
  });
}

/// What was revoked does not come back with the first list after the event, which may be older than that.
void World::look_at_revoked(const Instance& instance, const Key& key, const std::string& version) {
  if (key.first != "ApiKey" || existing_.contains(key)) return;
  const auto revoked = instance.seen.revoked.find(version.substr(0, version.rfind(' ')));
  if (revoked == instance.seen.revoked.end() || revoked->second.connection != instance.connection_) return;
  const auto& [connection, written, heard] = revoked->second;
  const auto ceased = ceased_.find(key);
  if (ceased == ceased_.end() || ceased->second > written || instance.seen.body_sent <= heard) return;
  const auto created = instance.seen.created.find(key);
  const bool is_created = created != instance.seen.created.end();
  if (is_created && created->second >= heard) return;  // one of that name came after it
  // Known limit: of a key that nobody has heard of nobody can know that it was meant.
  if (!is_created && !instance.seen.keys.contains(key)) return;
  if (now_ - heard >= kListedOnceMore || owner(artifact_of(key)).last_taken_back() > heard - kFair) return;
  fail("revoked_comes_back", key.second + " is served as " + version + ", which was revoked a moment ago");
}

/// The gateway serves it no more, after its undeploy was heard.
void World::note_stopped(Instance& instance, const Key& key, const std::string& version) {
  const auto stop = instance.seen.stops.find(key);
  const auto* wish = wish_of(key, version);
  if (stop == instance.seen.stops.end() || wish == nullptr || wish->number > stop->second.number) return;
  instance.seen.stopped[key] = {stop->second.number, now_};
}

/// What was stopped and is gone from the gateway does not come back, unless somebody wants it once more (CE-11).
void World::look_at_stopped(Instance& instance, const Key& key, const std::string& version) {
  const auto stopped = instance.seen.stopped.find(key);
  if (stopped == instance.seen.stopped.end() || wish_of(key, version)->number > stopped->second.number) return;
  const auto& peer = owner(key.second);
  if (&peer != instance.peer_ || peer.last_taken_back() + kFair > stopped->second.gone) return;
  if (now_ - peer.last_crosswise(key.second) < kCrosswise) return;
  fail("stopped_comes_back", key.second + " is served as " + version + ", which was stopped and gone");
}

/// "Settled" is not said while something is served that was stopped since it was wanted (CE-11).
void World::look_at_settled(Instance& instance) {
  auto& seen = instance.seen;
  if (!instance.running_ || !instance.daemon_.is_settled()) return;
  seen.store_is_older = seen.was_blind = false;
  // Where something is quarantined, nothing is proven.
  const TimePoint listed = instance.daemon_.engine().memory().listed_asked;
  if (seen.settled_at == listed && !seen.unsettled) return;
  if (seen.last_lie >= listed - kBetweenLies || now_ - seen.last_loss < kSoon) return;
  seen.settled_at = listed;
  seen.unsettled = false;
  for (const auto& line : instance.gateway_.served) {
    const Key& key = line.first;
    const auto& peer = owner(key.second);
    if (!is_artifact(key.first) || &peer != instance.peer_) continue;
    if (now_ - peer.last_crosswise(key.second) < kCrosswise) continue;
    const auto stop = seen.stops.find(key);
    if (stop == seen.stops.end() || peer.last_taken_back() > now_ - kFair) continue;
    // It has arrived, and waits to be stored.
    const auto is_about_it = [&key](const HubEvent& event) { return event.about == key; };
    if (std::ranges::any_of(seen.handled.waiting, is_about_it)) continue;
    // A removal that is refused goes once more when the quarantine of what was wanted since ends.
    const auto& wishes = wishes_.at(key);
    const bool is_owed = seen.kept.contains(key) && std::any_of(wishes.begin(), wishes.end(), [&](const Wish& wish) {
                           return wish.number > stop->second.number && was_refused(instance, key, wish.version);
                         });
    if (is_owed) continue;
    if (wish_of(key, line.second)->number < stop->second.number) {
      fail("settled_too_early", key.second + " is served as " + line.second + ", which was stopped");
    }
  }
}

}  // namespace tether::sim
