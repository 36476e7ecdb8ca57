#include "control_plane.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tether/protocol/kinds.h"

/// What users do to the control plane, and what becomes of it.
namespace tether::sim {
namespace {

using nlohmann::json;

constexpr Instant kBegin{1'787'396'400'000'000'000};  // 2026-08-22T11:00:00Z
constexpr Duration kAckLimit = 60s;
constexpr std::size_t kApis = 8;
constexpr std::size_t kFew = 3;  ///< Providers, proxies, MCP proxies, plans, secrets.

std::chrono::nanoseconds nanoseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(duration);
}

Instant second_of(Instant at) {
  return {at.ns / 1'000'000'000 * 1'000'000'000};
}

}  // namespace

ControlPlane::ControlPlane(std::string gateway_id, std::string prefix, TimePoint start)
    : gateway_id_(std::move(gateway_id)), prefix_(std::move(prefix)), start_(start) {
  for (std::size_t i = 0; i < kFew; ++i) {
    tables_.secrets[prefix_ + "secret-" + std::to_string(i)] = {"hash-0", prefix_ + "value-" + std::to_string(i),
                                                                kBegin};
  }
}

Instant ControlPlane::clock(TimePoint now) const {
  return kBegin + nanoseconds(now - start_ - back_);
}

std::string ControlPlane::kind_of(const std::string& id) {
  if (id.find("api-") != std::string::npos) return "RestApi";
  if (id.find("provider-") != std::string::npos) return "LlmProvider";
  return id.find("mcp-") != std::string::npos ? "Mcp" : "LlmProxy";
}

/// Often the one that has just been changed, so that one change meets the next.
std::string ControlPlane::pick_id() {
  if (!last_id_.empty() && random_.chance(30)) return last_id_;
  static constexpr const char* kNames[] = {"provider-", "proxy-", "mcp-"};
  const std::size_t drawn = random_.below(7);
  if (drawn < 3) return prefix_ + kNames[drawn] + std::to_string(random_.below(kFew));
  return prefix_ + "api-" + std::to_string(random_.below(kApis));
}

std::string ControlPlane::new_id() {
  return prefix_ + std::to_string(number_) + "-" + std::to_string(++ids_);
}

void ControlPlane::write(const std::string& type, Key about, const std::string& payload, TimePoint now, bool quiet,
                         Instant at) {
  if (quiet) return;
  const std::string id = "c-" + new_id();
  std::string text = R"({"type":")" + type + R"(","payload":)" + payload + R"(,"timestamp":")" +
                     format_rfc3339(second_of(clock(now))) + R"(","correlationId":")" + id + R"("})";
  hub_.push_back({now, id, type, std::move(about), std::move(text), at});
}

/// The row, its event, and the keys of what has been deployed once more.
void ControlPlane::write_row(const std::string& id, Row row, TimePoint now, bool quiet) {
  if (!tables_.artifacts.contains(id)) return;  // deleted meanwhile
  const auto before = tables_.rows.find(id);
  if (before != tables_.rows.end() && before->second.at > row.at) crosswise_[id] = now;
  tables_.rows[id] = row;
  const auto* kind = protocol::find_kind(row.kind);
  const std::string type = std::string(kind->event_prefix) + (row.deployed ? ".deployed" : ".undeployed");
  const json payload = {
      {std::string(kind->id_member), id}, {"deploymentId", row.deployment_id}, {"performedAt", row.at_text}};
  write(type, {row.kind, id}, payload.dump(), now, quiet, row.at);
  if (!row.deployed) return;
  for (const auto& [uuid, key] : tables_.keys) {
    if (key.artifact_id == id && key.active) announce_key(uuid, key, "apikey.created", now, quiet);
  }
}

