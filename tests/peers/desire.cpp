#include "tether/peers/desire.h"

#include <algorithm>

#include "tether/peers/documents.h"
#include "tether/peers/kinds.h"
#include "tether/peers/texts.h"

namespace tether::peers {
namespace {

constexpr std::size_t kEventLimit = 1'048'576;  // Protocol section 2.1: larger envelopes are never sent.
constexpr std::size_t kReasonLimit = 50;        // Section 3.1: the column's width.

tl::unexpected<Error> unknown(const std::string& what, const std::string& id) {
  return fail(ErrorKind::Reject, "no such " + what + ": " + id);
}

/// What the last of `decimals` fractional digits counts.
std::int64_t unit_ns(int decimals) {
  std::int64_t unit = 1'000'000'000;
  for (int i = 0; i < std::clamp(decimals, 0, 9); ++i) unit /= 10;
  return unit;
}

Instant truncated(Instant at, int decimals) {
  return {at.ns - at.ns % unit_ns(decimals)};
}

bool is_before_1_2(const std::string& version) {
  int major = 1;
  int minor = 0;
  if (!version.empty()) std::sscanf(version.c_str(), "%d.%d", &major, &minor);
  return major < 1 || (major == 1 && minor < 2);
}

}  // namespace

std::string_view text_of(Status status) {
  switch (status) {
    case Status::Deploying:
      return "DEPLOYING";
    case Status::Deployed:
      return "DEPLOYED";
    case Status::Undeploying:
      return "UNDEPLOYING";
    case Status::Undeployed:
      return "UNDEPLOYED";
    case Status::Failed:
      return "FAILED";
  }
  return "?";
}

Desire::Desire(std::string gateway_id) : gateway_id_(std::move(gateway_id)), hash_key_(random_token()) {}

Instant Desire::now() const {
  return wall_clock_now() + habits.clock_offset;
}

std::string Desire::stamp(const std::string& artifact_id, Instant& at) {
  const auto row = rows_.find(artifact_id);
  const Instant before = row == rows_.end() ? Instant{} : row->second.performed_at;  // `at` may be this very row's
  at = truncated(now(), habits.performed_at_decimals);
  // One operation after the other within one unit: people are slower than that, tests are not.
  while (!habits.equal_times && before == at) {
    at = at + std::chrono::nanoseconds(unit_ns(habits.performed_at_decimals));
  }
  const std::string text = performed_at_text(at, habits.performed_at_decimals, habits.performed_at_padding);
  issued_times_[artifact_id].insert(text);
  return text;
}

void Desire::write_event(const std::string& type, nlohmann::json payload, bool by_user) {
  if (habits.drop_events) return;
  nlohmann::json envelope{{"type", type},
                          {"payload", std::move(payload)},
                          {"timestamp", local_seconds_text(now())},
                          {"correlationId", random_uuid()}};
  if (by_user) envelope["userId"] = "user-1";
  write_raw_event(std::move(envelope));
}

void Desire::write_raw_event(nlohmann::json envelope) {
  if (envelope.dump().size() > kEventLimit) return;
  events_.push_back({next_event_++, wall_clock_now(), std::move(envelope)});
}

const Artifact* Desire::artifact_named(std::string_view kind, std::string_view handle) const {
  const auto found = ids_by_name_.find(std::string(kind) + "/" + std::string(handle));
  return found == ids_by_name_.end() ? nullptr : &artifacts_.at(found->second);
}

Result<Deployed> Desire::deploy(const std::string& kind, const std::string& handle, std::string document) {
  if (kind_named(kind) == nullptr) return unknown("kind", kind);
  const Artifact* artifact = artifact_named(kind, handle);
  if (artifact == nullptr) {
    const std::string id = random_uuid();
    artifact = &(artifacts_[id] = Artifact{id, kind, handle});
    ids_by_name_[kind + "/" + handle] = id;
  }
  if (document.empty()) {
    SampleDocument sample;
    sample.kind = kind;
    sample.handle = handle;
    sample.v1alpha1 = !gateway_version_.empty() && is_before_1_2(gateway_version_);
    document = sample_document(sample);
  }
  const std::string deployment_id = timed_uuid(now());
  deployments_[deployment_id] = {deployment_id, artifact->id, std::move(document)};
  return start_deployment(*artifact, deployment_id);
}

Result<Deployed> Desire::redeploy(const std::string& artifact_id, std::string document) {
  const auto artifact = artifacts_.find(artifact_id);
  if (artifact == artifacts_.end()) return unknown("artifact", artifact_id);
  if (const auto row = rows_.find(artifact_id); document.empty() && row != rows_.end()) {
    document = deployments_.at(row->second.deployment_id).document;
  }
  return deploy(artifact->second.kind, artifact->second.handle, std::move(document));
}

Result<Deployed> Desire::restore(const std::string& deployment_id) {
  const auto deployment = deployments_.find(deployment_id);
  if (deployment == deployments_.end()) return unknown("deployment", deployment_id);
  return start_deployment(artifacts_.at(deployment->second.artifact_id), deployment_id);
}

Result<Deployed> Desire::start_deployment(const Artifact& artifact, const std::string& deployment_id) {
  Instant at;
  const std::string text = stamp(artifact.id, at);
  rows_[artifact.id] = {deployment_id, /*wanted=*/true, Status::Deploying, at, text, ""};
  const Kind& kind = *kind_named(artifact.kind);
  write_event(std::string(kind.event_prefix) + ".deployed",
              {{std::string(kind.id_member), artifact.id}, {"deploymentId", deployment_id}, {"performedAt", text}});
  announce_keys(artifact.id);
  return Deployed{artifact.id, deployment_id};
}

Result<Done> Desire::undeploy(const std::string& artifact_id) {
  const auto found = rows_.find(artifact_id);
  if (found == rows_.end()) return unknown("deployment of artifact", artifact_id);
  StatusRow& row = found->second;
  if (row.status == Status::Failed)
    return fail(ErrorKind::Reject, "the deployment is FAILED: deploy again or delete it");
  Instant at;
  row.performed_at_text = stamp(artifact_id, at);
  row.performed_at = at;
  row.wanted = false;
  row.status = Status::Undeploying;
  const Kind& kind = *kind_named(artifacts_.at(artifact_id).kind);
  write_event(std::string(kind.event_prefix) + ".undeployed", {{std::string(kind.id_member), artifact_id},
                                                               {"deploymentId", row.deployment_id},
                                                               {"performedAt", row.performed_at_text}});
  return Done{};
}

Result<Done> Desire::delete_artifact(const std::string& artifact_id) {
  const auto artifact = artifacts_.find(artifact_id);
  if (artifact == artifacts_.end()) return unknown("artifact", artifact_id);
  const Kind& kind = *kind_named(artifact->second.kind);
  ids_by_name_.erase(artifact->second.kind + "/" + artifact->second.handle);
  artifacts_.erase(artifact);
  rows_.erase(artifact_id);
  hmac_secrets_.erase(artifact_id);
  std::erase_if(deployments_, [&artifact_id](const auto& d) { return d.second.artifact_id == artifact_id; });
  std::erase_if(keys_, [&artifact_id](const auto& k) { return k.second["artifactUuid"] == artifact_id; });
  std::erase_if(subscriptions_, [&artifact_id](const auto& s) { return s.second["apiId"] == artifact_id; });
  write_event(std::string(kind.event_prefix) + ".deleted", {{std::string(kind.id_member), artifact_id}});
  return Done{};
}

Result<Done> Desire::delete_deployment(const std::string& deployment_id) {
  const auto deployment = deployments_.find(deployment_id);
  if (deployment == deployments_.end()) return unknown("deployment", deployment_id);
  const auto row = rows_.find(deployment->second.artifact_id);
  if (row != rows_.end() && row->second.deployment_id == deployment_id) {
    if (row->second.status != Status::Failed && row->second.status != Status::Undeployed) {
      return fail(ErrorKind::Reject, "only an undeployed or failed deployment can be deleted");
    }
    rows_.erase(row);
  }
  deployments_.erase(deployment);
  return Done{};
}

bool Desire::take_ack(const nlohmann::json& payload) {
  const auto text = [&payload](const char* name) {
    const auto found = payload.find(name);
    return found != payload.end() && found->is_string() ? found->get<std::string>() : std::string{};
  };
  if (text("deploymentId").empty() || text("artifactId").empty()) return false;
  const auto performed_at = stored_time_text(text("performedAt"));
  const auto found = rows_.find(text("artifactId"));
  if (!performed_at || found == rows_.end()) return false;
  StatusRow& row = found->second;
  if (*performed_at != stored_time_text(row.performed_at_text)) return false;

  if (text("status") == "failed") {
    row.status = Status::Failed;
    row.reason = text("errorCode").substr(0, kReasonLimit);
    return true;
  }
  if (text("status") != "success") return false;
  if (text("action") == "deploy" && row.status == Status::Deploying) {
    row.status = Status::Deployed;
    return true;
  }
  if (text("action") == "undeploy" && row.status == Status::Undeploying) {
    row.status = Status::Undeployed;
    return true;
  }
  return false;
}

int Desire::sweep(std::chrono::nanoseconds limit) {
  int failed = 0;
  for (auto& [id, row] : rows_) {
    const bool waits = row.status == Status::Deploying || row.status == Status::Undeploying;
    if (!waits || now() - row.performed_at <= limit) continue;
    row.status = Status::Failed;
    row.reason = "DEPLOYMENT_TIMEOUT";
    ++failed;
  }
  return failed;
}

void Desire::set_gateway_version(const std::string& version) {
  gateway_version_ = version.empty() ? "1.0.0" : version;
}

const std::set<std::string>& Desire::issued_times(const std::string& artifact_id) const {
  static const std::set<std::string> kNone;
  const auto found = issued_times_.find(artifact_id);
  return found == issued_times_.end() ? kNone : found->second;
}

}  // namespace tether::peers
