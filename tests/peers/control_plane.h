#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tether/base/result.h"
#include "tether/base/time.h"
#include "tether/peers/desire.h"
#include "tether/peers/faults.h"
#include "tether/peers/http_message.h"
#include "tether/peers/observed.h"
#include "tether/peers/server.h"

namespace tether::peers {

struct ControlPlaneOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;        ///< 0: any free one.
  std::string certificate_file;  ///< PEM. Empty, with `key_file`: plain TCP.
  std::string key_file;
  std::string client_ca_file;       ///< Not empty: clients must have a certificate of this authority.
  std::vector<std::string> tokens;  ///< Active gateway tokens. None: one is made up.
  std::string gateway_id;           ///< Empty: one is made up.
  std::optional<Desire> database;   ///< To go on with, under its own gateway id.
  /// Called with each journal entry, under the lock of the control plane: it must not call back.
  std::function<void(const JournalEntry&)> on_journal;
};

/// How open links are ended (protocol section 1.6).
enum class Ending { ServerShutdown, NormalClosure, TcpClose, TcpReset };

/// A stand-in for the control plane: HTTP/1.1 with the internal REST API and the WebSocket on one port, true to
/// the protocol document, and told to misbehave through `Faults`. Every member may be called from any thread.
class ControlPlane {
 public:
  /// Listens. Retry: the address is taken. Reject: certificate or key unusable.
  static Result<std::unique_ptr<ControlPlane>> start(ControlPlaneOptions options);
  ~ControlPlane();
  ControlPlane(const ControlPlane&) = delete;
  ControlPlane& operator=(const ControlPlane&) = delete;

  std::uint16_t port() const { return port_; }  ///< Stays the same over `kill` and `revive`.
  bool tls() const { return !options_.certificate_file.empty(); }
  std::string websocket_url(const std::string& host = "localhost") const;  ///< `wss://localhost:PORT/api/…/connect`
  std::string token() const;                                               ///< The first active one.
  std::vector<std::string> tokens() const;                                 ///< All active ones.
  std::string gateway_id() const;

  /// Runs `action` on the database under the lock, then sends what it wrote. All changes go this way:
  ///   control_plane.change([](Desire& d) { return d.deploy("RestApi", "petstore"); });
  template <class Action>
  auto change(Action action) {
    const Change change(*this);
    return action(desire_);
  }
  /// The same for the knobs: control_plane.change_faults([](Faults& f) { f.silent = true; });
  template <class Action>
  void change_faults(Action action) {
    const std::lock_guard lock(mutex_);
    Faults changed = faults_;
    action(changed);
    take_faults(std::move(changed));
  }
  Faults faults() const;

  // The commonest changes; the ids are those of the artifact and of the deployment. They must succeed.
  Deployed deploy(const std::string& kind, const std::string& handle, const std::string& document = {});
  Deployed redeploy(const std::string& artifact_id, const std::string& document = {});
  Deployed restore(const std::string& deployment_id);
  void undeploy(const std::string& artifact_id);
  void delete_artifact(const std::string& artifact_id);
  /// `count` artifacts `<prefix>-<n>` of one kind in one operation. Returns the artifact ids.
  std::vector<std::string> bulk_deploy(const std::string& kind, std::size_t count, const std::string& prefix = "bulk");
  /// A text frame to all open links at once, past event log and cursor; anything, also what is not JSON.
  void send_frame(const std::string& text);

  // -- Tokens. None of these closes a link.
  std::string add_token();  ///< A further active one. At most two are active: the oldest goes.
  void revoke_token(const std::string& token);
  /// A new token takes the place of all others; returned.
  std::string rotate_token();
  /// Its state, keys and tokens go without any event; open links fall silent for good.
  void delete_gateway();

  // -- The database as a whole. Open links stay; end them with `end_links`.
  /// Another identity's database: the one that was there before under that id, or an empty one. Tokens stay valid.
  void swap_database(const std::string& gateway_id);
  Desire backup() const;
  void restore_backup(const Desire& backup);  ///< The event log goes on after what was sent.