ControlPlane::Row ControlPlane::stamped_row(const std::string& id, std::string deployment_id, bool deployed,
                                            TimePoint now) {
  Row row;
  row.kind = kind_of(id);
  row.deployment_id = std::move(deployment_id);
  row.deployed = deployed;
  std::int64_t ms = clock(now).ms();
  auto& stamps = stamps_[id];
  while (stamps.contains(ms - 1) || stamps.contains(ms) || stamps.contains(ms + 1)) ++ms;
  stamps.insert(ms);
  row.at = from_ms(ms);
  row.at_text = format_rfc3339(row.at);
  row.since = now;
  if (random_.chance(20)) {
    row.more_ns = 1 + static_cast<std::int64_t>(random_.below(999'999));
    row.rewritten = now + random_.between(1ms, 100ms);
  }
  return row;
}

/// It is stamped when it starts, and there when it commits: most at once, some moments later, and crosswise.
void ControlPlane::change_deployment(const std::string& id, std::string deployment_id, bool deployed, TimePoint now,
                                     bool quiet) {
  tables_.artifacts.insert(id);
  Row row = stamped_row(id, std::move(deployment_id), deployed, now);
  if (!random_.chance(15)) return write_row(id, std::move(row), now, quiet);
  const TimePoint due = now + random_.between(1ms, 3s);
  if (row.more_ns != 0) row.rewritten = due + 50ms;
  pending_.push_back({due, [this, id, row, quiet](TimePoint then) { write_row(id, row, then, quiet); }});
}

/// Stopped now, and deployed anew a moment later.
void ControlPlane::restart_deployment(const std::string& id, TimePoint now, bool quiet) {
  write_row(id, stamped_row(id, tables_.rows.at(id).deployment_id, false, now), now, quiet);
  pending_.push_back(
      {now + random_.between(100ms, 5s), [this, id, quiet, next = new_deployment(id, now)](TimePoint then) {
         if (tables_.artifacts.contains(id)) write_row(id, stamped_row(id, next, true, then), then, quiet);
       }});
}

/// Deployed now, stopped some seconds later, and then another instead: who sees at once that it does not work.
void ControlPlane::change_mind(const std::string& id, const std::string& deployment_id, TimePoint now, bool quiet) {
  const TimePoint stopped = now + random_.between(1s, 8s);
  // What a user is in two minds about is refused more often than the rest.
  const std::string next = new_deployment(id, now);
  if (random_.chance(40)) deployments_.at(next).refused_by = 1 + static_cast<unsigned>(random_.below(3));
  pending_.push_back({stopped, [this, id, deployment_id, quiet](TimePoint then) {
                        const auto row = tables_.rows.find(id);
                        if (row == tables_.rows.end() || row->second.deployment_id != deployment_id) return;
                        if (!row->second.deployed || row->second.failed) return;
                        write_row(id, stamped_row(id, deployment_id, false, then), then, quiet);
                      }});
  pending_.push_back({stopped + random_.between(100ms, 3s), [this, id, deployment_id, quiet, next](TimePoint then) {
                        const auto row = tables_.rows.find(id);
                        if (row == tables_.rows.end() || row->second.deployment_id != deployment_id) return;
                        if (!row->second.deployed) write_row(id, stamped_row(id, next, true, then), then, quiet);
                      }});
}

std::optional<TimePoint> ControlPlane::next_due() const {
  const auto next =
      std::min_element(pending_.begin(), pending_.end(), [](const auto& a, const auto& b) { return a.due < b.due; });
  return next == pending_.end() ? std::nullopt : std::optional(next->due);
}

std::optional<TimePoint> ControlPlane::commit(TimePoint now) {
  for (std::size_t i = 0; i < pending_.size();) {
    if (pending_[i].due > now) {
      ++i;
      continue;
    }
    const auto what = std::move(pending_[i].what);
    pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(i));
    keep_copy(now);
    what(now);
  }
  return next_due();
}

void ControlPlane::remove(const std::string& id, TimePoint now, bool quiet) {
  tables_.artifacts.erase(id);
  tables_.rows.erase(id);
  std::erase_if(tables_.keys, [&id](const auto& key) { return key.second.artifact_id == id; });
  std::erase_if(tables_.subscriptions, [&id](const auto& row) { return row.second.artifact_id == id; });
  const auto* kind = protocol::find_kind(kind_of(id));
  write(std::string(kind->event_prefix) + ".deleted", {kind_of(id), id},
        json{{std::string(kind->id_member), id}}.dump(), now, quiet);
}

void ControlPlane::announce_key(const std::string& uuid, const KeyRow& key, const std::string& type, TimePoint now,
                                bool quiet) {
  const std::string at = format_rfc3339(second_of(key.updated));
  json payload = {{"apiId", key.artifact_id},
                  {"apiKeyHashes", R"({"sha256": ")" + key.masked + R"("})"},
                  {"maskedApiKey", key.masked},
                  {"updatedAt", at}};
  if (type == "apikey.created") {
    payload.update({{"uuid", uuid}, {"name", key.name}, {"createdAt", at}});
  } else {
    payload["keyName"] = key.name;
  }
  write(type, {"ApiKey", uuid}, payload.dump(), now, quiet);
}

void ControlPlane::operate_on_key(const std::string& artifact_id, TimePoint now, bool quiet) {
  const std::string name = "key-" + std::to_string(random_.below(kFew));
  const auto found = std::find_if(tables_.keys.begin(), tables_.keys.end(), [&](const auto& key) {
    return key.second.artifact_id == artifact_id && key.second.name == name && key.second.active;
  });
  if (found == tables_.keys.end()) {
    const std::string uuid = "uuid-" + new_id();
    tables_.keys[uuid] = {artifact_id, name, "***" + new_id(), true, clock(now)};
    return announce_key(uuid, tables_.keys[uuid], "apikey.created", now, quiet);
  }
  KeyRow& key = found->second;
  key.updated = clock(now);
  if (random_.chance(50)) {
    // Somebody who is quick updates it twice within a second: the two have one time.
    const auto row = tables_.rows.find(artifact_id);
    if (random_.chance(20) && row != tables_.rows.end() && row->second.deployed) {
      key.masked = "***" + new_id();
      passed_.emplace_back(Key{"ApiKey", found->first}, wanted(/*of_stopped=*/false).at({"ApiKey", found->first}));
      announce_key(found->first, key, "apikey.updated", now, quiet);
    }
    key.masked = "***" + new_id();
    return announce_key(found->first, key, "apikey.updated", now, quiet);
  }
  key.active = false;
  write("apikey.revoked", {"ApiKey", found->first}, json{{"apiId", artifact_id}, {"keyName", name}}.dump(), now, quiet);
}

void ControlPlane::operate_on_subscription(const std::string& artifact_id, TimePoint now, bool quiet) {
  const std::string id = "sub-" + artifact_id + "-" + std::to_string(random_.below(2));
  const bool is_new = !tables_.subscriptions.contains(id);
  json payload = {{"apiId", artifact_id}, {"subscriptionId", id}};
  if (!is_new && random_.chance(40)) {
    payload["subscriptionToken"] = tables_.subscriptions[id].token;
    tables_.subscriptions.erase(id);
    return write("subscription.deleted", {"Subscription", id}, payload.dump(), now, quiet);
  }
  Subscription& row = tables_.subscriptions[id];
  row = {artifact_id, "", "token-" + new_id(), random_.chance(80) ? "ACTIVE" : "INACTIVE"};
  if (!tables_.plans.empty()) row.plan = tables_.plans.begin()->first;
  payload.update({{"subscriptionToken", row.token}, {"status", row.status}});
  if (!row.plan.empty()) payload["subscriptionPlanId"] = row.plan;
  write(is_new ? "subscription.created" : "subscription.updated", {"Subscription", id}, payload.dump(), now, quiet);
}

void ControlPlane::operate_on_plan(TimePoint now, bool quiet) {
  const std::string id = prefix_ + "plan-" + std::to_string(random_.below(kFew));
  const bool is_used = std::any_of(tables_.subscriptions.begin(), tables_.subscriptions.end(),
                                   [&id](const auto& row) { return row.second.plan == id; });
  const bool is_new = !tables_.plans.contains(id);
  if (!is_new && !is_used && random_.chance(30)) {
    const json payload = {{"planId", id}, {"handle", id}, {"planName", tables_.plans[id].name}};
    tables_.plans.erase(id);
    return write("subscriptionPlan.deleted", {"SubscriptionPlan", id}, payload.dump(), now, quiet);
  }
  tables_.plans[id] = {"Plan " + new_id(), "ACTIVE"};
  const json payload = {{"planId", id},
                        {"handle", id},
                        {"planName", tables_.plans[id].name},
                        {"stopOnQuotaReach", true},
                        {"status", "ACTIVE"}};
  write(is_new ? "subscriptionPlan.created" : "subscriptionPlan.updated", {"SubscriptionPlan", id}, payload.dump(), now,
        quiet);
}

/// Nobody lists applications: their event goes to gateways that have one of the artifacts concerned, and is all.
void ControlPlane::operate_on_application(TimePoint now, bool quiet) {
  const std::string id = prefix_ + "app-" + std::to_string(random_.below(2));
  Application& application = tables_.applications[id];
  application.name = "App " + new_id();
  application.keys.clear();
  bool deployed = false;
  json mappings = json::array();
  for (const auto& [uuid, key] : tables_.keys) {
    if (!key.active || !random_.chance(30)) continue;
    application.keys.push_back(uuid);
    mappings.push_back({{"apiKeyUuid", uuid}});
    const auto row = tables_.rows.find(key.artifact_id);
    deployed |= row != tables_.rows.end() && row->second.deployed && row->second.acked && !row->second.failed;
  }
  const json payload = {{"applicationId", id},
                        {"applicationUuid", id},
                        {"applicationName", application.name},
                        {"applicationType", "web"},
                        {"mappings", mappings}};
  write("application.updated", {"Application", id}, payload.dump(), now, quiet || !deployed);
}

std::string ControlPlane::new_deployment(const std::string& id, TimePoint now) {
  const std::string deployment_id = "d-" + new_id();
  Content content;
  content.artifact_id = id;
  content.number = number_;
  content.document = "kind: " + kind_of(id) + "\nmetadata:\n  name: " + handle_of(id) +
                     "\nspec:\n  displayName: " + deployment_id + "\n";
  if (kind_of(id) == "LlmProxy") {
    content.providers = {handle_of(prefix_ + "provider-" + std::to_string(random_.below(kFew)))};
    content.document += "  provider:\n    id: " + content.providers[0] + "\n";
  }
  if (random_.chance(30)) {
    content.secrets = {prefix_ + "secret-" + std::to_string(random_.below(kFew))};
    content.document += "  value: '{{ secret \"" + content.secrets[0] + "\" }}'\n";
  }
  if (random_.chance(10)) {
    content.refused_by = 1 + static_cast<unsigned>(random_.below(3));
    if (random_.chance(40)) content.refused_until = now + random_.between(1min, 1h);
    content.spoils = random_.chance(20);
  }
  deployments_[deployment_id] = std::move(content);
  return deployment_id;
}

std::optional<TimePoint> ControlPlane::operate(std::int64_t number, Random random, TimePoint now, bool quiet) {
  sweep(now);
  keep_copy(now);
  if (std::exchange(number_, number) != number) ids_ = 0;
  random_ = random;
  tables_.number = number;
  const std::size_t before = pending_.size();
  const auto due = [&]() -> std::optional<TimePoint> { return pending_.size() > before ? next_due() : std::nullopt; };
  const std::string id = last_id_ = pick_id();
  const auto row = tables_.rows.find(id);
  const bool exists = tables_.artifacts.contains(id);
  switch (random_.below(14)) {
    case 0:
      if (row == tables_.rows.end() || !row->second.deployed || row->second.failed) break;  // refused if it failed
      if (random_.chance(40)) {
        restart_deployment(id, now, quiet);
      } else {
        change_deployment(id, row->second.deployment_id, false, now, quiet);
      }
      return due();
    case 1:
      if (!exists || !random_.chance(50)) break;
      remove(id, now, quiet);
      return std::nullopt;
    case 2:  // A deployment that is stopped or failed is deleted: no event, no row.
      if (row == tables_.rows.end() || (row->second.deployed && !row->second.failed)) break;
      tables_.rows.erase(row);
      return std::nullopt;
    case 3:
    case 4:
      if (!exists) break;
      operate_on_key(id, now, quiet);
      return std::nullopt;
    case 5:
      if (!exists || kind_of(id) == "LlmProvider") break;
      operate_on_subscription(id, now, quiet);
      return std::nullopt;
    case 6:
      operate_on_plan(now, quiet);
      return std::nullopt;
    case 7: {
      auto& secret = tables_.secrets[prefix_ + "secret-" + std::to_string(random_.below(kFew))];
      const std::string turn = new_id();
      secret = {"hash-" + turn, "value-" + turn, clock(now)};
      return std::nullopt;
    }
    case 8: {  // an older deployment is restored
      std::vector<std::string> earlier;
      for (const auto& [deployment_id, content] : deployments_) {
        if (content.artifact_id == id && exists && !tables_.forgotten.contains(deployment_id))
          earlier.push_back(deployment_id);
      }
      if (earlier.empty()) break;
      change_deployment(id, earlier[random_.below(earlier.size())], true, now, quiet);
      return due();
    }
    case 9:
      operate_on_application(now, quiet);
      return std::nullopt;
    default:
      break;
  }
  const std::string deployment_id = new_deployment(id, now);
  change_deployment(id, deployment_id, true, now, quiet);
  if (random_.chance(10)) change_mind(id, deployment_id, now, quiet);
  return due();
}

void ControlPlane::keep_copy(TimePoint now) {
  replica_.emplace_back(now, tables_);
  while (replica_.size() > 1 && replica_[1].first < now - 10s) replica_.pop_front();
  if (!copies_.empty() && now - copies_.back().first < 10min) return;
  copies_.emplace_back(now, tables_);
  while (copies_.size() > 1 && copies_.front().first < now - 3h) copies_.pop_front();
  while (!hub_.empty() && hub_.size() > 100'000) hub_.pop_front();
}

void ControlPlane::restore(std::int64_t number, TimePoint now, Duration age) {
  keep_copy(now);
  pending_.clear();
  auto copy = copies_.rbegin();
  while (copy != copies_.rend() && copy->first > now - age) ++copy;
  if (copy == copies_.rend()) return;
  const std::int64_t known = copy->second.number;
  tables_ = copy->second;
  for (const auto& [id, content] : deployments_) {
    if (content.number > known) tables_.forgotten.insert(id);
  }
  tables_.number = number;
  last_taken_back_ = now;
}

void ControlPlane::heal(TimePoint now) {
  keep_copy(now);
  std::erase_if(pending_, [now](const Pending& operation) { return operation.due > now + kCommitTime; });
  number_ = 1'000'000;  // beyond all actions
  ids_ = 0;
  random_ = Random(1);
  for (auto& [id, content] : deployments_) {
    content.refused_by = 0;
    content.spoils = false;
  }
  for (std::size_t i = 0; i < kFew; ++i) {
    const std::string id = prefix_ + "provider-" + std::to_string(i);
    if (tables_.rows.contains(id) && tables_.rows.at(id).deployed) continue;
    const std::string deployment_id = new_deployment(id, now);
    deployments_[deployment_id].refused_by = 0;
    deployments_[deployment_id].spoils = false;
    change_deployment(id, deployment_id, true, now, /*quiet=*/false);
  }
}

void ControlPlane::sweep(TimePoint now) {
  for (auto& [id, row] : tables_.rows) {
    if (!row.acked && now - row.since > kAckLimit) row.failed = true;
  }
}

void ControlPlane::take_ack(const Ack& ack, TimePoint now) {
  sweep(now);
  const auto found = tables_.rows.find(ack.artifact_id);
  if (found == tables_.rows.end() || found->second.at_text != ack.performed_at) return;
  Row& row = found->second;
  if (!ack.success) {
    row.failed = true;
  } else if (!row.failed && row.deployed == (ack.action == "deploy")) {
    row.acked = true;
  }
}

bool ControlPlane::has_providers(const std::string& id) const {
  const auto row = tables_.rows.find(id);
  if (row == tables_.rows.end() || !row->second.deployed) return false;
  const auto& providers = deployments_.at(row->second.deployment_id).providers;
  return std::all_of(providers.begin(), providers.end(), [this](const std::string& handle) {
    const auto provider = tables_.rows.find(handle.substr(7));  // handle-provider-0
    return provider != tables_.rows.end() && provider->second.deployed;
  });
}

bool ControlPlane::is_refused(const std::string& deployment_id, std::size_t gateway, TimePoint now) const {
  const auto found = deployments_.find(deployment_id);
  return found != deployments_.end() && (found->second.refused_by & (1U << gateway)) != 0 &&
         now < found->second.refused_until;
}

bool ControlPlane::spoils_bodies(const std::string& deployment_id) const {
  const auto found = deployments_.find(deployment_id);
  return found != deployments_.end() && found->second.spoils;
}

const std::string& ControlPlane::document_of(const std::string& deployment_id) const {
  static const std::string kNone;
  const auto found = deployments_.find(deployment_id);
  return found == deployments_.end() ? kNone : found->second.document;
}

std::vector<std::string> ControlPlane::secrets_of(const std::string& deployment_id) const {
  const auto found = deployments_.find(deployment_id);
  return found == deployments_.end() ? std::vector<std::string>() : found->second.secrets;
}

std::vector<Key> ControlPlane::references_of(const std::string& deployment_id) const {
  std::vector<Key> all;
  const auto found = deployments_.find(deployment_id);
  if (found == deployments_.end()) return all;
  for (const auto& handle : found->second.providers) all.emplace_back("LlmProvider", handle.substr(7));
  for (const auto& handle : found->second.secrets) all.emplace_back("Secret", handle);
  return all;
}

std::map<Key, std::string> ControlPlane::wanted(bool of_stopped) const {
  std::map<Key, std::string> all;
  const auto is_deployed = [this, of_stopped](const std::string& id) {
    if (of_stopped) return true;
    const auto row = tables_.rows.find(id);
    return row != tables_.rows.end() && row->second.deployed;
  };
  for (const auto& [id, row] : tables_.rows) {
    if (!row.deployed && !of_stopped) continue;
    all[{row.kind, id}] = row.deployment_id + "@" + std::to_string(row.at.ms());
    for (const auto& handle : deployments_.at(row.deployment_id).secrets) {
      all[{"Secret", handle}] = tables_.secrets.at(handle).value;
    }
  }
  for (const auto& [uuid, key] : tables_.keys) {
    if ((!key.active && !of_stopped) || !is_deployed(key.artifact_id)) continue;
    // That it is revoked changes what there is, also while its artifact is not deployed.
    all[{"ApiKey", uuid}] = key.artifact_id + " " + key.name + " " + key.masked + (key.active ? "" : " revoked");
  }
  for (const auto& [id, plan] : tables_.plans) all[{"SubscriptionPlan", id}] = plan.name + " " + plan.status;
  for (const auto& [id, row] : tables_.subscriptions) {
    if (!is_deployed(row.artifact_id)) continue;
    all[{"Subscription", id}] = row.artifact_id + " " + row.token + " " + row.plan + " " + row.status;
  }
  if (of_stopped) {
    for (const auto& [handle, secret] : tables_.secrets) all[{"Secret", handle}] = secret.value;
  }
  for (const auto& [id, application] : tables_.applications) {
    std::string version = application.name;
    for (const auto& uuid : application.keys) version += " " + uuid;
    all[{"Application", id}] = version;
  }
  return all;
}

}  // namespace tether::sim
