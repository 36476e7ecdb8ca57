#pragma once

#include <cstdint>
#include <set>
#include <string_view>
#include <vector>

#include "tether/base/time.h"

namespace tether::sim {

/// What one world is made of. The same options give the same history.
struct WorldOptions {
  std::uint64_t seed = 1;
  int hours = 24;                     ///< How long there are users and faults.
  std::set<std::int64_t> suppressed;  ///< Actions that do not happen; the others draw what they draw with them.
};

/// What a user does or what breaks. What lasts ends by itself.
enum class ActionKind {
  Operation,       ///< A user of the control plane changes something.
  LostOperation,   ///< The same, and its event is never written.
  CutLink,         ///< The connection ends; no new one for a while.
  KillDaemon,      ///< Only its store is left.
  RestartGateway,  ///< Empty, as another instance.
  ForgetGateway,   ///< The same instance, and nothing of what it had.
  GatewayAway,     ///< Nobody listens.
  GatewayMoods,    ///< It fails, loses its answers, answers with another revision, refuses bodies.
  RestTrouble,     ///< 500, 401, no answer, no `Date`, cut short, documents left out.
  Lies,            ///< Listings that lack rows, or are empty.
  JumpWallClock,
};
std::string_view name_of(ActionKind kind);

struct Action {
  std::int64_t number = 0;  ///< 1, 2, 3 … in the order of time.
  Duration at{};            ///< Since the world's beginning.
  ActionKind kind = ActionKind::Operation;
  std::uint64_t seed = 0;  ///< For what it draws.
};

/// All that happens in a world, before any of it has.
std::vector<Action> plan_actions(const WorldOptions& options);

}  // namespace tether::sim
