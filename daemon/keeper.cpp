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
/// Earlier epochs whose last revision is kept in memory.
constexpr std::size_t kMaxEpochsKept = 64;

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
  return ended_.wait_until(lock, at, [this] { return has_ended_; });
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
  if (overview_stale_) earlier(overview_at_ + kOverviewShare * overview_took_);
  return next;
}

bool Keeper::commit(const std::deque<Input>& batch, TimePoint now) {
  const sync::Memory saved = engine_.memory();
  const sync::Now both{now, wall_now()};
  const auto result = store_->transact([this, &batch, both](sync::Records& records) {
    for (const Input& input : batch) input.apply(records, both);
    marks_ = records.marks();
    standing_.epoch = records.epoch();
    standing_.revision = records.revision();
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

// ---- The gateway -----------------------------------------------------------------------------------------------

void Keeper::serve_gateway(TimePoint now) {
  if (const auto due = courier_->next_deadline(); due && *due <= now) courier_->on_deadline(now);
  take_verdict();
  while (auto command = courier_->take_command(now)) {
    if (auto* push = std::get_if<delivery::Push>(&*command)) {
      send_push(std::move(*push), now);
    } else {
      gateway_->ask_state();
    }
  }
  say_gateway_state();
}

void Keeper::send_push(delivery::Push push, TimePoint now) {
  std::unique_ptr<store::PushBody> body;
  const bool nothing = push.full && push.capped;
  if (!nothing) {
    auto pinned = store_->push_body({push.full, push.after, push.up_to});
    if (!pinned) {
      delivery::PushOutcome outcome{push.epoch, push.up_to, 0, std::nullopt, {}};
      outcome.answer = delivery::GatewayProblem{delivery::GatewayFailure::Source, 0, pinned.error().message};
      courier_->on_push_outcome(push.number, outcome, now);
      return;
    }
    body = std::move(*pinned);
    if (push.full) push.up_to = body->revision();
  }
  engine_.on_push_started(push.number, push.full ? 0 : push.after, push.up_to);
  log_.debug("gateway.pushing",
             {{"mode", push.full ? "put" : "patch"}, {"revision", push.up_to}, {"lines", body ? body->count() : 0}});
  gateway_->push(push, std::move(body));
  if (!std::exchange(gateway_tried_, true)) link_.on_gateway_tried();
}

void Keeper::on_state(delivery::StateOutcome outcome, TimePoint now) {
  words_.clear(outcome);
  if (const auto* state = std::get_if<protocol::GatewayState>(&outcome)) {
    if (!state->epoch.empty() && state->epoch != standing_.epoch) look_up_epoch(state->epoch);
    courier_->on_state(*state, now);
  } else {
    const auto& problem = std::get<delivery::GatewayProblem>(outcome);
    courier_->on_state_problem(problem, now);
    if (problem.failure == delivery::GatewayFailure::WrongUser) {
      log_.repeated(LogLevel::Warn, "gateway.wrong_user", problem.text, {{"reason", problem.text}});
    }
  }
  note_presence();
  const bool will_push = courier_->condition() == delivery::GatewayCondition::Behind;
  if (!will_push && !std::exchange(gateway_tried_, true)) link_.on_gateway_tried();
}

void Keeper::look_up_epoch(const std::string& epoch) {
  if (epochs_.size() >= kMaxEpochsKept) epochs_.clear();
  const auto looked_up = store_->transact([this, &epoch](sync::Records& records) {
    if (const auto last = records.last_revision_of(epoch)) epochs_[epoch] = *last;
  });
  if (!looked_up)
    log_.repeated(LogLevel::Warn, "store.failed", looked_up.error().message, {{"reason", looked_up.error().message}});
}

void Keeper::note_presence() {
  const auto instance = courier_->present_instance();
  if (engine_.memory().instance == instance) return;
  batch_.push_back(
      {[this, instance](sync::Records& records, sync::Now now) { engine_.on_gateway_presence(records, instance, now); },
       nullptr});
}

void Keeper::on_push(std::int64_t push, bool full, delivery::PushOutcome outcome, Duration took, TimePoint now) {
  words_.clear(outcome);
  metrics_.count_push(full ? "put" : "patch", result_name(outcome), took);
  courier_->on_push_outcome(push, outcome, now);
  if (const auto* problem = std::get_if<delivery::GatewayProblem>(&outcome.answer)) {
    log_.repeated(LogLevel::Info, "gateway.push_failed", problem->text, {{"reason", problem->text}});
    engine_.on_push_ended(push);
  } else {
    log_.debug("gateway.answered", {{"mode", full ? "put" : "patch"},
                                    {"revision", outcome.revision},
                                    {"lines", outcome.lines},
                                    {"milliseconds", std::chrono::duration<double, std::milli>(took).count()}});
    log_.resolved("gateway.push_failed");
  }
  note_presence();
  take_verdict();
}

void Keeper::take_verdict() {
  while (auto verdict = courier_->take_verdict()) {
    if (const auto* accepted = std::get_if<delivery::Accepted>(&*verdict)) {
      for (const auto& line : accepted->rejected) say_refused(line);
      sync::PushAnswered answer{accepted->push,  accepted->answered.instance, accepted->answered.epoch, accepted->after,
                                accepted->up_to, accepted->rejected};
      batch_.push_back(
          {[this, answer](sync::Records& records, sync::Now now) { engine_.on_push_answered(records, answer, now); },
           nullptr});
    } else {
      const auto refused = std::get<delivery::LineRefused>(*verdict);
      say_refused(refused.line);
      batch_.push_back({[this, refused](sync::Records& records, sync::Now now) {
                          engine_.on_line_refused(records, refused.push, refused.line, now);
                        },
                        nullptr});
    }
  }
}

void Keeper::say_refused(const protocol::RejectedLine& line) {
  log_.warn("gateway.refused", {{"kind", line.kind}, {"id", line.id}});
}

void Keeper::say_gateway_state() {
  const auto condition = courier_->condition();
  if (condition == said_) return;
  const bool moving = condition == delivery::GatewayCondition::Behind || said_ == delivery::GatewayCondition::Behind;
  said_ = condition;
  log_.log(moving ? LogLevel::Debug : LogLevel::Info, "gateway.state",
           {{"state", delivery::to_string(condition)}, {"reason", courier_->last_error()}});
}

// ---- What others may see ---------------------------------------------------------------------------------------

void Keeper::publish_overview_if_due(TimePoint now, bool force) {
  if (!overview_stale_ || (!force && now < overview_at_ + kOverviewShare * overview_took_)) return;
  const TimePoint before = Clock::now();
  auto overview = store_->overview();
  overview_at_ = Clock::now();
  overview_took_ = overview_at_ - before;
  overview_stale_ = false;
  if (!overview) return;
  standing_.offered = overview->offered_count;
  if (courier_) courier_->on_standing(standing_, now);
  board_.update([this, &overview](Status& status) { describe_store(*overview, redactor_, status); });
}

void Keeper::publish(TimePoint now) {
  publish_overview_if_due(now, /*force=*/false);
  if (!courier_) return;
  board_.update([this](Status& status) {
    describe_sync(engine_.standing(), marks_, {links_lost_known_ == links_lost_, !overview_stale_}, status);
    describe_gateway(*courier_, marks_, redactor_, status);
  });
}

}  // namespace tether::daemon
