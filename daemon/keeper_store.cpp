#include <algorithm>
#include <utility>

#include "keeper.h"

/// The keeper's side towards the store: transactions, and what is done while none succeeds.
namespace tether::daemon {
namespace {

/// How long a failed transaction waits before it is tried again, at first and at most.
constexpr Duration kStoreRetryFirst = 1s;
constexpr Duration kStoreRetryMax = 30s;

Instant wall_now() {
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
              .count()};
}

}  // namespace

void Keeper::begin_epoch() {
  const auto begin = [this](sync::Records& records, sync::Now) {
    if (records.revision() < standing_.revision) {
      // Not the store that was read: what a gateway has under this epoch is not known here.
      epoch_ = new_epoch();
      epochs_.clear();
    }
    records.begin_epoch(epoch_);
  };
  batch_.push_back({begin, nullptr});
}

bool Keeper::commit(TimePoint now) {
  const auto writable = store_->make_writable();
  say_notes();
  if (!writable) {
    on_not_stored(writable.error(), now);
    return false;
  }
  take_what_was_noted();
  const sync::Memory saved = engine_.memory();
  const sync::Now both{now, wall_now()};
  sync::Marks marks;
  delivery::Standing standing = standing_;  // what is rolled back must not be told to anybody
  bool has_lost = false;
  const auto result = store_->transact([&](sync::Records& records) {
    for (const Input& input : batch_) input.apply(records, both);
    if (verdict_) verdict_(records, both);
    if (presence_) presence_(records, both);  // noted after the verdict
    marks = records.marks();
    standing.epoch = records.epoch();
    standing.revision = records.revision();
    has_lost = records.has_lost();
  });
  const Duration took = Clock::now() - now;
  if (!result) {
    engine_.restore(saved);
    if (result.error().kind == ErrorKind::Corrupt) store_->distrust();
    on_not_stored(result.error(), now);
    return false;
  }
  metrics_.count_commit(took);
  batch_.clear();
  presence_ = nullptr;
  verdict_ = nullptr;
  marks_ = std::move(marks);
  // With another identity another epoch has begun: the gateway is at one of the store's own all the same.
  const bool is_switched = epoch_stored_ && standing.epoch != standing_.epoch;
  if (is_switched) look_up_epoch(standing_.epoch);
  standing_ = std::move(standing);
  standing_.floor = marks_.floor;
  standing_.answered = marks_.answered;
  standing_.complete = engine_.standing().complete;
  standing_.contains_known = engine_.standing().contains_known;
  standing_.lost = has_lost && !engine_.standing().lost_stays;
  on_stored(now);
  if (is_switched) publish_overview_if_due(now, /*force=*/true);  // what is offered is another's number now
  carry_out(engine_.take_commands());
  return true;
}

void Keeper::on_stored(TimePoint now) {
  epoch_stored_ = true;
  standing_.storable = true;
  if (std::exchange(store_backoff_, Duration{}) > Duration{}) {
    store_retry_at_ = {};
    log_.info("store.recovered");
    board_.update([](Status& status) {
      status.store.degraded = false;
      status.store.last_error.reset();
    });
    // Given when the store could perhaps not be asked about its epoch.
    const auto state = courier_ ? courier_->gateway_state() : std::nullopt;
    if (state && !state->epoch.empty() && state->epoch != standing_.epoch) look_up_epoch(state->epoch);
  }
  overview_stale_ = true;
  tell_courier(now);
  publish_overview_if_due(now, /*force=*/standing_.offered == 0);
}

void Keeper::on_not_stored(const Error& error, TimePoint now) {
  store_backoff_ = store_backoff_ == Duration{} ? kStoreRetryFirst : std::min(store_backoff_ * 2, kStoreRetryMax);
  store_retry_at_ = Clock::now() + store_backoff_;
  log_.repeated(LogLevel::Warn, "store.failed", error.message, {{"reason", error.message}});
  board_.update([&error](Status& status) {
    status.store.degraded = true;
    status.store.last_error = error.message;
  });
  if (!epoch_stored_) read_standing();
  standing_.storable = false;
  tell_courier(now);
}

void Keeper::read_standing() {
  const auto read = store_->read([this](sync::Records& records) {
    marks_ = records.marks();
    standing_.revision = records.revision();
  });
  if (!read) return;  // as long as it has not been read, nothing is sent
  standing_.epoch = epoch_;
  standing_.floor = marks_.floor;
  standing_.answered = marks_.answered;
}

void Keeper::tell_courier(TimePoint now) {
  if (!courier_) {
    courier_ = std::make_unique<delivery::Courier>(
        options_.courier,
        [this](std::string_view epoch) -> std::optional<std::int64_t> {
          const auto known = epochs_.find(epoch);
          return known == epochs_.end() ? std::nullopt : std::optional(known->second);
        },
        /*last_push=*/static_cast<std::int64_t>(wall_now().ms()), now);
  }
  if (!standing_.epoch.empty()) courier_->on_standing(standing_);
}

void Keeper::doubt_store() {
  if (store_backoff_ > Duration{}) return;  // it is opened again anyway
  store_->distrust();
  batch_.push_back({[](sync::Records&, sync::Now) {}, nullptr});
}

void Keeper::start_anew() {
  // Answers to what was asked before are not to be taken for answers to what is asked now.
  sync::Memory memory = sync::Engine(options_.engine, options_.seed).memory();
  memory.next_request = engine_.memory().next_request;
  engine_.restore(std::move(memory));
  links_lost_known_ = links_lost_;
  events_lost_ = false;
  batch_.clear();
  verdict_ = nullptr;
  presence_ = nullptr;
  courier_.reset();
  epochs_.clear();
  standing_ = {};
  epoch_ = new_epoch();
  epoch_stored_ = false;
  begin_epoch();
  link_.on_store_lost();
}

void Keeper::say_notes() {
  using What = store::OpenedNote::What;
  const auto& notes = store_->opened_notes();
  for (; notes_said_ < notes.size(); ++notes_said_) {
    const auto& [what, text] = notes[notes_said_];
    log_.log(what == What::Mended ? LogLevel::Warn : LogLevel::Error, "store.opened", {{"message", text}});
    started_anew_ = started_anew_ || what == What::StartedAnew;
    content_lost_ = content_lost_ || what == What::ContentLost;
  }
}

void Keeper::take_what_was_noted() {
  const bool started_anew = std::exchange(started_anew_, false);
  const bool content_lost = std::exchange(content_lost_, false);
  if (!epoch_stored_) return;  // nothing was done with it yet, and the first link lists everything
  if (started_anew) return start_anew();
  if (!content_lost) return;
  batch_.push_back({[this](sync::Records& records, sync::Now now) { engine_.on_content_lost(records, now); }, nullptr});
  link_.on_store_lost();
}

}  // namespace tether::daemon
