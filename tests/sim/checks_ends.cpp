#include <algorithm>
#include <nlohmann/json.hpp>

#include "world.h"

/// What is deleted goes, with all that belongs to it.
namespace tether::sim {
namespace {

/// What lists lacked is asked about when they have lacked it twice, so long apart.
constexpr Duration kLackedTwice = 10s;
/// What the control plane answers was asked at most so long before.
constexpr Duration kOnItsWay = 500ms;

}  // namespace

/// What is deleted goes soon after the event that says so, and not with the next list.
void World::look_at_end(Instance& instance, const HubEvent& event) {
  const Key& key = event.about;
  if (owner(key.second).exists(key.second) || !wishes_.contains(key)) return;
  // Of what was made anew and deleted without an event only lists say that it is gone.
  const auto& wishes = wishes_.at(key);
  const bool was_anew = std::any_of(wishes.begin(), wishes.end(), [&event](const Wish& wish) {
    return wish.when >= event.written && !wish.version.empty();
  });
  if (was_anew) return;
  if (instance.daemon_.courier().condition() != delivery::GatewayCondition::InSync) return;
  at(now_ + kSoon, [this, one = &instance, key, number = wishes_.at(key).back().number, heard = now_,
                    connection = instance.connection_] {
    const auto served = one->gateway_.served.find(key);
    if (served == one->gateway_.served.end() || !has_had_time(*one, key, heard, connection)) return;
    if (one->seen.kept.contains(key) || wishes_.at(key).back().number != number) return;
    fail("deleted_in_time", key.second + " is still served as " + served->second + ", long after its deletion");
  });
}

/// It has been told of what does not exist, and nothing spoke against it.
void World::note_ends(Instance& instance, const Answer& answer) {
  if (instance.seen.identity != number_of(*instance.peer_) || !instance.is_fair(now_ - kBetweenLies)) return;
  // What lists lacked under the link before is no reason to ask under this one.
  if (now_ - instance.seen.linked[number_of(*instance.peer_)] < kLackedTwice) return;
  const auto rows = nlohmann::json::parse(answer.body).at("artifacts");
  for (const auto& row : rows) {
    const std::string id = row.at("artifactId");
    const auto wishes = wishes_.find({ControlPlane::kind_of(id), id});
    if (row.at("exists").get<bool>() || instance.peer_->exists(id) || wishes == wishes_.end()) continue;
    const auto last = std::find_if(wishes->second.rbegin(), wishes->second.rend(),
                                   [](const Wish& wish) { return !wish.version.empty(); });
    if (last != wishes->second.rend() && last->when > now_ - kSoon) continue;
    // What was said of it after the question was asked raised it anew.
    const Key& key = wishes->first;
    const TimePoint asked = *answer.true_at - kOnItsWay;
    const auto heard = instance.seen.last_heard.find(key);
    if (heard != instance.seen.last_heard.end() && heard->second > asked) continue;
    // What comes into service meanwhile must be lacked anew.
    const auto offered = instance.seen.offered.find(key);
    const bool comes_anew =
        !instance.gateway_.served.contains(key) ||
        (offered != instance.seen.offered.end() &&
         std::ranges::any_of(offered->second, [asked](const auto& version) { return version.second > asked; }));
    if (comes_anew) continue;
    instance.seen.ended[id] = {instance.connection_, now_};
  }
}

/// What belonged to something that was deleted does not come back with the next of the same id.
void World::look_at_ended(const Instance& instance, const Key& key, const std::string& version) {
  if (artifact_of(key).empty() || existing_.contains(key)) return;
  const auto ended = instance.seen.ended.find(version.substr(0, version.find(' ')));
  if (ended == instance.seen.ended.end() || ended->second.connection != instance.connection_) return;
  const TimePoint when = ended->second.when;
  if (instance.seen.body_sent <= when) return;  // it was under way, and goes with the next
  // Of which of the two it is nobody knows who hears of it later: the next two lists of keys say that.
  const auto created = instance.seen.created.find(key);
  if (created != instance.seen.created.end() && created->second >= when) return;
  const auto ceased = ceased_.find(key);
  if (ceased == ceased_.end() || ceased->second > when || instance.seen.last_lie > when - kFair) return;
  if (owner(key.second).last_taken_back() > when - kFair) return;
  fail("ended_with_its_artifact", key.second + " is served as " + version + ", whose artifact was deleted since");
}

}  // namespace tether::sim
