#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tether/base/result.h"
#include "tether/base/time.h"

namespace tether::peers {

enum class Status { Deploying, Deployed, Undeploying, Undeployed, Failed };
std::string_view text_of(Status status);

/// The control plane's row for one artifact on this gateway.
struct StatusRow {
  std::string deployment_id;
  bool wanted = true;  ///< The desire: served or not. Acks and time-outs don't change it.
  Status status = Status::Deploying;
  Instant performed_at;  ///< As printed, so cut to its decimals.
  std::string performed_at_text;
  std::string reason;  ///< Of `Failed`.
};

struct Artifact {
  std::string id;
  std::string kind;
  std::string handle;
};

struct Deployment {
  std::string id;
  std::string artifact_id;
  std::string document;
};

/// One row of the event hub. `envelope` is what goes on the wire.
struct EventRow {
  std::uint64_t number = 0;  ///< 1, 2, 3 …
  Instant written;
  nlohmann::json envelope;
};

struct Deployed {
  std::string artifact_id;
  std::string deployment_id;
};

/// How operations stamp and announce; the control plane's knobs set it.
struct Habits {
  bool drop_events = false;
  int performed_at_decimals = 3;
  int performed_at_padding = 0;
  bool equal_times = false;
  std::chrono::nanoseconds clock_offset{0};
};

/// The control plane's database for one gateway: what is desired, how far the gateway got, and the event log. A value:
/// a copy is a backup. Knows nothing of sockets. Not thread-safe; `ControlPlane` guards it.
class Desire {
 public:
  explicit Desire(std::string gateway_id);

  const std::string& gateway_id() const { return gateway_id_; }
  Habits habits;
  Instant now() const;  ///< The control plane's clock.

  // -- Artifacts. An operation on something unknown is Reject.
  /// A new deployment of (kind, handle), and the artifact if it is new. An empty document: a sample is made up.
  Result<Deployed> deploy(const std::string& kind, const std::string& handle, std::string document = {});
  /// A new deployment of the artifact with its present document, or with another.
  Result<Deployed> redeploy(const std::string& artifact_id, std::string document = {});
  /// An older deployment again: its old id, a new `performedAt`.
  Result<Deployed> restore(const std::string& deployment_id);
  /// Reject also while the row is `FAILED`, as the control plane refuses it then.
  Result<Done> undeploy(const std::string& artifact_id);
  Result<Done> delete_artifact(const std::string& artifact_id);
  /// Of an undeployed or failed deployment only. No event.
  Result<Done> delete_deployment(const std::string& deployment_id);

  // -- API keys, by (artifact, name).
  Result<std::string> create_key(const std::string& artifact_id, const std::string& name);  ///< The key's uuid.
  Result<Done> update_key(const std::string& artifact_id, const std::string& name);         ///< Another hash.
  Result<Done> revoke_key(const std::string& artifact_id, const std::string& name);

  // -- Applications: the complete new list of key uuids. No event unless an artifact concerned is `DEPLOYED`.
  /// Returns the application's uuid.
  std::string update_application(const std::string& handle, const std::vector<std::string>& key_uuids);

  // -- Plans and subscriptions. Members are put into the REST form and override what is made up.
  std::string create_plan(const std::string& handle, const nlohmann::json& members = {});  ///< Its id.
  Result<Done> update_plan(const std::string& plan_id, const nlohmann::json& members);
  Result<Done> delete_plan(const std::string& plan_id);
  Result<std::string> create_subscription(const std::string& artifact_id, const std::string& plan_id,
                                          const nlohmann::json& members = {});  ///< Its id.
  Result<Done> update_subscription(const std::string& subscription_id, const nlohmann::json& members);
  Result<Done> delete_subscription(const std::string& subscription_id);

  // -- Secrets. Never an event. Putting a handle again is a rotation.
  void put_secret(const std::string& handle, const std::string& value);
  Result<Done> deprecate_secret(const std::string& handle);
  Result<Done> remove_secret(const std::string& handle);
  /// (x) An HMAC secret of a WebSubApi: created, or updated if the name is known.
  Result<Done> put_hmac_secret(const std::string& artifact_id, const std::string& name, const std::string& secret);
  Result<Done> delete_hmac_secret(const std::string& artifact_id, const std::string& name);

