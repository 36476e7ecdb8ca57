#include <algorithm>

#include "tether/link/link.h"

/// The wait that ends early: what is made of a knock (R23).
namespace tether::link {

void Link::watch(std::optional<Absence> absence, TimePoint now) {
  attempt_knocks_ = false;
  const bool was_watching = way_back_.is_watching();
  if (absence) {
    way_back_.begin(*absence, now);
    if (!was_watching) commands_.emplace_back(Watch{});
  } else if (was_watching) {
    way_back_.end();
    commands_.emplace_back(Unwatch{});
  }
}

/// The wait is over. Where nobody was a moment ago, a dial would either fail or, if the way is back just now, be one of
/// a whole fleet's whose waits end alike.
void Link::attempt(TimePoint now) {
  if (attempt_knocks_) return;
  if (!way_back_.is_nobody_there()) return dial(now);
  attempt_knocks_ = true;
  way_back_.knock_at_once(now);
}

void Link::knock_when_due(TimePoint now) {
  if (way_back_.has_timed_out(now)) on_knock_failed(NetworkError::Timeout, "nobody answers a connection attempt", now);
  if (!way_back_.take_due_knock(now)) return;
  commands_.emplace_back(Knock{way_back_.wants_words()});
}

/// Nobody has to wait much longer than the control plane was away, or than the longest back-off.
Duration Link::spread(TimePoint now) const {
  return std::min({way_back_.spread(), limits_.reconnect_max, (now - away_since_.value_or(now)) * 5 / 2});
}

void Link::on_knock_answered(TimePoint now) {
  if (!way_back_.is_knocking()) return;
  ++counters_.knocks_answered;
  const Duration longest = spread(now);
  if (!way_back_.on_knocked(/*is_answered=*/true, now)) return;
  watch(std::nullopt, now);
  wait_until(std::max(now + random_.between(Duration::zero(), longest), hold_until_));
  const Level level = has_said_way_back_ ? Level::Debug : Level::Info;
  has_said_way_back_ = true;
  const auto wait = std::chrono::ceil<std::chrono::seconds>(*next_attempt_ - now);
  commands_.emplace_back(
      Noted{level, "the control plane can be reached again: dialling within " + std::to_string(wait.count()) + " s"});
}

void Link::on_knock_failed(NetworkError reason, const std::string& message, TimePoint now) {
  if (!way_back_.is_knocking()) return;
  ++counters_.knocks_failed;
  way_back_.on_knocked(/*is_answered=*/false, now);
  if (!attempt_knocks_) return;
  ++attempt_;
  if (retry_reason_) ++counters_.reconnect_attempts.at(static_cast<std::size_t>(*retry_reason_));
  note_error(reason, message);
  plan_attempt(retry_reason(reason), backoff_.next(), std::nullopt, Absence::Nobody, now);
}

void Link::on_network_changed(TimePoint now) {
  way_back_.on_network_changed(now);
}

void Link::on_addresses_changed(TimePoint now) {
  way_back_.on_addresses_changed(now);
}

}  // namespace tether::link
