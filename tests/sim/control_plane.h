#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gateway.h"
#include "random.h"
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

/// An answer of the control plane as it was when it was made: bytes, as they go over the wire.
struct Answer {
  int status = 200;
  std::string body;
  bool whole = true;  ///< False: the connection broke before its end.
  std::optional<Instant> date;
  std::optional<Duration> retry_after;
  std::optional<TimePoint> true_at;  ///< When it was the truth; nothing: never, or nobody knows.
  bool is_readable = true;           ///< Each row of it.
  bool is_nothing = false;           ///< A full listing that lacks all that there is.
  /// Batches only: what the archive would hold, if this world has no time to pack it.
  std::optional<std::vector<std::pair<std::string, std::string>>> entries;
};

bool is_listing(sync::Call call);
/// One row of a listing comes without what it is known by. False: it has none.
bool spoil_row(const sync::SendRequest& request, Answer& answer, Random& random);

/// A row of the event hub.
struct HubEvent {
  TimePoint written;
  std::string id;  ///< Its correlation id.
  std::string type;
  Key about;
  std::string text;  ///< The frame.
  Instant at;        ///< `performedAt`, if it has one.
};

/// Of all that the second control plane names.
inline constexpr const char* kSecondPrefix = "B-";
/// What an operation has begun commits within this time, unless its user acts once more.
inline constexpr Duration kCommitTime = 4s;

/// How many there may be of each kind but RestApi, also of plans and secrets.
inline constexpr std::size_t kFew = 3;
inline Instant second_of(Instant at) {
  return {at.ns / 1'000'000'000 * 1'000'000'000};
}

/// What a request's body names.
std::vector<std::string> ids_in(const std::string& body);
/// … and the path of a secret's value.
std::string secret_of(const std::string& path);
/// Which rows a delta asks for; not set: for all.
Instant since_of(const std::string& path);

/// The control plane's database and what it answers from it. Its users' operations are drawn at random.
class ControlPlane {
 public:
  /// An operation is there so long after it was stamped, at most.
  static constexpr Duration kCommitsWithin = std::chrono::seconds(3);
  /// What is not acknowledged so long after its operation has failed.
  static constexpr Duration kAckLimit = std::chrono::seconds(60);

  /// `is_experimental`: it has WebSub and WebBroker APIs.
  /// What its users deploy.
  enum class Users {
    Plain,         ///< APIs, LLM providers and proxies, and MCP proxies.
    Experimental,  ///< WebSub and WebBroker APIs as well, which not every control plane has.
    Few,           ///< A handful of APIs: one more or less is a large part of all.
  };
  ControlPlane(std::string gateway_id, std::string prefix, TimePoint start, Users users);

  const std::string& gateway_id() const { return gateway_id_; }
  /// Whose something is, by its name: everything of the second one has its prefix somewhere.
  static std::size_t owner_of(const std::string& name) { return name.find(kSecondPrefix) == std::string::npos ? 0 : 1; }
  /// The control plane's clock.
  Instant clock(TimePoint now) const;
  /// It goes back by so much (more).
  void set_back(Duration by, TimePoint now) {
    back_ += by;
    last_taken_back_ = now + by;  // until then what happens is stamped before what has happened
  }

  /// One operation of a user, drawn at random; what it makes is named after `number`, which only grows. `quiet`: no
  /// event is written, as one that gets lost. What it returns is when the operation commits, if not at once: `commit`
  /// is due then.
  std::optional<TimePoint> operate(std::int64_t number, Random random, TimePoint now, bool quiet);
  /// A user deploys this once more, in `refused` of 100 cases what a gateway refuses. It is named after the last
  /// operation, and returns what `operate` returns.
  std::optional<TimePoint> deploy_anew(const std::string& id, Random random, TimePoint now, int refused = 50);
  /// A user undeploys what was changed last; its name, if it was deployed.
  std::optional<std::string> stop_last(Random random, TimePoint now);
  /// A user changes a key of a deployed WebSub or WebBroker API, if there is one, and no event says so.
  void change_unlisted_key(Random random, TimePoint now);
  /// A user deletes it.
  void end(const std::string& id, Random random, TimePoint now);
  /// A user gives a secret another value, just after a backup was made.
  void rotate(const std::string& handle, Random random, TimePoint now);
  /// The database is taken back, and no operation is on its way. Likewise named after the last operation.
  void take_back(TimePoint now, Duration age) { restore(number_, now, age); }
  /// A user stops all that others refer to. As with `operate`, `number` names what comes of it.
  void stop_providers(std::int64_t number, Random random, TimePoint now);
  /// Carries out what is due, and says when the next is.
  std::optional<TimePoint> commit(TimePoint now);
  void take_ack(const Ack& ack, TimePoint now);

