#include "keeper.h"

#include <malloc.h>

#include <algorithm>
#include <utility>

#include "status_parts.h"
#include "tether/base/check.h"

namespace tether::daemon {
namespace {

/// The overview costs a few reads. It may take up to one part in so many of the time, so that under load it is looked
/// up less often and otherwise after every transaction.
constexpr int kOverviewShare = 50;
/// But a pause of the machine during a look must not make the lists old for long.
constexpr Duration kOverviewWaitMax = 1s;

LogLevel log_level(sync::Note::Level level) {
  switch (level) {
    case sync::Note::Level::Debug:
      return LogLevel::Debug;
    case sync::Note::Level::Info:
      return LogLevel::Info;
    case sync::Note::Level::Warn:
      break;
  }
  return LogLevel::Warn;
}

}  // namespace

Keeper::Keeper(KeeperOptions options, std::unique_ptr<store::Store> store, std::unique_ptr<gateway::Driver> driver,
               StatusBoard& board, Metrics& metrics, EventTrail& trail, Redactor& redactor, Logger& log)
    : options_(std::move(options)),
      store_(std::move(store)),
      board_(board),
      metrics_(metrics),
      trail_(trail),
      redactor_(redactor),
      words_(*store_, redactor),
      log_(log),
      engine_(options_.engine, options_.seed),
      driver_(std::move(driver)),
      footing_(new_epoch) {}

Keeper::~Keeper() {
  stop();
  if (thread_.joinable()) thread_.join();
  rest_.reset();
  gateway_.reset();
}

void Keeper::start(LinkSide link) {
  link_ = std::move(link);
  rest_ = std::make_unique<RestPool>(options_.rest, engine_, inbox_, metrics_, redactor_, log_, link_.on_rest_end);
  gateway_ = std::make_unique<GatewayWorker>(
      std::move(driver_),
      GatewayWorker::Callbacks{
          [this](delivery::StateOutcome outcome) {
            inbox_.post({nullptr, [this, outcome = std::move(outcome)](TimePoint now) mutable {
                           on_state(std::move(outcome), now);
                         }});
          },
          [this](std::int64_t push, bool full, delivery::PushOutcome outcome, Duration took) {
            inbox_.post({nullptr, [this, push, full, outcome = std::move(outcome), took](TimePoint now) mutable {
                           on_push(push, full, std::move(outcome), took, now);
                         }});
          },
          [this](const Secret& value) { redactor_.add_secret(value); },
          [this](std::string_view kind, std::string_view id) { trail_.push_line(kind, id); }});
  thread_ = std::thread([this] { run(); });
}

void Keeper::post(Work work) {
  inbox_.post({std::move(work), nullptr});
}

void Keeper::link_up() {
  post([this](sync::Records& records, sync::Now now) { engine_.on_link_up(records, now); });
}

void Keeper::connection_ack(const protocol::ConnectionAck& ack, std::uint64_t link, Secret token) {
  rest_->set_link(link, std::move(token));
  post([this, ack, came = Clock::now()](sync::Records& records, sync::Now now) {
    engine_.on_connection_ack(records, ack, came, now);
  });
}

bool Keeper::event(protocol::Event event, std::size_t frame_bytes, std::uint64_t number) {
  auto shared = std::make_shared<const protocol::Event>(std::move(event));  // shared with the inbox alone
  Input input{[this, shared](sync::Records& records, sync::Now now) { engine_.on_event(records, *shared, now); },
              nullptr};
  input.event_bytes = std::max<std::size_t>(frame_bytes, 1);
  input.arrived = Clock::now();
  input.event_number = number;
  if (inbox_.post_event(std::move(input))) return true;
  if (!events_lost_.exchange(true)) {
    post([this](sync::Records& records, sync::Now now) {
      events_lost_ = false;
      engine_.on_events_lost(records, now);
    });
  }
  return false;
}

void Keeper::link_down() {
  rest_->set_link(0, Secret());
  const std::uint64_t lost = ++links_lost_;
  board_.update([](Status& status) { withdraw_agreement(status); });  // the next link may be up before it is handled
  post([this, lost](sync::Records& records, sync::Now now) {
    engine_.on_link_down(records, now);
    links_lost_known_ = lost;
  });
}

void Keeper::pong(std::int64_t token) {
  post([this, token](sync::Records& records, sync::Now now) { engine_.on_pong(records, token, now); });
}

void Keeper::gateway_appeared() {
  inbox_.post({nullptr, [this](TimePoint now) { courier_->on_gateway_appeared(now); }});
}

void Keeper::release_deletions(const std::vector<sync::ShownHold>& shown) {
  post([this, shown](sync::Records& records, sync::Now now) { engine_.on_release_deletions(records, shown, now); });
}

void Keeper::release_push(const delivery::HeldPut& shown) {
  inbox_.post({nullptr, [this, shown](TimePoint now) { courier_->release_hold(shown, now); }});
}

void Keeper::accept_identity(const sync::ShownIdentity& shown) {
  post([this, shown](sync::Records& records, sync::Now now) { engine_.on_identity_accepted(records, shown, now); });
}

void Keeper::stop() {
  inbox_.close();
  if (rest_) rest_->stop();
}

bool Keeper::wait_until(TimePoint at) {
  if (!thread_.joinable()) return true;
  std::unique_lock lock(end_mutex_);
  return ended_.wait_until(lock, at, [this] { return has_ended_; }) && rest_->wait_until(at);
}

// ---- The state thread ------------------------------------------------------------------------------------------

void Keeper::run() {
  begin_epoch();
  while (true) {
    const TimePoint now = Clock::now();
    if (footing_.is_due(has_inputs(), now)) commit(now);
    if (courier_) serve_gateway(now);
    publish(now);
    release_memory_if_quiet(now);
    const bool failing = !footing_.is_storing();
    if (inbox_.is_closed() && (failing || (inbox_.is_empty() && !has_inputs()))) break;

    const auto due = engine_.next_deadline(now);  // asked before the wait: what has passed is not named any more
    // While nothing can be stored, only the gateway is served; the rest waits where it is bounded.
    auto taken = inbox_.take(next_deadline(now), failing ? Inbox::Which::AtOnce : Inbox::Which::All);
    const TimePoint later = Clock::now();
    for (Input& input : taken) {
      if (input.at_once) {
        if (courier_) input.at_once(later);
      } else {
        batch_.push_back(std::move(input));
      }
    }
    if (due && *due <= later && !failing) {
      batch_.push_back({[this](sync::Records& records, sync::Now at) { engine_.on_deadline(records, at); }, nullptr});
    }
  }
  gateway_->stop();
  const std::lock_guard lock(end_mutex_);
  has_ended_ = true;
  ended_.notify_all();
}

std::optional<TimePoint> Keeper::next_deadline(TimePoint now) {
  const bool failing = !footing_.is_storing();
  if (!failing && has_inputs()) return now;  // an answer of the gateway has become an input
  auto next = failing ? std::optional(footing_.retry_at()) : engine_.next_deadline(now);
  const auto earlier = [&next](std::optional<TimePoint> at) {
    if (at) next = next ? std::min(*next, *at) : *at;
  };
  if (courier_) earlier(courier_->next_deadline());
  earlier(quiet_at_);
  if (overview_stale_) earlier(overview_due_);
  return next;
}

void Keeper::release_memory_if_quiet(TimePoint now) {
  if (!quiet_at_ || now < *quiet_at_) return;
  quiet_at_.reset();
  store_->release_memory();
  malloc_trim(/*pad=*/0);
  log_.debug("memory.released");
}

void Keeper::carry_out(std::vector<sync::Command> commands) {
  std::vector<sync::SendFrame> frames;
  struct Visitor {
    Keeper& keeper;
    std::vector<sync::SendFrame>& frames;
    void operator()(sync::SendRequest& request) const {
      keeper.log_.debug("rest.asked", {{"call", sync::name_of(request.call)}, {"path", request.path}});
      keeper.rest_->send(std::move(request));
    }
    void operator()(sync::SendFrame& frame) const {
      keeper.metrics_.count_ack_sent(frame.success ? "success" : "failed");
      frames.push_back(std::move(frame));
    }
    void operator()(const sync::SendPing& ping) const {
      keeper.link_.send({std::exchange(frames, {}), ping.token, keeper.links_lost_known_});
    }
    void operator()(const sync::Note& note) const {
      std::string details;
      for (const auto& [name, value] : note.fields) {
        if (!details.empty()) details += ' ';
        details.append(name).append("=").append(value);
      }
      keeper.log_.log(log_level(note.level), "sync.notice", {{"message", note.message}, {"details", details}});
    }
  };
  for (auto& command : commands) std::visit(Visitor{*this, frames}, command);
  check(frames.empty(), "every frame is followed by a ping");
}

// ---- What others may see ---------------------------------------------------------------------------------------

void Keeper::publish_overview_if_due(TimePoint now, bool force) {
  if (!overview_stale_ || (!force && now < overview_due_)) return;
  const TimePoint before = Clock::now();
  auto overview = store_->overview();
  const TimePoint after = Clock::now();
  overview_due_ = after + (overview ? std::min(kOverviewShare * (after - before), kOverviewWaitMax) : kOverviewWaitMax);
  if (!overview) return;
  overview_stale_ = false;
  StoreLists lists = lists_of(*overview, redactor_, options_.engine.deletion_release_after);
  board_.update([&overview, &lists](Status& status) { describe_store(*overview, lists, status); });
}

void Keeper::publish(TimePoint now) {
  publish_overview_if_due(now, /*force=*/false);
  if (!courier_) return;
  std::string last_error = redactor_.redact(courier_->last_error(), kMaxWordsBytes);
  board_.update([this, &last_error](Status& status) {
    describe_gateway(*courier_, std::move(last_error), status);
    const Freshness fresh{links_lost_known_ == links_lost_, footing_.is_storing(), !overview_stale_};
    describe_sync(engine_.standing(), footing_.marks(), fresh, status);
  });
}

}  // namespace tether::daemon
