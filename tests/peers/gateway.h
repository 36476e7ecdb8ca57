#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tether/base/result.h"
#include "tether/base/time.h"
#include "tether/peers/gateway_config.h"
#include "tether/peers/http_message.h"
#include "tether/peers/server.h"

namespace tether::peers {

struct GatewayOptions {
  std::string socket_path;
  /// Called with each request that was answered, under the gateway's lock: it must not call back.
  std::function<void(const struct GatewayRequest&)> on_request;
};

/// What the gateway does wrong. Names as in `POST /faults` of its control port.
struct GatewayFaults {
  std::vector<Refusal> refuse;
  /// A body with such a line is refused whole (400): nothing of it is applied, no line is named.
  std::vector<Refusal> refuse_bodies;
  int status = 0;                           ///< Answer PUT and PATCH with this, unapplied; 0: the true answer.
  int status_count = -1;                    ///< For so many requests; -1: until taken away.
  int state_status = 0;                     ///< The same for GET state, until taken away.
  std::string error = "told to answer so";  ///< What such an answer says, as `{"error":…}`.
  std::int64_t delay_ms = 0;                ///< Between applying and answering, on PUT and PATCH.
  int cut_before = 0;                       ///< For the next n PUT or PATCH: connection gone, nothing applied.
  int cut_after = 0;                        ///< The next n are applied, and the connection goes without an answer.
  bool stall = false;                       ///< Requests are read and never answered.
  bool stall_body = false;                  ///< The head of PUT and PATCH is read, the body is not.
  std::optional<std::int64_t> lie_about_revision;  ///< In PUT and PATCH answers.
  std::optional<std::string> lie_about_epoch;      ///< The same.
};
void to_json(nlohmann::json& json, const GatewayFaults& faults);
/// `faults` with the members of `patch` put in. Reject: an unknown name or a value of another type.
Result<GatewayFaults> patched(const GatewayFaults& faults, const nlohmann::json& patch);

struct GatewayRequest {
  Instant at;
  TimePoint started;  ///< When its head was read.
  TimePoint ended;    ///< When the answer was on its way, or was left out.
  std::string method;
  std::string path;
  std::uint64_t body_bytes = 0;
  std::uint64_t lines = 0;       ///< Without the header line.
  std::string header;            ///< The body's first line.
  int status = 0;                ///< 0: none was sent.
  std::vector<Applied> applied;  ///< What each line did; the newest `kAppliedKept` requests keep theirs.
};

/// What a test may look at, all under one lock.
struct GatewayView {
  std::string instance;
  const GatewayConfig& config;
  const std::vector<GatewayRequest>& history;
  const std::vector<std::string>& violations;  ///< What the client did wrong, one sentence each.
};

/// A stand-in for a gateway: HTTP/1.1 on a Unix socket, configured by NDJSON bodies that are read as they come. Every
/// member may be called from any thread.
class Gateway {
 public:
  static constexpr std::size_t kAppliedKept = 1000;

  /// Listens, empty, as a new instance. Retry: the socket cannot be made.
  static Result<std::unique_ptr<Gateway>> start(GatewayOptions options);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  const std::string& socket_path() const { return options_.socket_path; }

  // -- Its life.
  void stop();                                ///< Not listening any more, socket file gone; the state stays.
  Result<Done> come_back(bool empty);         ///< A new instance id; empty, or with what it had.
  void forget();                              ///< Revision 0 and no resources, same instance, nobody told.
  GatewayConfig backup() const;               ///< All that it has.
  void restore_backup(GatewayConfig config);  ///< It has this now, same instance, nobody told.

  template <class Action>
  void change_faults(Action action) {
    const std::lock_guard lock(mutex_);
    action(faults_);
    wake_all();
  }
  GatewayFaults faults() const;

  // -- Observing.
  std::map<ResourceKey, std::string> resources() const;  ///< (kind, id) → line, without `op`.
  std::optional<nlohmann::json> resource(const std::string& kind, const std::string& id) const;
  std::vector<GatewayRequest> history() const;
  std::vector<std::string> violations() const;
  nlohmann::json state() const;  ///< As GET state answers.
  /// Waits until `holds` is true, looked at after every request; false: the time is up.
  bool wait_until(const std::function<bool(const GatewayView&)>& holds, Duration limit = 10s) const;

 private:
  class BodyReader;
  explicit Gateway(GatewayOptions options);
  Result<Done> listen();
  void serve(Connection& connection);
  /// False: the connection is over.
  bool answer_state(Connection& connection, GatewayRequest& seen);
  bool answer_config(Connection& connection, HttpReader& reader, const HttpRequest& request, GatewayRequest& seen);
  bool send(Connection& connection, GatewayRequest& seen, int status, const nlohmann::json& body);
  /// Waits while `knob` is on. False: the connection ended meanwhile.
  bool passes(Connection& connection, bool(GatewayFaults::*knob));

  // With `mutex_` held:
  void wake_all();
  void check_head(const HttpRequest& request);
  /// The answer to a whole body: applies it, unless told or found otherwise.
  std::pair<int, nlohmann::json> apply(ConfigChange* change, const std::string& broken, GatewayRequest& seen);
  nlohmann::json state_locked() const;
  void finish(GatewayRequest seen);

  const GatewayOptions options_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  GatewayFaults faults_;
  std::string instance_;
  GatewayConfig config_;
  std::vector<GatewayRequest> history_;
  std::vector<std::string> violations_;
  std::map<std::uint64_t, Connection*> open_;
  std::mutex server_mutex_;  ///< Taken before `mutex_`, for `server_` alone.
  std::unique_ptr<Server> server_;
};

}  // namespace tether::peers
