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

bool Keeper::commit(TimePoint now) {
  const sync::Memory saved = engine_.memory();
  const sync::Now both{now, wall_now()};
  sync::Marks marks;
  delivery::Standing standing = standing_;  // what is rolled back must not be told to anybody
  const auto result = store_->transact([&](sync::Records& records) {
    for (const Input& input : batch_) input.apply(records, both);
    if (verdict_) verdict_(records, both);
    if (presence_) presence_(records, both);  // noted after the verdict
    marks = records.marks();
    standing.epoch = records.epoch();
    standing.revision = records.revision();
  });
  const Duration took = Clock::now() - now;
  say_notes();
  if (!result) {
    engine_.restore(saved);
    on_not_stored(result.error(), now);
    return false;
  }
  metrics_.count_commit(took);
  batch_.clear();
  presence_ = nullptr;
  verdict_ = nullptr;
  marks_ = std::move(marks);
  standing_ = std::move(standing);
  standing_.floor = marks_.floor;
  standing_.answered = marks_.answered;
  standing_.complete = engine_.standing().complete;
  standing_.contains_known = engine_.standing().contains_known;
  on_stored(now);
  carry_out(engine_.take_commands());
  return true;
}

void Keeper::on_stored(TimePoint now) {
  epoch_stored_ = true;
  standing_.storable = true;
  if (std::exchange(store_backoff_, Duration{}) > Duration{}) {
    store_retry_at_ = {};
    log_.info("store.recovered");
    board_.update([](Status& status) { status.store.degraded = false; });
    const auto state = courier_->gateway_state();  // given when the store could perhaps not be asked about its epoch
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
  if (!standing_.epoch.empty()) courier_->on_standing(standing_, now);
}

void Keeper::say_notes() {
  const auto& notes = store_->opened_notes();
  for (; notes_said_ < notes.size(); ++notes_said_) log_.error("store.opened", {{"message", notes[notes_said_]}});
}

}  // namespace tether::daemon
