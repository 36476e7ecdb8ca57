#include "tether/link/way_back.h"

#include <algorithm>
#include <utility>

#include "tether/base/check.h"

namespace tether::link {

WayBack::WayBack(Duration interval, std::uint64_t seed) : interval_(interval), random_(seed) {
  check(interval > Duration::zero(), "knocks are apart");
}

void WayBack::begin(Absence absence, TimePoint now) {
  absence_ = absence;
  knocking_ = false;
  // What was cut off together must not knock together.
  next_knock_ = std::max(now + random_.between(Duration::zero(), interval() / 2), last_knock_ + kKnockPause);
}

void WayBack::end() {
  absence_.reset();
  knocking_ = false;
}

Duration WayBack::interval() const {
  return wants_words() ? interval_ * kIntervalsWhenMute : interval_;
}

void WayBack::knock_by(TimePoint at) {
  if (is_watching()) next_knock_ = std::min(next_knock_, at);
}

void WayBack::knock_at_once(TimePoint now) {
  if (!knocking_) knock_by(now);
}

void WayBack::on_network_changed(TimePoint now) {
  knock_by(std::max(now, last_knock_ + kKnockPause));
}

void WayBack::on_addresses_changed(TimePoint now) {
  if (absence_ == Absence::Lost) absence_ = Absence::Nobody;
  on_network_changed(now);
}

bool WayBack::take_due_knock(TimePoint now) {
  if (!is_watching() || knocking_ || now < next_knock_) return false;
  knocking_ = true;
  last_knock_ = now;
  next_knock_ = now + random_.between(interval() - interval() / 4, interval());
  return true;
}

bool WayBack::on_knocked(bool is_answered, TimePoint now) {
  check(knocking_, "there was a knock");
  knocking_ = false;
  next_knock_ = std::max(next_knock_, now);
  if (is_answered) return absence_ != Absence::Lost;
  if (absence_ == Absence::Lost) absence_ = Absence::Nobody;
  return false;
}

std::optional<TimePoint> WayBack::next_deadline() const {
  if (!is_watching()) return std::nullopt;
  return knocking_ ? last_knock_ + kKnockTimeout : next_knock_;
}

}  // namespace tether::link
