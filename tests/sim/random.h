#pragma once

#include <cstdint>
#include <random>

#include "tether/base/time.h"

namespace tether::sim {

/// All chance in a world, from its one seed.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  /// 0 to `count` - 1. Requires count > 0.
  std::size_t below(std::size_t count) { return static_cast<std::size_t>(engine_() % count); }
  bool chance(int percent) { return below(100) < static_cast<std::size_t>(percent); }
  Duration between(Duration least, Duration most) {
    return least + Duration(static_cast<Duration::rep>(below(static_cast<std::size_t>((most - least).count()) + 1)));
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace tether::sim
