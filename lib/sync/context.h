#pragma once

#include <algorithm>
#include <vector>

#include "tether/sync/engine.h"
#include "tether/sync/offers.h"

namespace tether::sync {

inline constexpr Duration kDoubtsShare = 1s;
/// What comes into service within this time shares the list of its kind's keys.
inline constexpr Duration kComingShare = 1s;

/// What is staged is with no gateway.
inline const Flight kNoFlight;

/// The calls in its lifetime are about the link's identity; those after it about the one in service again.
class OnLinkSide {
 public:
  OnLinkSide(Records& records, const Memory& memory) : records_(records) { records_.work_on(memory.side); }
  ~OnLinkSide() { records_.work_on(Side::Served); }
  OnLinkSide(const OnLinkSide&) = delete;
  OnLinkSide& operator=(const OnLinkSide&) = delete;

 private:
  Records& records_;
};

/// What the parts of the engine share while one input is handled.
struct Context {
  Context(Records& r, Memory& m, Now n, const EngineOptions& o, std::vector<Command>& c)
      : records(r),
        memory(m),
        now(n),
        options(o),
        commands(c),
        offers(r, r.side() == Side::Served ? m.flight : kNoFlight, n) {}

  Records& records;
  Memory& memory;
  Now now;
  const EngineOptions& options;
  std::vector<Command>& commands;
  Offers offers;

  /// The time of proposals: milliseconds of this link.
  std::int64_t link_ms() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(now.steady - memory.link_since).count();
  }
  /// When what a listing lacked was known.
  std::int64_t known_ms(const Asked& asked) const {
    return std::min(link_ms(), asked.when_ms + std::int64_t{kListedWithin.count()});
  }
  /// A full listing that is asked after now: at once, and at most one each second.
  void doubt() { relist(std::max(now.steady, memory.full_asked + kDoubtsShare)); }
  /// A second statement is needed: list again when a confirmation may count.
  void ask_again() { relist(now.steady + kConfirmAfter); }
  void relist(TimePoint at) {
    memory.relist_due = true;
    memory.relist_change = records.next_change();
    memory.planner.want(Call::Deployments, kDeploymentsScope, at, /*full=*/true);
  }
};

}  // namespace tether::sync
