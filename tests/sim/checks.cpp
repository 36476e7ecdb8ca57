#include <algorithm>
#include <nlohmann/json.hpp>

#include "world.h"

/// What must hold, seen from outside: by the control plane's history and by what the gateway serves.
namespace tether::sim {
namespace {

/// A gateway that has lost what it had is found when it is asked the next time.
constexpr Duration kUnnoticed = 15s;

bool is_artifact(const std::string& kind) {
  return kind == "RestApi" || kind == "LlmProvider" || kind == "LlmProxy";
}

std::string version_of(const Operation& operation) {
  return operation.deployment_id + "@" + std::to_string(operation.at_ms);
}

}  // namespace

const Operation* World::operation_of(const std::string& id, const std::string& version) const {
  const auto found = control_plane_.history().find(id);
  if (found == control_plane_.history().end()) return nullptr;
  for (const auto& operation : found->second) {
    if (operation.deployed && version_of(operation) == version) return &operation;
  }
  return nullptr;
}

/// Whether somebody has asked, since this version was deployed, that it be served no more; or has deployed something
/// that the gateway refuses, after which an older one that is not known to be good may go.
bool World::may_go(const std::string& id, const std::string& version) const {
  const auto* served = operation_of(id, version);
  if (served == nullptr) return false;
  for (const auto& operation : control_plane_.history().at(id)) {
    if (operation.number <= served->number) continue;
    if (!operation.deployed || control_plane_.is_bad(operation.deployment_id)) return true;
    const auto refused = refused_.find(id);
    if (refused != refused_.end() && refused->second.contains(version_of(operation))) return true;
  }
  return false;
}

/// Known limit: what was taken and whose answer was lost is not known to be good, so what is fallen back to when the
/// gateway refuses what came after may be older than it.
bool World::may_go_back(const std::string& id, const std::string& from, const std::string& to) const {
  const auto unanswered = unanswered_.find(id);
  const auto refused = refused_.find(id);
  if (unanswered == unanswered_.end() || refused == refused_.end()) return false;
  const auto* target = operation_of(id, to);
  bool fell_back = false;
  for (const auto& operation : control_plane_.history().at(id)) {
    if (!operation.deployed || operation.number <= target->number) continue;
    const std::string version = version_of(operation);
    if (refused->second.contains(version)) {
      fell_back = true;
    } else if (version == from && !unanswered->second.contains(version)) {
      return false;
    }
  }
  return fell_back;
}

void World::look_at(const std::vector<Served>& changes, bool answered) {
  for (const auto& [key, before, after] : changes) {
    if (!is_artifact(key.first)) continue;
    const std::string& id = key.second;
    note("gateway: " + id + " " + (before.empty() ? "-" : before) + " -> " + (after.empty() ? "-" : after));
    if (after.empty()) {
      if (!may_go(id, before))
        fail("removed_unasked", id + " " + before + " was removed, and nobody had asked for that");
      continue;
    }
    const auto* operation = operation_of(id, after);
    if (operation == nullptr) {
      fail("never_deployed", id + " is served as " + after + ", which was never deployed so");
      continue;
    }
    ever_served_[id].insert(after);
    if (answered) {
      unanswered_[id].erase(after);
    } else {
      unanswered_[id].insert(after);
    }
    auto& newest = newest_served_[id];
    if (operation->number < newest && !may_go_back(id, before, after)) fail("went_back", id + " went back to " + after);
    newest = std::max(newest, operation->number);
  }
}

/// "In sync" is never said before it is true: each artifact is served as the control plane wanted it at the moment of
/// the proof, or at a later one.
void World::look_at_standing() {
  if (!daemon_.is_in_sync()) return;
  const auto proven = daemon_.engine().standing().proven;
  if (!proven || last_lie_ >= *proven - kBetweenLies || now_ - last_loss_ < kUnnoticed) return;
  for (const auto& item : control_plane_.history()) {
    const std::string& id = item.first;
    const auto& operations = item.second;
    const auto served = std::find_if(gateway_.served.begin(), gateway_.served.end(), [&id](const auto& line) {
      return line.first.second == id && is_artifact(line.first.first);
    });
    const std::string version = served == gateway_.served.end() ? "" : served->second;
    bool fits = false;
    std::string at_proof;
    for (const auto& operation : operations) {
      const std::string wanted = operation.deployed ? version_of(operation) : "";
      if (operation.when <= *proven) {
        at_proof = wanted;
      } else {
        fits |= wanted == version;
      }
    }
    if (!fits && version != at_proof) {
      fail("in_sync_too_early",
           "says in sync, and " + id + " is served as '" + version + "' where '" + at_proof + "' was wanted");
    }
  }
}

void World::check_agreement() {
  const auto wanted = control_plane_.desire();
  const auto overview = daemon_.overview();
  // No list shows the subscriptions of what is FAILED in the control plane: a change whose event was lost is lost.
  const auto is_excepted = [this](const Key& key) {
    if (key.first != "Subscription") return false;
    const auto row = control_plane_.rows().find(key.second.substr(4, key.second.size() - 6));  // sub-api-0-1
    return row != control_plane_.rows().end() && row->second.failed;
  };
  for (const auto& [key, version] : wanted) {
    const auto served = gateway_.served.find(key);
    const std::string got = served == gateway_.served.end() ? "nothing" : served->second;
    const bool same = key.first == "ApiKey" || key.first == "Subscription" || key.first == "SubscriptionPlan"
                          ? got != "nothing" && nlohmann::json::parse(got) == nlohmann::json::parse(version)
                          : got == version;
    if (!same && !is_excepted(key))
      fail("content_in_the_end",
           "in the end: " + key.first + " " + key.second + " is " + got + " where " + version + " is wanted");
  }
  for (const auto& [key, version] : gateway_.served) {
    if (wanted.contains(key) || key.first == "Secret" || is_excepted(key) || overview.held_count > 0) continue;
    fail("content_in_the_end",
         "in the end: " + key.first + " " + key.second + " is served as " + version + ", and not wanted");
  }
  if (!daemon_.is_in_sync() && overview.held_count == 0)
    fail("in_sync_in_the_end", "in the end: does not say that it is in sync");
  for (const auto& [id, row] : control_plane_.rows()) {
    if (!row.acked && !row.failed)
      fail("acknowledged_in_the_end", "in the end: " + id + " " + row.deployment_id + " is not acknowledged");
  }
}

}  // namespace tether::sim
