#pragma once

#include <catch2/catch.hpp>
#include <chrono>
#include <string>

#include "world.h"

/// What the tests of another identity begin with, and an operator's word on it.
namespace tether::sync::test {

/// Four artifacts of gateway-1 are in service, a1's ack waits, and its link is gone.
inline void serve_first(World& world) {
  for (int i = 1; i <= 4; ++i) world.deploy("a" + std::to_string(i), "d" + std::to_string(i));
  world.settle();
  world.deploy("a1", "d1b");
  world.event(world.deployments.at("a1"));
  world.serve();
  world.link_down();
  world.push();
  REQUIRE(world.outbox() == 1);
  world.run(std::chrono::seconds(5));
}

/// The control plane names gateway-2, which has this many artifacts, b1 and so on.
inline void link_second(World& world, int count) {
  world.clear();
  for (int i = 1; i <= count; ++i) world.deploy("b" + std::to_string(i), "e" + std::to_string(i));
  world.link_up("gateway-2");
}

/// What an operator is shown of the staged identity now.
inline ShownIdentity shown_now(World& world) {
  ShownIdentity shown{world.standing().staged_gateway_id, std::string(to_string(world.standing().staged_lack))};
  shown.in_service = world.read<std::int64_t>([](Records& records) { return records.offered_count(); });
  shown.resources = world.read<std::int64_t>([](Records& records) {
    records.work_on(Side::Staged);
    const auto count = records.offered_count();
    records.work_on(Side::Served);
    return count;
  });
  return shown;
}

inline void accept(World& world, const ShownIdentity& shown) {
  world.with([&](Engine& engine, Records& records) { engine.on_identity_accepted(records, shown, world.now()); });
}

inline std::string served_by(World& world) {
  return world.read<Marks>([](Records& records) { return records.marks(); }).gateway_id;
}

}  // namespace tether::sync::test
