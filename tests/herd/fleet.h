#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "tether/link/link.h"

namespace tether::herd {

/// Many links that lose their control plane at one moment and get it back at another.
struct Outage {
  std::size_t links = 10'000;
  Duration away = 5min;
  /// What a connection meets meanwhile: no answer at all, else a refusal.
  bool is_unanswered = false;
  /// All are behind one address, from which the control plane takes so many dials in any 60 s, and answers 429 beyond
  /// (control-plane-protocol.md 1.3); none: each has an address of its own.
  std::optional<std::size_t> dials_per_minute;
  std::uint64_t seed = 1;
};

/// How they came back; times are from the return of the control plane on.
struct Return {
  std::size_t peak_dials = 0;   ///< Most dials within any one second, that reached it.
  std::size_t peak_knocks = 0;  ///< Likewise, with the outage; what is not answered counts too.
  Duration half{};              ///< Until a half was connected (acknowledged),
  Duration most{};              ///<   95 %,
  Duration all{};               ///<   all.
  std::size_t dials = 0;
  std::size_t refused = 0;  ///< Of these, with 429.
  std::size_t most_dials_of_one = 0;
  std::vector<std::size_t> admitted;  ///< By minute, from the first admitted dial on.
};

/// Plays it with the real link::Link, on virtual time. The same outage gives the same return.
Return play(const Outage& outage);

}  // namespace tether::herd
