#pragma once

#include <cstdint>
#include <string_view>

#include "tether/base/time.h"

namespace tether::sim {

/// All chance in a world, from its one seed. Small and cheap to make (SplitMix64): whatever draws has one of its own,
/// so that what is left out in one place changes no draw in another.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15U;
    return mix(state_);
  }
  /// 0 to `count` - 1. Requires count > 0.
  std::size_t below(std::size_t count) { return static_cast<std::size_t>(next() % count); }
  bool chance(int percent) { return below(100) < static_cast<std::size_t>(percent); }
  Duration between(Duration least, Duration most) {
    return least + Duration(static_cast<Duration::rep>(below(static_cast<std::size_t>((most - least).count()) + 1)));
  }

  static std::uint64_t mix(std::uint64_t value) {
    value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
    value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
    return value ^ (value >> 31U);
  }
  /// The seed of a part of what `seed` is the seed of.
  static std::uint64_t part(std::uint64_t seed, std::uint64_t number) { return mix(seed ^ mix(number + 1)); }
  static std::uint64_t part(std::uint64_t seed, std::string_view name) { return part(seed, hash(name)); }
  /// FNV-1a, which can go on where it ended.
  static std::uint64_t hash(std::string_view text, std::uint64_t hash = 0xcbf29ce484222325U) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    return hash;
  }

 private:
  std::uint64_t state_;
};

}  // namespace tether::sim
