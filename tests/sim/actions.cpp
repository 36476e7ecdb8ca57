#include "actions.h"

#include <algorithm>
#include <array>

#include "random.h"

namespace tether::sim {
namespace {

struct Fault {
  ActionKind kind;
  std::size_t weight;  ///< How often it happens beside the others; 0: planned by itself.
  std::string_view name;
};

constexpr std::array<Fault, kActionKinds> kFaults = {{
    {ActionKind::Operation, 0, "operation"},
    {ActionKind::LostOperation, 0, "operation without an event"},
    {ActionKind::CutLink, 8, "the link is cut"},
    {ActionKind::HalfOpen, 4, "the link is half open"},
    {ActionKind::Partition, 4, "the network is partitioned"},
    {ActionKind::DialTrouble, 4, "dials are refused"},
    {ActionKind::RestTrouble, 8, "REST has trouble"},
    {ActionKind::Lies, 4, "listings lie"},
    {ActionKind::Emptied, 3, "listings are emptied"},
    {ActionKind::Stale, 3, "answers are stale"},
    {ActionKind::KillDaemon, 3, "the daemon is killed"},
    {ActionKind::CutPower, 3, "the power is cut"},
    {ActionKind::DieAtWrite, 3, "the power is cut at a write"},
    {ActionKind::DiskTrouble, 3, "the disk has trouble"},
    {ActionKind::RestartGateway, 4, "the gateway restarts empty"},
    {ActionKind::ForgetGateway, 3, "the gateway loses what it has"},
    {ActionKind::GatewayAway, 4, "the gateway is away"},
    {ActionKind::GatewayMoods, 4, "the gateway has moods"},
    {ActionKind::GatewaySlow, 3, "the gateway is slow"},
    {ActionKind::GatewayStalls, 3, "the gateway stalls"},
    {ActionKind::GatewayRefuses, 2, "the gateway refuses"},
    {ActionKind::JumpWallClock, 3, "the wall clock jumps"},
    {ActionKind::SetClockBack, 1, "the control plane's clock goes back"},
    {ActionKind::RestoreDatabase, 1, "the control plane's database is restored"},
    {ActionKind::RevokeToken, 2, "the token is revoked"},
    {ActionKind::SwapIdentity, 1, "another control plane answers"},
    {ActionKind::AcceptIdentity, 2, "an operator accepts an identity"},
    {ActionKind::ReleaseDeletions, 3, "an operator releases what is held"},
    {ActionKind::SpoilStore, 0, "the store is damaged"},
    {ActionKind::LoseKey, 0, "the key of the store is lost"},
    {ActionKind::Move, 0, "the control plane has moved"},
}};

/// Of one world: some kinds of fault never happen in it, so that the others have the time to do what they can.
std::vector<Fault> draw_temper(Random& random) {
  std::vector<Fault> faults;
  for (const Fault& fault : kFaults) {
    if (random.chance(60) && fault.weight > 0) faults.push_back(fault);
  }
  if (faults.empty()) faults.push_back(kFaults[2]);
  return faults;
}

ActionKind draw_fault(const std::vector<Fault>& faults, Random& random) {
  std::size_t all = 0;
  for (const Fault& fault : faults) all += fault.weight;
  std::size_t drawn = random.below(all);
  for (const Fault& fault : faults) {
    if (drawn < fault.weight) return fault.kind;
    drawn -= fault.weight;
  }
  return faults.back().kind;
}

/// In few worlds, and once in them: what comes after it is to be seen as well.
void plan_losses(const WorldOptions& options, Duration end, std::vector<Action>& actions) {
  constexpr int kWorldsOfEach = 15;  // percent
  Random random(Random::part(options.seed, "losses"));
  for (const ActionKind kind : {ActionKind::SpoilStore, ActionKind::LoseKey, ActionKind::Move}) {
    const bool happens = random.chance(kWorldsOfEach);
    // Where much of what there is is new a backup lacks much of it.
    const Duration at = random.between(10min, kind == ActionKind::Move ? std::min<Duration>(end, 3h) : end);
    const std::uint64_t seed = random.next();
    if (happens) actions.push_back({0, at, kind, seed});
  }
}

}  // namespace

std::string_view name_of(ActionKind kind) {
  return kFaults[static_cast<std::size_t>(kind)].name;
}

std::vector<Action> plan_actions(const WorldOptions& options) {
  const Duration end = std::chrono::hours(options.hours);
  std::vector<Action> actions;
  Random users(Random::part(options.seed, "users"));
  for (Duration at = 1s; at < end;) {
    const int burst = users.chance(20) ? 6 : 1;
    for (int i = 0; i < burst; ++i) {
      const bool lost = users.chance(10);
      actions.push_back({0, at, lost ? ActionKind::LostOperation : ActionKind::Operation, users.next()});
    }
    at += users.chance(70) ? users.between(1ms, 20s) : users.between(1min, 40min);
  }
  Random faults(Random::part(options.seed, "faults"));
  const auto temper = draw_temper(faults);
  const Duration longest = faults.chance(70) ? 15min : 2h;
  for (Duration at = 30s; at < end; at += faults.between(1s, longest)) {
    const ActionKind kind = draw_fault(temper, faults);
    actions.push_back({0, at, kind, faults.next()});
  }
  plan_losses(options, end, actions);
  std::stable_sort(actions.begin(), actions.end(), [](const Action& a, const Action& b) { return a.at < b.at; });
  std::int64_t number = 0;
  for (Action& action : actions) action.number = ++number;
  return actions;
}

}  // namespace tether::sim
