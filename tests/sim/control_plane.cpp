#include "control_plane.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tether/protocol/kinds.h"

/// The control plane's database: what becomes of an operation, and what is wanted.
namespace tether::sim {
namespace {

using nlohmann::json;

constexpr Instant kBegin{1'787'396'400'000'000'000};  // 2026-08-22T11:00:00Z

std::chrono::nanoseconds nanoseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(duration);
}

}  // namespace

ControlPlane::ControlPlane(std::string gateway_id, std::string prefix, TimePoint start, Users users)
    : gateway_id_(std::move(gateway_id)), prefix_(std::move(prefix)), start_(start), users_(users) {
  for (std::size_t i = 0; i < kFew; ++i) {
    tables_.secrets[prefix_ + "secret-" + std::to_string(i)] = {"hash-0", prefix_ + "value-" + std::to_string(i),
                                                                kBegin};
  }
}

Instant ControlPlane::clock(TimePoint now) const {
  return kBegin + nanoseconds(now - start_ - back_);
}

std::string ControlPlane::kind_of(const std::string& id) {
  if (id.find("websub-") != std::string::npos) return "WebSubApi";
  if (id.find("webbroker-") != std::string::npos) return "WebBrokerApi";
  if (id.find("api-") != std::string::npos) return "RestApi";
  if (id.find("provider-") != std::string::npos) return "LlmProvider";
  return id.find("mcp-") != std::string::npos ? "Mcp" : "LlmProxy";
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
  Instant& newest = newest_row_[id];            // also of one that was deleted, and made anew
  if (newest > row.at) crosswise_[id] = now;
  newest = std::max(newest, row.at);
  row.written = now;
  const auto before = tables_.rows.find(id);
  if (before != tables_.rows.end() && before->second.deployed && before->second.written == now) {
    passed_.emplace_back(Key{row.kind, id}, wanted(/*of_stopped=*/false).at({row.kind, id}));
  }
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
  const TimePoint due = now + random_.between(1ms, kCommitsWithin);
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

void ControlPlane::stop_providers(std::int64_t number, Random random, TimePoint now) {
  begin_operation(number, random, now);
  for (std::size_t i = 0; i < kFew; ++i) {
    const std::string id = prefix_ + "provider-" + std::to_string(i);
    const auto row = tables_.rows.find(id);
    if (row == tables_.rows.end() || !row->second.deployed || row->second.failed) continue;
    write_row(id, stamped_row(id, row->second.deployment_id, false, now), now, /*quiet=*/false);
  }
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
  newest_row_.clear();
  for (const auto& [id, row] : tables_.rows) newest_row_[id] = row.at;
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
  deploy_providers(now);
}

void ControlPlane::deploy_providers(TimePoint now) {
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
  for (const auto& [id, row] : tables_.hmac_secrets) {
    if (is_deployed(row.artifact_id)) all[{"HmacSecret", id}] = row.artifact_id + " " + row.name + " " + row.value;
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
