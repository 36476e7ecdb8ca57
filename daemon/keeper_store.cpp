#include <algorithm>
#include <utility>

#include "keeper.h"
#include "wall_clock.h"

/// The keeper's side towards the store: transactions, and what is done while none succeeds.
namespace tether::daemon {
namespace {

/// With nothing stored for so long, what was needed for it is given back.
constexpr Duration kQuiet = 2s;

}  // namespace

void Keeper::begin_epoch() {
  batch_.push_back(
      {[this](sync::Records& records, sync::Now) { records.begin_epoch(footing_.epoch_to_begin(records.revision())); },
       nullptr});
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
  delivery::Left left;
  const auto result = store_->transact([&](sync::Records& records) {
    for (const Input& input : batch_) input.apply(records, both);
    if (verdict_) verdict_(records, both);
    if (presence_) presence_(records, both);  // noted after the verdict
    left = delivery::read_left(records);
  });
  const Duration took = Clock::now() - now;
  if (!result) {
    engine_.restore(saved);
    if (result.error().kind == ErrorKind::Corrupt) store_->distrust();
    on_not_stored(result.error(), now);
    return false;
  }
  metrics_.count_commit(took);
  for (const Input& input : batch_) {
    if (input.event_number > 0) trail_.stored(input.event_number);
    if (input.event_bytes > 0) metrics_.count_event_stored(now + took - input.arrived);
  }
  batch_.clear();
  presence_ = nullptr;
  verdict_ = nullptr;
  const auto state = courier_ ? courier_->gateway_state() : std::nullopt;
  const auto gateway_epoch = state ? std::optional(state->epoch) : std::nullopt;
  on_stored(footing_.on_stored(std::move(left), engine_.standing(), gateway_epoch), now);
  carry_out(engine_.take_commands());
  return true;
}

void Keeper::on_stored(const delivery::Footing::Stored& stored, TimePoint now) {
  quiet_at_ = now + kQuiet;
  for (const std::string& epoch : stored.look_up) look_up_epoch(epoch);
  if (stored.recovered) {
    log_.info("store.recovered");
    board_.update([](Status& status) {
      status.store.degraded = false;
      status.store.last_error.reset();
    });
  }
  overview_stale_ = true;
  tell_courier(now);
  publish_overview_if_due(now, /*force=*/stored.switched);
}

void Keeper::on_not_stored(const Error& error, TimePoint now) {
  log_.repeated(LogLevel::Warn, "store.failed", error.message, {{"reason", error.message}});
  board_.update([&error](Status& status) {
    status.store.degraded = true;
    status.store.last_error = error.message;
  });
  footing_.on_not_stored(Clock::now(), [this] {
    std::optional<delivery::Left> left;
    const auto read = store_->read([&left](sync::Records& records) { left = delivery::read_left(records); });
    return read ? left : std::nullopt;
  });
  tell_courier(now);
}

void Keeper::tell_courier(TimePoint now) {
  if (!courier_) {
    courier_ = std::make_unique<delivery::Courier>(
        options_.courier, [this](std::string_view epoch) { return footing_.last_revision_of(epoch); },
        /*last_push=*/static_cast<std::int64_t>(options_.seed) << 30, now);
  }
  if (const auto told = footing_.told()) courier_->on_standing(*told);
}

void Keeper::doubt_store() {
  if (!footing_.is_storing()) return;  // it is opened again anyway
  store_->distrust();
  batch_.push_back({[](sync::Records&, sync::Now) {}, nullptr});
}

void Keeper::start_anew() {
  engine_.start_anew();
  links_lost_known_ = links_lost_;
  events_lost_ = false;
  batch_.clear();
  verdict_ = nullptr;
  presence_ = nullptr;
  courier_.reset();
  footing_.start_anew();
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
  if (!footing_.has_begun()) return;  // nothing was done with it yet, and the first link lists everything
  if (started_anew) return start_anew();
  if (!content_lost) return;
  batch_.push_back({[this](sync::Records& records, sync::Now now) { engine_.on_content_lost(records, now); }, nullptr});
  link_.on_store_lost();
}

}  // namespace tether::daemon
