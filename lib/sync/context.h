#pragma once

#include <vector>

#include "tether/sync/engine.h"
#include "tether/sync/offers.h"

namespace tether::sync {

/// What the parts of the engine share while one input is handled.
struct Context {
  Context(Records& r, Memory& m, Now n, const EngineOptions& o, std::vector<Command>& c)
      : records(r), memory(m), now(n), options(o), commands(c), offers(r, m.flight, n) {}

  Records& records;
  Memory& memory;
  Now now;
  const EngineOptions& options;
  std::vector<Command>& commands;
  Offers offers;

  /// A full listing that is asked after now: shared by all doubts within a second.
  void doubt() { relist(std::chrono::seconds(1)); }
  /// A second statement is needed: list again when a confirmation may count.
  void ask_again() { relist(std::chrono::seconds(10)); }
  void relist(Duration wait) {
    memory.relist_due = true;
    memory.relist_change = records.next_change();
    memory.planner.want(Call::Deployments, "deployments", now.steady + wait, /*full=*/true);
  }
};

}  // namespace tether::sync
