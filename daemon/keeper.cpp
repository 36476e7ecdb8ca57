#include "keeper.h"

#include <algorithm>
#include <utility>

#include "status_parts.h"
#include "tether/base/check.h"

namespace tether::daemon {
namespace {

/// How long a failed transaction waits before it is tried again, at first and at most.
constexpr Duration kStoreRetryFirst = 1s;
constexpr Duration kStoreRetryMax = 30s;
/// The overview costs a few reads. It may take up to one part in so many of the time, so that under load it is looked
/// up less often and otherwise after every transaction.
constexpr int kOverviewShare = 20;
/// But a pause of the machine during a look must not make the lists old for long.
constexpr Duration kOverviewWaitMax = 1s;

Instant wall_now() {
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
              .count()};
}

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
               StatusBoard& board, Metrics& metrics, Redactor& redactor, Logger& log)
    : options_(std::move(options)),
      store_(std::move(store)),
      board_(board),
      metrics_(metrics),
      redactor_(redactor),
      words_(*store_, redactor),
      log_(log),
      engine_(options_.engine, options_.seed),
      driver_(std::move(driver)) {}

Keeper::~Keeper() {
  stop();
  if (thread_.joinable()) thread_.join();
  rest_.reset();
  gateway_.reset();
}

void Keeper::start(LinkSide link) {
  link_ = std::move(link);
  rest_ = std::make_unique<RestPool>(options_.rest, engine_, inbox_, metrics_, log_, link_.on_rest_end);
  gateway_ = std::make_unique<GatewayWorker>(
      std::move(driver_),
      GatewayWorker::Callbacks{
          [this](delivery::StateOutcome outcome) {
            inbox_.post({nullptr, [this, outcome = std::move(outcome)](TimePoint now) { on_state(outcome, now); }});
          },
          [this](std::int64_t push, bool full, delivery::PushOutcome outcome, Duration took) {
            inbox_.post({nullptr, [this, push, full, outcome = std::move(outcome), took](TimePoint now) {
                           on_push(push, full, outcome, took, now);
                         }});
          },
          [this](const Secret& value) { redactor_.add_secret(value); }});
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
  post([this, ack](sync::Records& records, sync::Now now) { engine_.on_connection_ack(records, ack, now); });
}

bool Keeper::event(protocol::Event event, std::size_t frame_bytes) {
  auto shared = std::make_shared<const protocol::Event>(std::move(event));  // shared with the inbox alone
  Input input{[this, shared](sync::Records& records, sync::Now now) { engine_.on_event(records, *shared, now); },
              nullptr};
  input.event_bytes = std::max<std::size_t>(frame_bytes, 1);
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
  const auto begin = [](sync::Records& records, sync::Now) { records.begin_epoch(new_epoch()); };
  batch_.push_back({begin, nullptr});
  while (true) {
    const TimePoint now = Clock::now();
    if (!batch_.empty() && now >= store_retry_at_ && commit(batch_, now)) batch_.clear();
    if (courier_) serve_gateway(now);
    publish(now);
    const bool failing = store_backoff_ > Duration{};
    if (inbox_.is_closed() && (failing || (inbox_.is_empty() && batch_.empty()))) break;

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
  if (store_backoff_ > Duration{}) return store_retry_at_;
  if (!batch_.empty()) return now;  // an answer of the gateway has become an input
  auto next = engine_.next_deadline(now);
  const auto earlier = [&next](std::optional<TimePoint> at) {
    if (at) next = next ? std::min(*next, *at) : *at;
  };
  if (courier_) earlier(courier_->next_deadline());
  if (overview_stale_) earlier(overview_due_);
  return next;
}

bool Keeper::commit(const std::deque<Input>& batch, TimePoint now) {
  const sync::Memory saved = engine_.memory();
  const sync::Now both{now, wall_now()};
  sync::Marks marks;
  delivery::Standing standing = standing_;  // what is rolled back must not be told to anybody
  const auto result = store_->transact([&](sync::Records& records) {
    for (const Input& input : batch) input.apply(records, both);
    marks = records.marks();
    standing.epoch = records.epoch();
    standing.revision = records.revision();
  });
  const Duration took = Clock::now() - now;
  if (!result) {
    engine_.restore(saved);
    store_backoff_ = store_backoff_ == Duration{} ? kStoreRetryFirst : std::min(store_backoff_ * 2, kStoreRetryMax);
    store_retry_at_ = Clock::now() + store_backoff_;
    log_.repeated(LogLevel::Warn, "store.failed", result.error().message, {{"reason", result.error().message}});
    board_.update([&result](Status& status) {
      status.store.degraded = true;
      status.store.last_error = result.error().message;
    });
    return false;
  }
  metrics_.count_commit(took);
  if (store_backoff_ > Duration{}) {
    store_backoff_ = {};
    store_retry_at_ = {};
    log_.info("store.recovered");
    board_.update([](Status& status) { status.store.degraded = false; });
  }
  marks_ = std::move(marks);
  standing_ = std::move(standing);
  standing_.floor = marks_.floor;
  standing_.answered = marks_.answered;
  standing_.complete = engine_.standing().complete;
  standing_.contains_known = engine_.standing().contains_known;
  overview_stale_ = true;
  if (!courier_) {
    courier_ = std::make_unique<delivery::Courier>(
        options_.courier,
        [this](std::string_view epoch) -> std::optional<std::int64_t> {
          const auto known = epochs_.find(epoch);
          return known == epochs_.end() ? std::nullopt : std::optional(known->second);
        },
        /*last_push=*/static_cast<std::int64_t>(wall_now().ms()), now);
  }
  courier_->on_standing(standing_, now);
  publish_overview_if_due(now, /*force=*/standing_.offered == 0);
  carry_out(engine_.take_commands());
  return true;
}

void Keeper::carry_out(std::vector<sync::Command> commands) {
  std::vector<std::string> frames;
  struct Visitor {
    Keeper& keeper;
    std::vector<std::string>& frames;
    void operator()(sync::SendRequest& request) const {
      keeper.log_.debug("rest.asked", {{"call", sync::name_of(request.call)}, {"path", request.path}});
      keeper.rest_->send(std::move(request));
    }
    void operator()(sync::SendFrame& frame) const {
      keeper.metrics_.count_ack_sent(frame.success ? "success" : "failed");
      frames.push_back(std::move(frame.text));
    }
    void operator()(const sync::SendPing& ping) const { keeper.link_.send(std::exchange(frames, {}), ping.token); }
    void operator()(const sync::Note& note) const {
      std::string details;
      for (const auto& [name, value] : note.fields) details += (details.empty() ? "" : " ") + name + "=" + value;
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
  overview_due_ = after + std::min(kOverviewShare * (after - before), kOverviewWaitMax);
  if (!overview) return;
  overview_stale_ = false;
  standing_.offered = overview->offered_count;
  if (courier_) courier_->on_standing(standing_, now);
  board_.update([this, &overview](Status& status) { describe_store(*overview, redactor_, status); });
}

void Keeper::publish(TimePoint now) {
  publish_overview_if_due(now, /*force=*/false);
  if (!courier_) return;
  board_.update([this](Status& status) {
    describe_gateway(*courier_, marks_, redactor_, status);
    describe_sync(engine_.standing(), marks_, {links_lost_known_ == links_lost_, !overview_stale_}, status);
  });
}

}  // namespace tether::daemon
