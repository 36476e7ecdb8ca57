#include <algorithm>

#include "world.h"

/// What an event says about a plan or a subscription is a hint: a list decides, which may be behind the event.
namespace tether::sim {
namespace {

/// The list is asked at once, and once more 10 s later, when no replica lags any more.
constexpr Duration kToldWithin = 60s;
/// What it belongs to has been wanted for so long.
constexpr Duration kLasting = 10min;

}  // namespace

/// It is served as it was said to be, also where the first list was older than the event.
void World::look_at_hint(Instance& instance, const HubEvent& event) {
  const Key& key = event.about;
  const auto last = last_event_.find(key);
  if (!wishes_.contains(key) || last == last_event_.end() || last->second != event.id || is_known_only_by_events(key))
    return;
  if (instance.daemon_.courier().condition() != delivery::GatewayCondition::InSync) return;
  at(now_ + kToldWithin, [this, one = &instance, key, number = wishes_.at(key).back().number, heard = now_,
                          connection = instance.connection_] {
    const Wish& wish = wishes_.at(key).back();
    if (wish.number != number || !has_had_time(*one, key, heard, connection, /*may_lag=*/true)) return;
    if (taken_back_.contains(key) || !is_listed(*one, key)) return;
    if (one->daemon_.courier().condition() != delivery::GatewayCondition::InSync) return;
    const std::string id = artifact_of(key);
    if (!id.empty()) {
      const Key artifact{ControlPlane::kind_of(id), id};
      const auto of = wishes_.find(artifact);
      if (of == wishes_.end() || of->second.back().version.empty() || of->second.back().when > heard - kLasting) return;
      if (!is_as_wanted(*one, artifact, of->second.back().version) || one->seen.kept.contains(artifact)) return;
    }
    // It waits for the plan that it names.
    const bool lacks_its_plan = std::any_of(desire_.begin(), desire_.end(), [&](const auto& other) {
      return other.first.first == "SubscriptionPlan" && !is_as_wanted(*one, other.first, other.second) &&
             wish.version.find(' ' + other.first.second + ' ') != std::string::npos;
    });
    if (lacks_its_plan) return;
    const auto served = one->gateway_.served.find(key);
    const std::string version = served == one->gateway_.served.end() ? "" : served->second;
    if (version == wish.version || was_refused(*one, key, wish.version)) return;
    fail("told_in_time", key.second + " is served as '" + version + "', and '" + wish.version + "' was said");
  });
}

}  // namespace tether::sim
