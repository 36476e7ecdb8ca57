#include "every_call.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <iostream>
#include <random>

namespace tether::test {
namespace {

bool takes_every_call() {
  return std::getenv("TETHER_EVERY_CALL") != nullptr;
}

std::uint32_t seed() {
  static const std::uint32_t value = [] {
    const char* set = std::getenv("TETHER_SEED");
    const auto drawn = set != nullptr ? static_cast<std::uint32_t>(std::stoul(set)) : std::random_device{}();
    std::cout << "TETHER_SEED=" << drawn << std::endl;
    return drawn;
  }();
  return value;
}

}  // namespace

void cut_at_each_call(const MakeScript& make, const std::string& how, std::uint64_t stride) {
  if (takes_every_call()) stride = 1;
  std::uint64_t cuts = 0;
  const TimePoint began = Clock::now();
  const char* first = std::getenv("TETHER_CALL");
  for (std::uint64_t at = first != nullptr ? std::stoull(first) : 1 + seed() % stride;; at += stride) {
    World world;
    const auto script = make(world);
    const Cut cut{how, at, seed() + static_cast<std::uint32_t>(at)};
    const bool lived = script->lives(cut);
    const std::string place = world.cut_at();
    INFO(how << " at call " << at << ": " << place << ", TETHER_SEED=" << seed());
    REQUIRE(lived == place.empty());
    if (!lived && cut.is_power_cut()) world.take_what_is_left();
    script->recover(at % 2 == 0);
    if (lived) break;
    ++cuts;
  }
  const auto took = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - began).count();
  std::cout << how << ": " << cuts << " cuts, every " << stride << ". call, " << took << " s" << std::endl;
  CHECK(cuts > 0);
}

void check_start_alone(World& world, bool empty_gateway) {
  const auto before = world.gateway().resources();
  world.close_control_plane(true);
  if (empty_gateway) world.restart_gateway(/*empty=*/true);

  world.start_daemon();

  // Were the epoch of what the gateway has unknown to the store, it would wait for a listing.
  CHECK(world.comes_to([&world] { return world.is_ready(); }));
  for (const auto& sentence : world.missing_of(before)) FAIL_CHECK(sentence);
}

bool comes_to_be_in_sync(World& world) {
  return world.comes_to([&world] { return world.agrees() && world.is_in_sync(); });
}

void check_that_all_agrees(World& world) {
  CHECK(comes_to_be_in_sync(world));
  for (const auto& sentence : world.differences()) FAIL_CHECK(sentence);
  for (const auto& sentence : world.violations()) FAIL_CHECK(sentence);
}

}  // namespace tether::test
