#include "witness.h"

#include <algorithm>

namespace tether::test {
namespace {

constexpr int kOk = 200;

Instant instant_of(const std::string& text) {
  const auto at = parse_rfc3339(text);
  return at ? *at : Instant{};
}

/// To the precision of the gateway's lines.
Instant in_ms(Instant at) {
  return from_ms(at.ms());
}

std::string text_of(Instant at) {
  return at.is_set() ? format_rfc3339_ms(at) : "never";
}

}  // namespace

void Witness::on_request(const peers::GatewayRequest& request) {
  const bool is_applied = request.status == kOk || (request.status == 0 && !request.applied.empty());
  if (request.method == "GET" || !is_applied) return;
  const std::lock_guard lock(mutex_);
  if (request.method == "PUT") {
    const auto has_line = [&request](const std::string& id) {
      return std::ranges::any_of(request.applied, [&id](const peers::Applied& line) { return line.id == id; });
    };
    for (auto& [id, seen] : seen_) {
      if (seen.held.is_set() && !has_line(id)) take_away(id, seen);
    }
  }
  for (const peers::Applied& line : request.applied) {
    const auto seen = seen_.find(line.id);
    if (line.removed && line.reason.empty() && seen != seen_.end()) take_away(line.id, seen->second);
    if (!line.removed && !line.deployed_at.empty()) take_put(line);
    if (request.method == "PUT" && !line.reason.empty() && seen != seen_.end()) seen->second.held = {};
  }
}

void Witness::take_put(const peers::Applied& line) {
  const Instant at = instant_of(line.deployed_at);
  Seen& seen = seen_[line.id];
  if (!line.reason.empty()) {
    refused_.emplace(line.id, at);
    seen.refused = std::max(seen.refused, at);
    return;
  }
  const std::string what = line.kind + " " + line.id + " of " + text_of(at);
  if (at < seen.served) violation(what + " came to the gateway after " + text_of(seen.served));
  if (at <= seen.removed)
    violation(what + " came back to the gateway after it was stopped at " + text_of(seen.removed));
  check_owner(line.id, seen);
  taken_.emplace(line.id, at);
  seen.served = std::max(seen.served, at);
  seen.held = at;
}

void Witness::check_owner(const std::string& artifact_id, const Seen& seen) {
  if (!seen.known) return;
  for (const auto& [id, other] : seen_) {
    if (!other.held.is_set() || !other.known || other.owner == seen.owner) continue;
    return violation(artifact_id + " of " + seen.owner + " came to the gateway beside " + id + " of " + other.owner);
  }
}

void Witness::take_away(const std::string& artifact_id, Seen& seen) {
  if (seen.held.is_set() && seen.stopped <= seen.held && seen.refused <= seen.held) {
    violation(artifact_id + " of " + text_of(seen.held) + " was taken from the gateway, and never stopped");
  }
  if (seen.stopped > seen.held) seen.removed = std::max(seen.removed, seen.stopped);
  seen.held = {};
}

void Witness::on_journal(const peers::JournalEntry& entry) {
  if (entry.what != "ack" || !entry.detail.contains("artifactId")) return;
  const std::string id = entry.detail["artifactId"];
  const Instant at = in_ms(instant_of(entry.detail.value("performedAt", "")));
  const std::string what = entry.detail.value("action", "") + " of " + id + " at " + text_of(at);
  const bool deploys = entry.detail.value("action", "") == "deploy";
  const bool succeeds = entry.detail.value("status", "") == "success";
  const std::lock_guard lock(mutex_);
  if (succeeds && deploys && !taken_.contains({id, at})) {
    violation("success was acknowledged for the " + what + ", which the gateway never took");
  }
  if (succeeds && !deploys && seen_[id].held.is_set() && seen_[id].held < at) {
    violation("success was acknowledged for the " + what + ", and the gateway serves it");
  }
  if (!succeeds && !refused_.contains({id, at})) {
    violation("failure was acknowledged for the " + what + ", which the gateway did not refuse");
  }
}

void Witness::on_change(const peers::Desire& desire) {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, row] : desire.rows()) {
    Seen& seen = seen_[id];
    seen.known = true;
    seen.owner = desire.gateway_id();
    if (!row.wanted) seen.stopped = std::max(seen.stopped, in_ms(row.performed_at));
  }
  for (auto& [id, seen] : seen_) {
    if (seen.known && !desire.rows().contains(id)) seen.stopped = std::max(seen.stopped, in_ms(desire.now()));
  }
}

void Witness::on_gateway_emptied() {
  const std::lock_guard lock(mutex_);
  for (auto& [id, seen] : seen_) seen.held = {};
}

bool Witness::may_be_missing(const std::string& artifact_id) const {
  const std::lock_guard lock(mutex_);
  const auto found = seen_.find(artifact_id);
  if (found == seen_.end()) return false;
  return found->second.stopped >= found->second.served || found->second.refused > found->second.served;
}

std::vector<std::string> Witness::violations() const {
  const std::lock_guard lock(mutex_);
  return violations_;
}

void Witness::violation(const std::string& sentence) {
  violations_.push_back(sentence);
}

}  // namespace tether::test
