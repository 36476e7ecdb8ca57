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
  std::size_t trace_lines = 4000;     ///< How many of the last are kept.
};

/// What a user does or what breaks. What lasts ends by itself. Those of one instance draw which.
enum class ActionKind {
  Operation,      ///< A user of the control plane changes something.
  LostOperation,  ///< The same, and its event is never written.
  CutLink,        ///< The connection ends; no new one for a while.
  HalfOpen,       ///< It is dead, or dead on the way out, and nobody says so.
  Partition,      ///< No packet gets through for a while.
  DialTrouble,    ///< 401, 429, 500, or too many connections.
  RestTrouble,    ///< 401, 429, 500, no answer, cut short, no `Date`, documents left out, slow, stopping in the middle.
  Lies,           ///< Listings that lack rows, or are empty.
  Emptied,        ///< Listings that lack all, or nearly all, again and again.
  Stale,          ///< Answers of a replica that lags behind.
  KillDaemon,     ///< What it had written is left.
  CutPower,       ///< What was synced is left.
  DieAtWrite,     ///< The power is cut in the middle of what is being stored.
  DiskTrouble,    ///< Full, read-only, failing.
  RestartGateway,    ///< Empty, as another instance.
  ForgetGateway,     ///< The same instance, and nothing of what it had.
  GatewayAway,       ///< Nobody listens.
  GatewayMoods,      ///< It fails, stalls, loses its answers, answers with another revision, says it is elsewhere.
  GatewaySlow,       ///< It takes seconds for each push.
  GatewayStalls,     ///< It stops in the middle of a push, or of its answer.
  GatewayRefuses,    ///< Whatever comes, now and then; removals too.
  JumpWallClock,     ///< Ours.
  SetClockBack,      ///< The control plane's, a little.
  RestoreDatabase,   ///< The control plane's, to what it was up to two hours ago.
  RevokeToken,       ///< The connection stays, and nothing else works until there is another.
  SwapIdentity,      ///< Another control plane answers for a while.
  AcceptIdentity,    ///< An operator does, if one waits for that.
  ReleaseDeletions,  ///< An operator does, whatever is held.
  SpoilStore,        ///< The file of the database is damaged, under a running process or between two.
  LoseKey,           ///< The next process has another key for what is encrypted in the store.
  Move,              ///< The control plane is found at another address, with what it was up to two hours ago.
};
inline constexpr int kActionKinds = static_cast<int>(ActionKind::Move) + 1;
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
