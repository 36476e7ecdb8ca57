#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tether/store/store.h"
#include "tether/sync/engine.h"

namespace tether::sync::test {

/// What an ack said, as the control plane reads it.
struct SaidAck {
  std::string artifact_id;
  std::string deployment_id;
  std::string action;
  std::string status;
  std::string performed_at;
  friend bool operator==(const SaidAck&, const SaidAck&) = default;
};

/// A deployment as the control plane has it. `unavailable`: it is listed, and no batch contains it.
struct Deployment {
  std::string kind = "RestApi";
  std::string id;
  std::string deployment_id;
  bool deployed = true;
  Instant at;
  std::string at_text = {};
  bool unavailable = false;
};

/// An Engine over a real store in a folder of its own, a virtual clock, and a correct control plane and gateway played
/// by hand. What the engine asks stays in `requests` until it is answered; what it says is collected.
class World {
 public:
  explicit World(EngineOptions options = {});
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Time. The control plane's clock starts at 2026-08-22T11:00:00Z and runs with ours.
  Now now() const { return {steady_, wall_}; }
  Instant cp_now() const;
  /// Lets time pass, with every deadline on the way; nothing is answered.
  void run(Duration time);
  void jump_wall_clock(std::chrono::nanoseconds by) { wall_ = wall_ + by; }

  // The control plane's truth, which `serve` answers from.
  std::map<std::string, Deployment> deployments;                    ///< What the list shows, by artifact.
  std::set<std::string> artifacts;                                  ///< What `exists` says yes to.
  std::map<std::string, std::vector<std::string>> needs_secrets;    ///< By deployment id.
  std::map<std::string, std::vector<std::string>> needs_providers;  ///< By deployment id.
  std::map<std::string, protocol::ResourceState> keys;              ///< By uuid.
  std::map<std::string, protocol::ResourceState> plans;
  std::map<std::string, protocol::ResourceState> subscriptions;
  std::map<std::string, std::pair<std::string, std::string>> secrets;  ///< Handle: hash and value.
  std::map<std::string, int> statuses;  ///< Scope, or name of the call: answered with this status instead of 200.
  std::size_t rows_rejected = 0;        ///< For each deployment listing.
  std::set<std::string> unreadable;     ///< Scopes whose listing has a row that cannot be read.
  Duration ack_waits{};                 ///< So long the `connection.ack` waits for the store.

  /// Deploys in the control plane, now; the event is not sent.
  Deployment deploy(const std::string& id, const std::string& deployment_id, const std::string& kind = "RestApi");
  Deployment undeploy(const std::string& id);
  void remove(const std::string& id);
  static protocol::ResourceState key(const std::string& id, const std::string& artifact_id, const std::string& name,
                                     Instant updated_at, const std::string& display = "");
  static protocol::ResourceState plan(const std::string& id);
  static protocol::ResourceState subscription(const std::string& id, const std::string& api, const std::string& plan);

  /// Another database, with nothing in it.
  void clear();

  // The link.
  void link_up(const std::string& gateway_id = "gateway-1");
  void link_down();
  void open_link();  ///< Without the `connection.ack`.
  void ack_link(const std::string& gateway_id = "gateway-1");
  void event(const Deployment& deployment);
  void deleted_event(const std::string& id, const std::string& kind = "RestApi");
  void event(const std::string& type, protocol::EventBody body, const std::string& correlation_id = "");
  void pong();  ///< Answers the last ping.

  // Requests.
  std::vector<SendRequest> requests;  ///< Not answered yet.
  std::vector<std::string> asked;     ///< `GET /path` of every request so far.
  std::vector<std::string> bodies;    ///< Their bodies.
  /// The oldest unanswered request of a call; fails the test if there is none.
  SendRequest take_request(Call call);
  bool awaits(Call call) const;
  /// Answers one request out of the truth.
  void answer(const SendRequest& request);
  /// Answers all requests, and those that follow from the answers.
  void serve();
  /// `serve`, until `time` has passed, with every deadline on the way.
  void serve_for(Duration time);
  /// Link, first round, documents, push: everything in service.
  void settle();
  /// As if events had been lost: all is listed again, as soon as that goes at once.
  void relist();
  std::size_t count_asked(const std::string& prefix) const;

  // The gateway.
  std::string instance = "instance-1";
  /// Pushes what is not answered, and answers.
  void push(const std::vector<protocol::RejectedLine>& rejected = {});
  /// A push whose answer is still out; its number.
  std::int64_t start_push();
  /// How many lines the body has that the push which is out would carry.
  std::int64_t read_push_body();
  void answer_push(std::int64_t push, const std::vector<protocol::RejectedLine>& rejected = {});
  void restart_gateway(const std::string& name);

  // What came of it.
  std::vector<SaidAck> acks;
  std::vector<std::string> notes;
  std::vector<std::int64_t> pings;
  /// The body offered (a deployment id, or a resource's data), or "" if nothing is.
  std::string offered(const std::string& artifact_id);
  std::string offered(const std::string& kind, const std::string& id);
  /// The same of the staged identity.
  std::string staged(const std::string& artifact_id);
  std::optional<Artifact> artifact(const std::string& id);
  std::optional<Resource> resource(const std::string& kind, const std::string& id);
  const Standing& standing() const { return engine_->standing(); }
  Instant timestamp(const std::string& type);
  std::optional<Hold> hold(const std::string& scope = "deployments");
  std::set<std::string> held();  ///< The ids that the operator is shown as held.
  /// An operator agrees to what the brake holds now, or to what it held when `shown` was.
  void release(const std::string& scope = "deployments", std::optional<Hold> shown = std::nullopt);

  /// Acks that wait, of the identity in service or of another that is stored.
  std::int64_t outbox(const std::string& gateway_id = "");
  std::int64_t known_identities();

  /// A restart with a control plane at another address.
  void move_to(const std::string& address);
  char store_key = 'k';  ///< Another one counts from the next restart on.
  /// As after a crash: the memory is gone, the store is there, a new epoch begins.
  void restart();
  /// One input.
  void with(const std::function<void(Engine&, Records&)>& input);
  template <class T>
  T read(const std::function<T(Records&)>& ask) {
    T answer{};
    transact([&](Records& records) { answer = ask(records); });
    return answer;
  }

 private:
  void transact(const std::function<void(Records&)>& work);
  void carry_out();
  void wake();
  void done(const SendRequest& request, int status, bool complete);

  std::filesystem::path folder_path_;
  std::unique_ptr<store::StateFolder> folder_;
  std::unique_ptr<store::Store> store_;
  EngineOptions options_;
  std::unique_ptr<Engine> engine_;
  TimePoint steady_{std::chrono::hours(1)};
  Instant wall_;
  TimePoint relisted_;
  int epochs_ = 0;
  std::int64_t pushes_ = 0;
  std::int64_t correlation_ = 0;
  PushAnswered out_;
};

/// The ids named in the JSON body of a request.
std::vector<std::string> ids_in(const std::string& body);

}  // namespace tether::sync::test
