#include "world.h"

#include <algorithm>

namespace tether::sim {
namespace {

constexpr std::int64_t kStepsAtOnce = 20'000;
constexpr int kExperimental = 50;     ///< Percent of worlds with WebSub and WebBroker APIs.
constexpr int kFewApis = 15;          ///< Percent of worlds with a handful of APIs, and nothing else.
constexpr int kSharesOfTwo = 25;      ///< Percent of worlds with two instances behind one token.
constexpr int kSharesOfDeltas = 30;   ///< Percent of worlds in which most polls ask for a delta.
constexpr int kSharesOfFew = 30;      ///< … in which all lists of artifacts are asked where more than two are due.
constexpr int kSharesOfHasty = 30;    ///< … in which a brake releases after a quarter of an hour.
constexpr int kSharesOfEmptied = 10;  ///< … of instances that begin with an emptied control plane.
constexpr int kMostDeltas = 4;
constexpr Duration kLongestPoll = 17min;  ///< Between two polls, the jitter and the answer included.

std::string text_of(Duration since_start) {
  const double seconds = std::chrono::duration<double>(since_start).count();
  std::string text = std::to_string(seconds);
  return text.substr(0, text.find('.') + 4);
}

ControlPlane::Users users_of(std::uint64_t seed) {
  if (Random(Random::part(seed, "few")).chance(kFewApis)) return ControlPlane::Users::Few;
  const bool is_experimental = Random(Random::part(seed, "experimental")).chance(kExperimental);
  return is_experimental ? ControlPlane::Users::Experimental : ControlPlane::Users::Plain;
}

}  // namespace

World::World(WorldOptions options)
    : options_(std::move(options)), actions_(plan_actions(options_)), now_(std::chrono::hours(1)), start_(now_) {
  Random random(Random::part(options_.seed, "world"));
  const auto users = users_of(options_.seed);
  control_planes_.push_back(std::make_unique<ControlPlane>("gateway-a", "", start_, users));
  control_planes_.push_back(std::make_unique<ControlPlane>("gateway-b", kSecondPrefix, start_, users));
  for (const auto& control_plane : control_planes_) control_plane->add_token("token-0");
  const std::size_t count = random.chance(kSharesOfTwo) ? 2 : 1;
  releases_ = Random(Random::part(options_.seed, "operator")).chance(50);
  if (Random(Random::part(options_.seed, "deltas")).chance(kSharesOfDeltas)) full_list_every_ = kMostDeltas;
  if (Random(Random::part(options_.seed, "hasty")).chance(kSharesOfHasty)) release_after_ = 15min;
  for (std::size_t i = 0; i < count; ++i) {
    sync::EngineOptions engine;
    engine.deletion_release_after = release_after_;
    engine.address = "address-0";
    engine.planner.full_list_every = full_list_every_;
    if (Random(Random::part(options_.seed, "few")).chance(kSharesOfFew)) engine.planner.artifact_listings_due = 2;
    engine.report_failures = count == 1 || random.chance(50);
    instances_.push_back(
        std::make_unique<Instance>(*this, i, Random::part(options_.seed, 1000 + i), std::move(engine)));
  }
  note_wishes();
  for (const Action& action : actions_) {
    if (options_.suppressed.contains(action.number)) continue;
    at(start_ + action.at, [this, &action] {
      if (faulty_) act(action);
    });
  }
  // Some meet a control plane that forgets everything while nothing is in service yet.
  Random emptied(Random::part(options_.seed, "emptied"));
  for (const auto& instance : instances_) {
    if (emptied.chance(kSharesOfEmptied)) instance->open(Trouble::Emptied, start_ + emptied.between(10min, 2h));
    instance->start();
  }
  settle();
}

void World::play() {
  const auto check_all = [this](void (World::*check)(Instance&)) {
    for (const auto& instance : instances_) {
      if (failures_.empty()) (this->*check)(*instance);
    }
  };
  run(std::chrono::hours(options_.hours));
  if (!failures_.empty()) return;
  heal();
  // The longest wait of the link's back-off, and one poll interval.
  run(16min + 7min);
  check_all(&World::check_changes);
  // As many as there are to a full listing, and its confirmation.
  run(full_list_every_ * kLongestPoll);
  check_all(&World::check_removals);
  // What is held or was refused waits up to an hour, and then for its listing. What is held for good goes when an
  // operator agrees.
  run(70min);
  releases_ = true;
  run(50min);
  check_all(&World::check_agreement);
}

sync::Now World::now() const {
  const auto wall =
      control_planes_[0]->clock(now_) + std::chrono::duration_cast<std::chrono::nanoseconds>(wall_offset_);
  return {now_, wall};
}

Random World::chance_of(std::string_view what) const {
  const auto when = static_cast<std::uint64_t>(now_.time_since_epoch().count());
  return Random(Random::part(Random::part(options_.seed, what), when));
}

void World::note(const std::string& what) {
  trace_.push_back(text_of(now_ - start_) + "  " + what);
  digest_ = Random::hash(trace_.back(), digest_);
  if (trace_.size() > options_.trace_lines) trace_.pop_front();
}

void World::fail(const std::string& checker, const std::string& what) {
  failures_.push_back({checker, text_of(now_ - start_) + "  " + what});
  note("FAILED: " + checker + ": " + what);
}

void World::run(Duration time) {
  const TimePoint end = now_ + time;
  std::int64_t at_once = 0;
  while (failures_.empty()) {
    TimePoint next = end;
    if (!queue_.empty()) next = std::min(next, queue_.begin()->first);
    Instance* due = nullptr;
    for (const auto& instance : instances_) {
      const auto deadline = instance->next_deadline(now_);
      if (!deadline || *deadline >= next) continue;
      next = *deadline;
      due = instance.get();
    }
    if (next >= end) break;
    at_once = next > now_ ? 0 : at_once + 1;
    if (at_once > kStepsAtOnce) return fail("rest", "does not come to rest");
    now_ = std::max(now_, next);
    ++steps_;
    if (due != nullptr) {
      due->on_deadline();
    } else {
      const auto what = std::move(queue_.begin()->second);
      queue_.erase(queue_.begin());
      what();
    }
    settle();
  }
  if (failures_.empty()) now_ = end;
}

void World::settle() {
  for (const auto& instance : instances_) {
    instance->pump();
    look_at_standing(*instance);
    look_at_settled(*instance);
    look_at_agreement(*instance);
    look_at_bounds(*instance);
  }
}

void World::heal() {
  faulty_ = false;
  note("healed");
  if (std::exchange(present_, 0) != 0) cut_all();
  control_planes_[0]->heal(now_);
  note_wishes();
  at(now_ + kCommitTime, [this] {
    control_planes_[0]->commit(now_);
    control_planes_[0]->deploy_providers(now_);
    note_wishes();
  });
  at(now_ + 2 * kCommitTime, [this] {
    control_planes_[0]->commit(now_);
    note_wishes();
  });
  for (const auto& instance : instances_) {
    instance->heal();
    instance->give_token("token-" + std::to_string(tokens_));
  }
  operator_looks();
}

void World::operator_looks() {
  for (const auto& instance : instances_) {
    instance->agree_to_identity();
    // A gateway that an empty store would take most from has nothing new before somebody has looked at it.
    instance->agree_to_replacement();
    if (releases_) instance->agree_to_deletions();
  }
  at(now_ + 30s, [this] { operator_looks(); });
}

// ---- Actions

void World::act(const Action& action) {
  Random random(action.seed);
  const bool is_user = action.kind == ActionKind::Operation || action.kind == ActionKind::LostOperation;
  if (now_ < (is_user ? quiet_until_ : calm_until_)) return;
  note("action " + std::to_string(action.number) + ": " + std::string(name_of(action.kind)));
  switch (action.kind) {
    case ActionKind::Operation:
    case ActionKind::LostOperation: {
      const bool lost = action.kind == ActionKind::LostOperation;
      // Where another one answers, the users of the first go on meanwhile.
      auto* control_plane = present_ != 0 && random.chance(30) ? control_planes_[0].get() : &present();
      if (const auto due = control_plane->operate(action.number, random, now_, lost)) commit_at(*due, control_plane);
      return note_wishes();
    }
    case ActionKind::JumpWallClock:
      wall_offset_ = random.between(0s, 4h) - Duration(2h);
      last_jump_ = now_;
      return;
    case ActionKind::SetClockBack:
      return present().set_back(random.between(1s, 10s), now_);
    case ActionKind::RestoreDatabase:
      present().restore(action.number, now_, random.between(1min, 2h));
      return note_wishes(/*taken_back=*/true);
    case ActionKind::RevokeToken: {
      const std::string token = "token-" + std::to_string(++tokens_);
      const auto revoke = [this, number = tokens_, token] {
        if (number != tokens_) return;  // the next has come first
        for (const auto& control_plane : control_planes_) control_plane->revoke_tokens();
        for (const auto& control_plane : control_planes_) control_plane->add_token(token);
      };
      if (random.chance(60)) {
        revoke();
      } else {  // a rotation: both are good for a while
        for (const auto& control_plane : control_planes_) control_plane->add_token(token);
        at(now_ + random.between(1min, 3h), revoke);
      }
      for (const auto& instance : instances_) {
        at(now_ + random.between(1s, 2h), [this, number = tokens_, token, one = instance.get()] {
          if (number == tokens_) one->give_token(token);  // else the next has come first
        });
      }
      return;
    }
    case ActionKind::SwapIdentity:
      return swap_identity(action, random);
    case ActionKind::Move:
      return move_control_plane(action, random);
    default:
      break;
  }
  act_on(action, *instances_[random.below(instances_.size())], random);
}

void World::commit_at(TimePoint due, ControlPlane* control_plane) {
  at(due, [this, control_plane] {
    const auto next = control_plane->commit(now_);
    note_wishes();
    if (next) commit_at(*next, control_plane);
  });
}

/// While this push is out a user deploys some of what it brings once more.
void World::deploy_meanwhile(const Body& body, Random random) {
  for (const Line& line : body.lines) {
    if (line.removes || !is_artifact(line.key.first) || random.chance(50)) continue;
    auto& peer = owner(line.key.second);
    if (const auto due = peer.deploy_anew(line.key.second, Random(random.next()), now_)) commit_at(*due, &peer);
    return note_wishes();
  }
}

/// Another control plane answers at the address. It may have little, or about as much as the first.
void World::swap_identity(const Action& action, Random& random) {
  cut_all();
  present_ = 1;
  const std::size_t operations = random.chance(60) ? random.below(80) : 0;
  for (std::size_t i = 0; i < operations; ++i) {
    control_planes_[1]->operate(action.number, Random(random.next()), now_, /*quiet=*/true);
  }
  at(now_ + kCommitTime, [this] {
    control_planes_[1]->commit(now_);
    note_wishes();
  });
  at(now_ + random.between(1min, 2h), [this, number = ++swaps_] {
    if (number != swaps_) return;  // it has been swapped again meanwhile
    cut_all();
    present_ = 0;
  });
  trouble_swap(random);
  note_wishes();
}

/// It has been set up anew from a backup, somewhere else, and its daemons are told so.
void World::move_control_plane(const Action& action, Random& random) {
  if (present_ != 0) return;
  cut_all();
  for (const auto& instance : instances_) {
    instance->kill(nullptr);
    instance->daemon().set_address("address-" + std::to_string(action.number));
    restart_later(*instance, random);
  }
  const auto existing = existing_;
  const auto wanted = desire_;
  present().restore(action.number, now_, random.between(10min, 2h));
  note_wishes(/*taken_back=*/true);
  for (const auto& instance : instances_) note_moved(*instance, existing, wanted);
}

/// What is listed of it may be hard to get, or gone after the first listing, and a push of the one before out.
void World::trouble_swap(Random& random) {
  empties_ = random.chance(20);
  for (const auto& instance : instances_) {
    if (random.chance(20)) instance->open(Trouble::RestMoods, now_ + random.between(1min, 10min));
    if (random.chance(20)) instance->open(Trouble::Rest500, now_ + random.between(10s, 2min));
    if (random.chance(80)) continue;
    instance->open(Trouble::GatewaySlow, now_ + 2min);
    at(now_ + random.between(1s, 30s), [this, one = instance.get()] {
      if (faulty_) one->restart_gateway();
    });
  }
}

void World::cut_all() {
  for (const auto& instance : instances_) instance->cut(/*half_open=*/false);
}

void World::act_on(const Action& action, Instance& instance, Random& random) {
  const auto open = [&](Trouble trouble, Duration least, Duration most) {
    instance.open(trouble, now_ + random.between(least, most));
  };
  switch (action.kind) {
    case ActionKind::CutLink:
      if (random.chance(50)) open(Trouble::Refused, 1s, random.chance(70) ? Duration(30s) : Duration(2h));
      return instance.cut(/*half_open=*/false);
    case ActionKind::HalfOpen:
      return random.chance(70) ? instance.cut(/*half_open=*/true) : instance.lose_way_out();
    case ActionKind::Partition:
      return open(Trouble::Partition, 1s, random.chance(70) ? Duration(2min) : Duration(2h));
    case ActionKind::DialTrouble:
      open(static_cast<Trouble>(static_cast<std::size_t>(Trouble::Dial401) + random.below(4)), 1s, 30min);
      return instance.cut(/*half_open=*/false);
    case ActionKind::RestTrouble:
      return trouble_rest(instance, random);
    case ActionKind::Lies:
      return open(Trouble::Lies, 1min, 1h);
    case ActionKind::Emptied:
      // What was found missing then is agreed to when it is there again.
      if (random.chance(30)) {
        const TimePoint until = now_ + random.between(1min, release_after_ * 2 / 3);
        instance.open(Trouble::Emptied, until);
        return at(until + random.between(0s, 1min), [one = &instance] {
          one->agree_to_replacement();
          one->agree_to_deletions();
        });
      }
      if (random.chance(20)) {
        quiet_until_ = now_ + 2h;
        const std::size_t how = random.below(4);
        if (how == 0) return instance.empty_now_and_then(release_after_ * 2 / 3);
        if (how == 1) {
          calm_until_ = now_ + release_after_ + 10min;
          return instance.empty_before_and_after(release_after_ + 1min);
        }
        return instance.open(Trouble::Emptied, now_ + 2h);
      }
      return random.chance(15) ? open(Trouble::Emptied, 90min, 3h)
                               : open(Trouble::Emptied, 1min, release_after_ * 2 / 3);
    case ActionKind::Stale:
      return open(Trouble::Stale, 1min, 1h);
    case ActionKind::KillDaemon:
      instance.kill(nullptr);
      return restart_later(instance, random);
    case ActionKind::CutPower: {
      const std::function<bool()> keeps = [&random] { return random.chance(50); };
      instance.kill(&keeps);
      return restart_later(instance, random);
    }
    case ActionKind::DiskTrouble:
    case ActionKind::DieAtWrite:
      return trouble_disk(instance, random);
    case ActionKind::RestartGateway:
      return instance.restart_gateway();
    case ActionKind::ForgetGateway:
      return instance.forget_gateway();
    case ActionKind::GatewayAway:
      return open(Trouble::GatewayAway, 1s, random.chance(80) ? Duration(5min) : Duration(1h));
    case ActionKind::GatewayMoods:
      return open(Trouble::GatewayMoods, 1min, 1h);
    case ActionKind::GatewaySlow:
      return open(Trouble::GatewaySlow, 1min, 2h);
    case ActionKind::GatewayStalls:
      return open(Trouble::GatewayStalls, 1min, 1h);
    case ActionKind::AcceptIdentity:
      return instance.agree_to_identity();
    case ActionKind::ReleaseDeletions:
      instance.agree_to_replacement();
      return instance.agree_to_deletions();
    case ActionKind::GatewayRefuses:
      return open(Trouble::GatewayRefuses, 1min, 30min);
    case ActionKind::SpoilStore:
      return spoil_store(instance, random);
    case ActionKind::LoseKey:
      return lose_key(action, instance, random);
    default:
      return;
  }
}

void World::trouble_rest(Instance& instance, Random& random) {
  for (auto trouble = Trouble::Rest401; trouble <= Trouble::RestStalls;
       trouble = static_cast<Trouble>(static_cast<int>(trouble) + 1)) {
    if (random.chance(40)) instance.open(trouble, now_ + random.between(10s, 1h));
  }
}

void World::restart_later(Instance& instance, Random& random) {
  at(now_ + random.between(10ms, random.chance(80) ? Duration(5s) : Duration(30min)), [one = &instance] {
    if (!one->running_) one->start();
  });
}

/// It is found when it is read: by the running process, or by the next one.
void World::spoil_store(Instance& instance, Random& random) {
  const bool under_a_process = random.chance(50);
  if (!under_a_process) instance.kill(nullptr);
  if (!under_a_process && random.chance(60)) {
    instance.daemon().spoil_log();
  } else {
    instance.daemon().spoil_store();
  }
  instance.seen.spoiled = instance.seen.was_spoiled = true;
  if (!under_a_process) restart_later(instance, random);
}

/// Now and then a minute after all providers were stopped: what is in service is lost without what it refers to.
/// The operator finds it, and until then nothing that was lost can be asked for; the gateway may start anew meanwhile.
void World::find_key_later(Instance& instance, Random random) {
  const TimePoint found = now_ + random.between(2min, 2h);
  instance.open(Trouble::Refused, found);
  if (random.chance(50)) {
    at(now_ + (found - now_) / 2, [this, one = &instance] {
      if (faulty_) one->restart_gateway();
    });
  }
  at(found, [this, one = &instance, random]() mutable {
    if (!faulty_) return;
    one->kill(nullptr);
    one->daemon().find_key();
    one->seen.key_lost = true;
    restart_later(*one, random);
  });
}

void World::lose_key(const Action& action, Instance& instance, Random& random) {
  const auto lose = [this, one = &instance](Random with) {
    one->kill(nullptr);
    one->daemon().lose_key();
    one->seen.key_lost = true;
    restart_later(*one, with);
    if (with.chance(50)) find_key_later(*one, with);
  };
  if (random.chance(50)) return lose(random);
  present().stop_providers(action.number, Random(random.next()), now_);
  note_wishes();
  at(now_ + 1min, [this, lose, random] {
    if (faulty_) lose(random);
  });
}

void World::trouble_disk(Instance& instance, Random& random) {
  auto& disk = instance.daemon().disk();
  const std::size_t which = random.below(7);
  if (which >= 5) {
    disk.die_after(static_cast<std::int64_t>(random.below(20)));
    const TimePoint until = now_ + random.between(10s, 2min);
    instance.seen.last_disk_fault = until;
    at(until, [one = &instance, random]() mutable {
      const std::function<bool()> keeps = [&random] { return random.chance(50); };
      one->kill(&keeps);
      one->start();
    });
    return;
  }
  disk.faults.full = which == 0;
  disk.faults.read_only = which == 1;
  disk.faults.writes = which == 2;
  disk.faults.syncs = which == 3;
  disk.faults.reads = which == 4;
  const TimePoint until = now_ + random.between(1s, 20min);
  instance.seen.last_disk_fault = until;
  at(until, [one = &instance] { one->daemon().disk().faults = {}; });
}

}  // namespace tether::sim
