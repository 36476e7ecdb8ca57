#include "tether/sync/control_plane_clock.h"

namespace tether::sync {

void ControlPlaneClock::hear(Instant at, TimePoint now) {
  if (at.is_set() && at >= present(now)) restart(at, now);
}

void ControlPlaneClock::restart(Instant at, TimePoint now) {
  heard_ = at;
  heard_when_ = now;
}

Instant ControlPlaneClock::present(TimePoint now) const {
  if (!heard_.is_set()) return {};
  return heard_ + std::chrono::duration_cast<std::chrono::nanoseconds>(now - heard_when_);
}

}  // namespace tether::sync