  /// The true answer, at this moment.
  Answer answer(const sync::SendRequest& request, TimePoint now) { return answer_from(tables_, request, now); }
  /// What was true a while ago: by a replica that lags behind.
  Answer answer_late(const sync::SendRequest& request, TimePoint now, Duration lag);
  /// Without rows (`keep` < 0) or lacking one.
  Answer lie(const sync::SendRequest& request, TimePoint now, bool nothing, Random& random);
  /// A listing without these artifacts.
  Answer answer_without(const sync::SendRequest& request, TimePoint now, const std::set<std::string>& artifacts);

  /// The database is taken back to what it was `age` ago, or to the oldest copy that there is.
  void restore(std::int64_t number, TimePoint now, Duration age);

  // Tokens.
  bool accepts(const std::string& token) const { return tokens_.contains(token); }
  void revoke_tokens() { tokens_.clear(); }
  void add_token(const std::string& token) { tokens_.insert(token); }

  const std::deque<HubEvent>& hub() const { return hub_; }

  // For the checkers.
  struct Row {
    std::string kind;
    std::string deployment_id;
    bool deployed = false;
    Instant at;  ///< Truncated to the millisecond.
    std::string at_text;
    TimePoint since;
    std::int64_t more_ns = 0;  ///< Shown for a moment, until the row is written again.
    TimePoint rewritten;
    TimePoint written;
    bool acked = false;
    bool failed = false;  ///< No ack in time, or one that said so.
  };
  const std::map<std::string, Row>& rows() const { return tables_.rows; }
  bool exists(const std::string& id) const { return tables_.artifacts.contains(id); }
  /// What the gateway should have: the version of each, as `version_of` reads it from a line.
  std::map<Key, std::string> desire() const { return wanted(/*of_stopped=*/false); }
  /// Likewise of all that there is, also of what is not deployed.
  std::map<Key, std::string> existing() const { return wanted(/*of_stopped=*/true); }
  /// Hands over what was wanted for less than a moment: for the checkers.
  std::vector<std::pair<Key, std::string>> take_passed() { return std::exchange(passed_, {}); }
  /// Of an artifact: whether what it refers to is deployed.
  bool has_providers(const std::string& id) const;
  /// Whether this gateway (a number) refuses what this deployment holds; `whole`: with the whole body.
  bool is_refused(const std::string& deployment_id, std::size_t gateway, TimePoint now) const;
  bool spoils_bodies(const std::string& deployment_id) const;
  const std::string& document_of(const std::string& deployment_id) const;
  /// The handles of the secrets that it needs.
  std::vector<std::string> secrets_of(const std::string& deployment_id) const;
  /// All that it refers to.
  std::vector<Key> references_of(const std::string& deployment_id) const;
  std::string handle_of(const std::string& id) const { return "handle-" + id; }
  static std::string kind_of(const std::string& id);
  /// What the gateway refused it would take now, and everything that is referred to is deployed.
  void heal(TimePoint now);
  /// Again, for one that was being stopped when that was done.
  void deploy_providers(TimePoint now);
  /// When it last took back what had been said: a restored database, a clock.
  TimePoint last_taken_back() const { return last_taken_back_; }
  /// When an operation last committed in the other order than it was stamped.
  TimePoint last_crosswise(const std::string& id) const {
    const auto found = crosswise_.find(id);
    return found == crosswise_.end() ? TimePoint() : found->second;
  }

 private:
  std::map<Key, std::string> wanted(bool of_stopped) const;
  void begin_operation(std::int64_t number, Random random, TimePoint now);
  std::optional<TimePoint> next_due() const;
  void change_mind(const std::string& id, const std::string& deployment_id, TimePoint now, bool quiet);