  // -- Links and the process.
  void end_links(Ending how);
  void kill();            ///< Listener and all connections gone, as if by SIGKILL.
  Result<Done> revive();  ///< The same port and database; a new process: replay is due again.
  void sweep_now();       ///< Looks for deploy time-outs now.

  // -- Observing.
  Observed observed() const;
  std::vector<std::string> violations() const;
  std::optional<Status> status_of(const std::string& artifact_id) const;
  /// Waits until `holds` is true, looked at after every change; false: the time is up.
  bool wait_until(const std::function<bool(const Observed&, const Desire&)>& holds, Duration limit = 10s) const;
  void forget_observed();  ///< An empty `Observed`, for the next part of a test.

 private:
  /// Holds the lock while the database is changed, and sends what was written at the end.
  struct Change {
    explicit Change(ControlPlane& owner) : control_plane(owner), lock(owner.mutex_) {}
    ~Change() { control_plane.after_change(); }
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;
    ControlPlane& control_plane;
    std::lock_guard<std::mutex> lock;
  };
  struct Link;
  friend class RestApi;
  friend class LinkSession;

  ControlPlane(ControlPlaneOptions options, std::vector<std::string> tokens);
  void serve(Connection& connection);
  bool serve_rest(Connection& connection, HttpReader& reader, const HttpRequest& request);
  void serve_dial(Connection& connection, HttpReader& reader, const HttpRequest& request);
  void pump();
  bool is_held(const std::string& call) const;  ///< Whether a made answer to this call still waits.

  // With `mutex_` held:
  void take_faults(Faults changed);
  void after_change();
  /// What a dial gets instead of the upgrade, or nothing.
  std::optional<HttpResponse> refusal_of_dial(const HttpRequest& request);
  bool is_authorized(const HttpRequest& request) const;
  RestFault take_rest_fault(const std::string& call);
  void set_replay_cursor();
  void deliver_due_events();
  void queue_event(const EventRow& row, bool new_id);
  void queue_frame(const std::string& text);
  void release_kept_back();
  std::string text_of_event(const EventRow& row, bool new_id) const;
  void take_ack(std::uint64_t link, const std::string& text);
  void check_ack(const nlohmann::json& payload);
  void check_request(const HttpRequest& request);
  nlohmann::json described(const nlohmann::json& payload) const;
  void note(const std::string& what, nlohmann::json detail);
  void violation(const std::string& sentence);
  TimePoint next_pump() const;

  const ControlPlaneOptions options_;
  std::atomic<std::uint16_t> port_ = 0;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::condition_variable pump_wakes_;
  Faults faults_;
  TimePoint dial_fault_set_{};
  nlohmann::json frozen_listing_;  ///< Answered while `stale_list` is on.
  Desire desire_;
  std::map<std::string, Desire> parked_;  ///< Databases of other gateway ids.
  std::vector<std::string> tokens_;
  bool gateway_deleted_ = false;
  Observed observed_;
  std::map<std::string, std::set<std::string>> acked_;  ///< Artifact and time → statuses, to check the client.

  std::map<std::uint64_t, Link*> links_;  ///< Owned by the threads that serve them.
  std::deque<TimePoint> recent_dials_;    ///< Of the last minute, for the rate limit.
  bool connected_before_ = false;         ///< In this process; decides about the replay.
  std::uint64_t cursor_ = 0;              ///< Number of the last event that was queued.
  std::uint64_t replayed_to_ = 0;         ///< Events up to here come again with new ids, if so told.
  TimePoint next_sweep_;
  TimePoint next_poll_;
  bool stopping_ = false;
  std::mutex server_mutex_;  ///< Taken before `mutex_`, for `server_` alone.
  std::unique_ptr<Server> server_;
  std::thread pump_thread_;
};

}  // namespace tether::peers
