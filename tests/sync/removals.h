#pragma once

#include <string>

#include "world.h"

/// What the tests of the deletion brake begin with: numbered artifacts in service, and a listing that lacks some.
namespace tether::sync::test {

inline std::string id(int i) {
  return "a" + std::to_string(i);
}

inline void fill(World& world, int count = 20) {
  for (int i = 0; i < count; ++i) world.deploy(id(i), "d" + std::to_string(i));
  world.settle();
}

inline void relist(World& world) {
  world.relist();
}

inline int in_service(World& world, int count = 20) {
  int found = 0;
  for (int i = 0; i < count; ++i) found += world.offered(id(i)).empty() ? 0 : 1;
  return found;
}

}  // namespace tether::sync::test