  struct KeyRow {
    std::string artifact_id, name, masked;
    bool active = true;
    Instant updated;
  };
  struct Subscription {
    std::string artifact_id, plan, token, status;
  };
  struct Plan {
    std::string name, status;
  };
  struct SecretRow {
    std::string hash, value;
    Instant updated;
  };
  struct HmacSecret {
    std::string artifact_id, name, value;
  };
  struct Application {
    std::string name;
    std::vector<std::string> keys;
  };
  /// What a backup holds.
  struct Tables {
    std::int64_t number = 0;
    std::set<std::string> artifacts;
    std::map<std::string, Row> rows;
    std::map<std::string, KeyRow> keys;
    std::map<std::string, Plan> plans;
    std::map<std::string, Subscription> subscriptions;
    std::map<std::string, SecretRow> secrets;
    std::map<std::string, HmacSecret> hmac_secrets;  ///< By artifact and name, with a slash between them.
    std::map<std::string, Application> applications;
    std::set<std::string> forgotten;  ///< Deployments that a restored backup did not have.
  };
  struct Content {
    std::string artifact_id;
    std::vector<std::string> providers;
    std::vector<std::string> secrets;
    std::string document;
    std::int64_t number = 0;
    unsigned refused_by = 0;  ///< A bit for each gateway.
    TimePoint refused_until = TimePoint::max();
    bool spoils = false;
  };
  struct Pending {
    TimePoint due;
    std::function<void(TimePoint)> what;
  };

  void change_deployment(const std::string& id, std::string deployment_id, bool deployed, TimePoint now, bool quiet);
  void write_row(const std::string& id, Row row, TimePoint now, bool quiet);
  void remove(const std::string& id, TimePoint now, bool quiet);
  void operate_on_key(const std::string& artifact_id, TimePoint now, bool quiet);
  void operate_on_subscription(const std::string& artifact_id, TimePoint now, bool quiet);
  void operate_on_hmac_secret(const std::string& artifact_id, TimePoint now, bool quiet);
  void operate_on_plan(TimePoint now, bool quiet);
  void operate_on_application(TimePoint now, bool quiet);
  void announce_key(const std::string& uuid, const KeyRow& key, const std::string& type, TimePoint now, bool quiet);
  std::string new_deployment(const std::string& id, TimePoint now);
  void write(const std::string& type, Key about, const std::string& payload, TimePoint now, bool quiet,
             Instant at = {});
  void sweep(TimePoint now);
  void keep_copy(TimePoint now);
  std::set<std::string> named_secrets(const Tables& tables) const;
  Answer answer_from(const Tables& tables, const sync::SendRequest& request, TimePoint now);
  std::vector<std::string> rows_for(const Tables& tables, const sync::SendRequest& request, TimePoint now, int& status);
  std::string pick_id();
  void restart_deployment(const std::string& id, TimePoint now, bool quiet);
  Row stamped_row(const std::string& id, std::string deployment_id, bool deployed, TimePoint now);
  std::string new_id();

  std::string gateway_id_;
  std::string prefix_;  ///< Of all that it names.
  TimePoint start_;
  Users users_;
  Duration back_{};
  Random random_{0};         ///< Of the operation that is being done.
  std::int64_t number_ = 0;  ///< Its number.
  std::int64_t ids_ = 0;
  std::string last_id_;  ///< What a user has just changed.
  std::vector<std::pair<Key, std::string>> passed_;
  Tables tables_;
  std::map<std::string, Content> deployments_;
  std::vector<Pending> pending_;
  std::deque<std::pair<TimePoint, Tables>> copies_;   ///< Of the last hours, for backups.
  std::deque<std::pair<TimePoint, Tables>> replica_;  ///< Of the last moments.
  std::deque<HubEvent> hub_;
  std::set<std::string> tokens_;
  std::map<std::string, std::set<std::int64_t>>
      stamps_;  ///< By artifact: no two operations within a millisecond of each other.
  TimePoint last_taken_back_;
  std::map<std::string, TimePoint> crosswise_;
  std::map<std::string, Instant> newest_row_;  ///< When the latest was stamped that was ever written.
};

}  // namespace tether::sim
