#include "actions.h"

#include <algorithm>
#include <array>

#include "random.h"
#include "tether/base/check.h"

namespace tether::sim {
namespace {

/// How often something happens among the faults.
struct Share {
  ActionKind kind;
  std::size_t weight;
};
constexpr std::array<Share, 9> kFaults = {{{ActionKind::CutLink, 8},
                                           {ActionKind::KillDaemon, 4},
                                           {ActionKind::RestartGateway, 4},
                                           {ActionKind::ForgetGateway, 4},
                                           {ActionKind::GatewayAway, 4},
                                           {ActionKind::GatewayMoods, 4},
                                           {ActionKind::RestTrouble, 6},
                                           {ActionKind::Lies, 3},
                                           {ActionKind::JumpWallClock, 3}}};

ActionKind draw_fault(Random& random) {
  std::size_t all = 0;
  for (const Share& share : kFaults) all += share.weight;
  std::size_t drawn = random.below(all);
  for (const Share& share : kFaults) {
    if (drawn < share.weight) return share.kind;
    drawn -= share.weight;
  }
  check(false, "the weights have been added up");
  return ActionKind::CutLink;
}

}  // namespace

std::string_view name_of(ActionKind kind) {
  switch (kind) {
    case ActionKind::Operation:
      return "operation";
    case ActionKind::LostOperation:
      return "operation without an event";
    case ActionKind::CutLink:
      return "the link is cut";
    case ActionKind::KillDaemon:
      return "the daemon is killed";
    case ActionKind::RestartGateway:
      return "the gateway restarts empty";
    case ActionKind::ForgetGateway:
      return "the gateway loses what it has";
    case ActionKind::GatewayAway:
      return "the gateway is away";
    case ActionKind::GatewayMoods:
      return "the gateway has moods";
    case ActionKind::RestTrouble:
      return "REST has trouble";
    case ActionKind::Lies:
      return "listings lie";
    case ActionKind::JumpWallClock:
      return "the wall clock jumps";
  }
  return "";
}

std::vector<Action> plan_actions(const WorldOptions& options) {
  const Duration end = std::chrono::hours(options.hours);
  std::vector<Action> actions;
  Random users(Random::part(options.seed, "users"));
  for (Duration at = 1s; at < end;) {
    const int burst = users.chance(20) ? 6 : 1;
    for (int i = 0; i < burst; ++i) {
      actions.push_back({0, at, users.chance(10) ? ActionKind::LostOperation : ActionKind::Operation, users.next()});
    }
    at += users.chance(70) ? users.between(1ms, 20s) : users.between(1min, 40min);
  }
  Random faults(Random::part(options.seed, "faults"));
  for (Duration at = 30s; at < end; at += faults.between(1s, 15min)) {
    const ActionKind kind = draw_fault(faults);
    actions.push_back({0, at, kind, faults.next()});
  }
  std::stable_sort(actions.begin(), actions.end(), [](const Action& a, const Action& b) { return a.at < b.at; });
  std::int64_t number = 0;
  for (Action& action : actions) action.number = ++number;
  return actions;
}

}  // namespace tether::sim
