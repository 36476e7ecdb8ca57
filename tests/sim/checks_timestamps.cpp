#include <algorithm>

#include "world.h"

/// What is stored of events, seen from outside: by what was sent to this daemon, and by what another reader finds in
/// its database.
namespace tether::sim {
namespace {

/// So far apart operations are at most that commit in the other order than they were stamped.
constexpr Duration kCommits = 5s;
/// A `Date` has whole seconds.
constexpr std::chrono::nanoseconds kOwnSecondOfDate = 1s;

}  // namespace

/// Whether the control plane has said something else since, which may count more than the event: only then may its
/// effect be missing although it was handled.
bool World::is_overruled(const Instance& instance, const HubEvent& event) const {
  const auto& peer = owner(event.about.second);
  const auto row = peer.rows().find(event.about.second);
  if (row == peer.rows().end() || row->second.at < event.at) return true;
  const auto ceased = ceased_.find(event.about);
  if (ceased != ceased_.end() && ceased->second >= event.written) return true;
  if (peer.last_taken_back() >= event.written || instance.seen.last_lie >= event.written) return true;
  return peer.last_crosswise(event.about.second) >= event.written - kCommits;
}

/// It is later than all that was known, and about nothing that a listing may have lacked: no doubt, which would end
/// with the next listing.
bool World::is_news(const Instance& instance, const HubEvent& event) const {
  const auto& peer = owner(event.about.second);
  const auto& seen = instance.seen;
  if (&peer != instance.peer_ || seen.told_all.connection != instance.connection_) return false;
  if (event.at < seen.told_all.date + kOwnSecondOfDate || seen.last_lie > seen.told_all.true_at) return false;
  if (seen.told_to.connection == instance.connection_ && event.at <= seen.told_to.at) return false;
  if (ceased_.contains(event.about) || now_ - peer.last_crosswise(event.about.second) < kCrosswise) return false;
  return peer.last_taken_back() == TimePoint();
}

/// The gateway has not been given what this event says, which is what is wanted.
bool World::is_to_come(const Instance& instance, const HubEvent& event) const {
  // What is not in service yet may go with lists that are emptied.
  if (!instance.seen.handled.news.contains(event.id) || instance.seen.last_lie >= event.written) return false;
  // What a restored database wants again is news of its listing, not of the event.
  const auto& peer = owner(event.about.second);
  if (peer.last_taken_back() >= event.written) return false;
  const auto row = peer.rows().find(event.about.second);
  if (row == peer.rows().end() || !row->second.deployed || row->second.at != event.at) return false;
  const std::string version = row->second.deployment_id + "@" + std::to_string(event.at.ms());
  const auto served = instance.seen.ever_served.find(event.about);
  const bool was_served = served != instance.seen.ever_served.end() && served->second.contains(version);
  return !was_served && !was_refused(instance, event.about, version);
}

/// The stored timestamp of an event type never passes an event that was stored and whose effect is not: an event about
/// a deployment that this time or a later one stands for. `all`: those too that were found before.
void World::look_at_timestamps(Instance& instance, bool all) {
  auto& handled = instance.seen.handled;
  if (!instance.running_ || !instance.daemon_.is_storing() || instance.daemon_.waiting() > 0 ||
      instance.peer_ == nullptr)
    return;
  // What was heard is another's until the one that is dialled has answered.
  if (instance.seen.last_linked != number_of(*instance.peer_)) return;
  if (all) {
    for (const auto& [key, event] : handled.found) handled.open.push_back(event);
  }
  if (handled.open.empty()) return;
  std::map<std::string, Instant, std::less<>> timestamps;
  std::map<std::string, Instant> stored;
  const bool is_read = instance.daemon_.look([&](sync::Records& records) {
    if (records.marks().gateway_id != instance.peer_->gateway_id()) return;
    for (const auto& [type, at] : records.event_timestamps()) timestamps[type] = at;
    for (const HubEvent& event : handled.open) {
      const auto artifact = records.artifact(event.about.second);
      if (artifact) stored[event.about.second] = artifact->at;
    }
  });
  if (!is_read) return;
  std::erase_if(handled.open, [&](const HubEvent& event) {
    const auto timestamp = timestamps.find(event.type);
    if (timestamp == timestamps.end() || timestamp->second < event.at) return false;
    const auto at = stored.find(event.about.second);
    if (at != stored.end() && at->second.ms() >= event.at.ms()) {
      if (is_to_come(instance, event)) {
        fail("timestamp_passes", "that of " + event.type + " is " + format_rfc3339(timestamp->second) +
                                     ", and the gateway has not been given " + event.about.second + " as of " +
                                     format_rfc3339(event.at));
      }
      auto& newest = handled.found[{event.type, event.about.second}];
      if (newest.at < event.at) newest = event;
      return true;
    }
    if (is_overruled(instance, event)) {
      handled.found.erase({event.type, event.about.second});
      return true;
    }
    fail("timestamp_passes", "that of " + event.type + " is " + format_rfc3339(timestamp->second) + ", and of " +
                                 event.about.second + " is stored " +
                                 (at == stored.end() ? "nothing" : format_rfc3339(at->second)) +
                                 ", where an event says " + format_rfc3339(event.at));
    return true;
  });
}

}  // namespace tether::sim