  /// Puts any envelope into the event log, even with `drop_events`.
  void write_raw_event(nlohmann::json envelope);

  // -- What the gateway says.
  /// Whether the ack's payload changed a row's status (protocol section 3.1).
  bool take_ack(const nlohmann::json& payload);
  /// Turns rows that wait for longer than `limit` into `FAILED` / `DEPLOYMENT_TIMEOUT`. Returns how many.
  int sweep(std::chrono::nanoseconds limit);
  /// What the manifest said; below 1.2.0 new deployments are written in the old format.
  void set_gateway_version(const std::string& version);

  // -- What REST answers.
  /// Rows of the deployment listing; `since` as sent. Nullopt: `since` is not RFC 3339.
  std::optional<nlohmann::json> listing(const std::optional<std::string>& since) const;
  nlohmann::json api_keys(std::string_view kind, const std::optional<std::string>& issuer) const;
  nlohmann::json plans() const;
  nlohmann::json subscriptions(const std::string& artifact_id) const;
  /// Secrets that a document desired here refers to. Nullopt: `updated_after` is not RFC 3339.
  std::optional<nlohmann::json> secrets(const std::optional<std::string>& updated_after, bool with_values) const;
  bool secret_is_referred_to(const std::string& handle) const;
  nlohmann::json hmac_secrets(const std::string& artifact_id) const;

  const std::map<std::string, Artifact>& artifacts() const { return artifacts_; }
  const std::map<std::string, Deployment>& deployments() const { return deployments_; }
  const std::map<std::string, StatusRow>& rows() const { return rows_; }  ///< By artifact id.
  const std::map<std::string, nlohmann::json>& stored_secrets() const { return secrets_; }
  const std::deque<EventRow>& events() const { return events_; }
  const Artifact* artifact_named(std::string_view kind, std::string_view handle) const;
  /// The `performedAt` texts that were ever issued for an artifact: what an ack may echo.
  const std::set<std::string>& issued_times(const std::string& artifact_id) const;

  /// Everything, to be kept in a file; `from_json` is Corrupt if it is not such a snapshot.
  nlohmann::json to_json() const;
  static Result<Desire> from_json(const nlohmann::json& snapshot);

 private:
  Result<Deployed> start_deployment(const Artifact& artifact, const std::string& deployment_id);
  std::string stamp(const std::string& artifact_id, Instant& at);
  void write_event(const std::string& type, nlohmann::json payload, bool by_user = false);
  void announce_keys(const std::string& artifact_id);
  nlohmann::json key_event(const nlohmann::json& key) const;
  nlohmann::json* find_key(const std::string& artifact_id, const std::string& name);
  bool is_deployed_here(const std::string& artifact_id) const { return rows_.contains(artifact_id); }

  std::string gateway_id_;
  std::string hash_key_;
  std::string gateway_version_;
  std::uint64_t next_event_ = 1;
  std::map<std::string, Artifact> artifacts_;
  std::map<std::string, std::string> ids_by_name_;  ///< `kind/handle` → artifact id.
  std::map<std::string, Deployment> deployments_;
  std::map<std::string, StatusRow> rows_;
  std::map<std::string, nlohmann::json> keys_;           ///< By uuid, in the REST form.
  std::map<std::string, nlohmann::json> plans_;          ///< By id, in the REST form.
  std::map<std::string, nlohmann::json> subscriptions_;  ///< By id, in the REST form.
  std::map<std::string, nlohmann::json> applications_;   ///< By handle: the event's payload.
  std::map<std::string, nlohmann::json> secrets_;        ///< By handle, in the REST form, with `value`.
  std::map<std::string, std::map<std::string, std::string>> hmac_secrets_;
  std::map<std::string, std::set<std::string>> issued_times_;
  std::deque<EventRow> events_;
};

}  // namespace tether::peers
