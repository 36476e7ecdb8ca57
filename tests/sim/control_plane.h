#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "random.h"
#include "tether/protocol/frames.h"
#include "tether/protocol/rest.h"
#include "tether/sync/engine.h"

namespace tether::sim {

/// What an ack said, as the control plane reads it.
struct Ack {
  std::string artifact_id;
  std::string deployment_id;
  std::string action;
  bool success = false;
  std::string performed_at;
};

/// An answer of the control plane as it was when it was made.
struct Reply {
  sync::RequestOutcome outcome;
  std::vector<protocol::DeploymentRow> rows;
  std::vector<protocol::ResourceState> states;
  std::vector<protocol::Existence> existences;
  std::vector<sync::Document> documents;
  std::optional<std::string> value;
};

/// One operation on an artifact: a deployment, an undeployment, or its deletion.
struct Operation {
  std::int64_t number = 0;  ///< 1, 2, 3 … in the order of their commits.
  TimePoint when;
  bool deployed = false;
  std::string deployment_id;
  std::int64_t at_ms = 0;
};

/// A row of the event hub.
struct HubEvent {
  TimePoint written;
  protocol::Event event;
};

/// The control plane's database and what it answers from it. Its users' operations are drawn at random.
class ControlPlane {
 public:
  explicit ControlPlane(TimePoint start);

  /// The control plane's clock.
  Instant clock(TimePoint now) const;

  /// One operation of a user, drawn at random; what it makes is named after `number`. `quiet`: no event is written, as
  /// one that gets lost.
  void operate(std::int64_t number, Random random, TimePoint now, bool quiet);
  void take_ack(const Ack& ack, TimePoint now);

  /// The true answer, at this moment.
  Reply answer(const sync::SendRequest& request, TimePoint now);

  const std::vector<HubEvent>& hub() const { return hub_; }

  // For the checkers.
  struct Row {
    std::string kind;
    std::string deployment_id;
    bool deployed = false;
    Instant at;
    std::string at_text;
    TimePoint since;
    bool acked = false;
    bool failed = false;  ///< No ack in time, or one that said so.
  };
  const std::map<std::string, Row>& rows() const { return rows_; }
  const std::map<std::string, std::vector<Operation>>& history() const { return history_; }
  /// What the gateway should have: kind and id, and the version (a deployment id and time, or the data). `has_bad`:
  /// whether the gateway refuses what this deployment holds.
  std::map<std::pair<std::string, std::string>, std::string> desire() const;
  bool is_bad(const std::string& deployment_id) const { return bad_.contains(deployment_id); }
  /// What the gateway refused it would take now, and everything that is referred to is deployed.
  void heal(TimePoint now);

 private:
  void deploy(const std::string& id, const std::string& kind, std::string deployment_id, TimePoint now, bool quiet);
  void undeploy(const std::string& id, TimePoint now, bool quiet);
  void remove(const std::string& id, TimePoint now, bool quiet);
  void operate_on_key(const std::string& artifact_id, TimePoint now, bool quiet);
  void operate_on_subscription(const std::string& artifact_id, TimePoint now, bool quiet);
  void operate_on_plan(TimePoint now, bool quiet);
  void write(std::string type, protocol::EventBody body, TimePoint now, bool quiet);
  void sweep(TimePoint now);
  std::string stamp(Row& row, TimePoint now);
  std::string pick_id();
  std::string new_id();
  static std::string kind_of(const std::string& id);

  TimePoint start_;
  Random random_{0};         ///< Of the operation that is being done.
  std::int64_t number_ = 0;  ///< Its number.
  std::set<std::string> artifacts_;
  std::map<std::string, Row> rows_;
  struct Content {
    std::string artifact_id;
    std::vector<std::string> providers;
    std::vector<std::string> secrets;
  };
  std::map<std::string, Content> deployments_;
  std::map<std::string, protocol::ResourceState> keys_;
  std::map<std::string, protocol::ResourceState> plans_;
  std::map<std::string, protocol::ResourceState> subscriptions_;
  std::map<std::string, std::pair<std::string, std::string>> secrets_;
  std::set<std::string> bad_;
  std::vector<HubEvent> hub_;
  std::map<std::string, std::vector<Operation>> history_;
  std::int64_t operations_ = 0;
  std::int64_t ids_ = 0;
};

}  // namespace tether::sim
