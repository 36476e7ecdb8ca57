#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <vector>

#include "actions.h"

namespace tether::sim {

/// A shorter history that fails as well.
struct Shrunk {
  WorldOptions options;
  std::vector<Action> left;  ///< What still happens in it.
  int tries = 0;             ///< How many worlds it took.
};

/// How a world is tried: whether it fails in the way that is looked for.
using StillFails = std::function<bool(const WorldOptions&)>;

/// How many worlds are tried at most.
inline constexpr int kMaxShrinkTries = 400;

/// Leaves out actions of a world that fails, larger parts first (delta debugging), until none of those that are left
/// can be spared or kMaxShrinkTries were made. `until` is when it failed, if that was while there were users and
/// faults: nothing later is needed. The hours stay, since another length would be another plan.
Shrunk shrink(const WorldOptions& options, std::optional<Duration> until, const StillFails& still_fails);

}  // namespace tether::sim
