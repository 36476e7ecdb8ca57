#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gateway_words.h"
#include "gateway_worker.h"
#include "inbox.h"
#include "rest_pool.h"
#include "status_board.h"
#include "tether/admin/event_trail.h"
#include "tether/admin/metrics.h"
#include "tether/delivery/courier.h"
#include "tether/delivery/footing.h"
#include "tether/log/log.h"
#include "tether/store/store.h"
#include "tether/sync/engine.h"

namespace tether::daemon {

struct KeeperOptions {
  sync::EngineOptions engine;
  delivery::CourierLimits courier;
  RestPoolOptions rest;
  std::uint32_t seed = 0;
};

/// Frames for the present link, and the ping that follows them.
struct Frames {
  std::vector<sync::SendFrame> frames;
  std::int64_t ping_token = 0;
  std::uint64_t links_lost = 0;  ///< As the engine knew it: they are not for a link that came after.
};

/// What the keeper asks of the link's side. Called on the state thread.
struct LinkSide {
  std::function<void(Frames frames)> send;
  std::function<void(const RestEnd&)> on_rest_end;  ///< On a REST worker's thread.
  /// What was stored, or some of it, is lost: the link is to be made anew, so that everything is listed.
  std::function<void()> on_store_lost;
  std::function<void()> on_gateway_tried;  ///< Once: the gateway was asked for its state, or is not there.
};

/// The state thread: owns the store, the engine and the courier. It takes the inputs that the other threads leave in
/// its inbox, runs all that are there in one transaction, and carries out what the core asked for once that is durable.
///
/// If a transaction fails (disk full), the engine's memory is put back, the inputs stay, and it tries again with
/// back-off; what is stored is served meanwhile, to a gateway that has nothing. The same holds from the start on: the
/// epoch is drawn once, used, and stored as soon as that is possible. All public functions but the constructor are
/// thread-safe.
class Keeper {
 public:
  Keeper(KeeperOptions options, std::unique_ptr<store::Store> store, std::unique_ptr<gateway::Driver> driver,
         StatusBoard& board, Metrics& metrics, EventTrail& trail, Redactor& redactor, Logger& log);
  ~Keeper();

  /// Draws the epoch, stores it, and begins with the gateway. Throws std::system_error if the system has no thread
  /// left.
  void start(LinkSide link);

  // From the loop.
  void link_up();
  /// From here on requests carry the link's number and token.
  void connection_ack(const protocol::ConnectionAck& ack, std::uint64_t link, Secret token);
  /// `number`: in the trail. False: dropped, there was no room; everything will be asked for again.
  bool event(protocol::Event event, std::size_t frame_bytes, std::uint64_t number);
  void link_down();
  /// How many links were lost so far.
  std::uint64_t links_lost() const { return links_lost_; }
  void pong(std::int64_t token);
  void gateway_appeared();

  /// From the admin endpoint: an operator agrees to what it was shown of the deletion brake.
  void release_deletions(const std::vector<sync::ShownHold>& shown);
  /// Likewise: to the push to the gateway that is held.
  void release_push(const delivery::HeldPut& shown);
  /// Likewise: it wants the staged identity served that it was shown.
  void accept_identity(const sync::ShownIdentity& shown);

  /// Handles what is in the inbox, then ends. Does not wait.
  void stop();
  /// Waits for the end of the state thread and of the requests to the control plane; false if it has not come by then.
  bool wait_until(TimePoint at);

 private:
  using Work = std::function<void(sync::Records&, sync::Now)>;

  void run();
  void post(Work work);
  bool has_inputs() const { return !batch_.empty() || presence_ || verdict_; }
  bool commit(TimePoint now);
  void on_stored(const delivery::Footing::Stored& stored, TimePoint now);
  void on_not_stored(const Error& error, TimePoint now);
  void tell_courier(TimePoint now);
  /// With a store that was set aside while it was in use, and an empty one in its place.
  void start_anew();
  /// A push could not be read from it: it is opened again, and set aside if it is damaged.
  void doubt_store();
  void begin_epoch();
  void say_notes();
  /// What opening the store has done to what was stored in it, once it can be written.
  void take_what_was_noted();
  void carry_out(std::vector<sync::Command> commands);
  void serve_gateway(TimePoint now);
  void take_verdict();
  void send_push(delivery::Push push, TimePoint now);
  void on_state(delivery::StateOutcome outcome, TimePoint now);
  void on_push(std::int64_t push, bool full, delivery::PushOutcome outcome, Duration took, TimePoint now);
  void look_up_epoch(const std::string& epoch);
  void note_presence();
  void say_refused(const std::vector<protocol::RejectedLine>& lines);
  void publish_overview_if_due(TimePoint now, bool force);
  void publish(TimePoint now);
  void release_memory_if_quiet(TimePoint now);
  std::optional<TimePoint> next_deadline(TimePoint now);
  void say_gateway_state();

  KeeperOptions options_;
  std::unique_ptr<store::Store> store_;
  StatusBoard& board_;
  Metrics& metrics_;
  EventTrail& trail_;
  Redactor& redactor_;
  GatewayWords words_;
  Logger& log_;
  LinkSide link_;
  Inbox inbox_;
  sync::Engine engine_;
  std::unique_ptr<delivery::Courier> courier_;
  std::unique_ptr<RestPool> rest_;
  std::unique_ptr<GatewayWorker> gateway_;
  std::unique_ptr<gateway::Driver> driver_;

  std::deque<Input> batch_;  ///< Inputs whose transaction is being tried.
  Work presence_;            ///< One more input: the newest word on which instance is there.
  Work verdict_;             ///< And the newest verdict. It covers all that was pushed and not recorded before.
  delivery::Footing footing_;
  std::size_t notes_said_ = 0;
  bool started_anew_ = false;          ///< Noted, and not taken yet.
  bool content_lost_ = false;          ///< Likewise.
  std::optional<TimePoint> quiet_at_;  ///< When memory is given back, unless something is stored before.
  bool overview_stale_ = true;
  TimePoint overview_due_;  ///< While it is stale: when it is looked up again.
  std::atomic<bool> events_lost_{false};
  std::atomic<std::uint64_t> links_lost_{0};
  std::uint64_t links_lost_known_ = 0;  ///< Of these, the ones that the engine has heard of.
  bool gateway_in_trouble_ = true;      ///< Until it is in sync for the first time.
  delivery::GatewayCondition said_ = delivery::GatewayCondition::Connecting;
  bool push_held_ = false;  ///< As it was said last.
  bool gateway_tried_ = false;

  std::mutex end_mutex_;
  std::condition_variable ended_;
  bool has_ended_ = false;
  std::thread thread_;
};

}  // namespace tether::daemon
