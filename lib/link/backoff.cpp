#include "tether/link/backoff.h"

#include <algorithm>

#include "tether/base/check.h"

namespace tether::link {

std::uint64_t Random::next() {
  state_ += 0x9e3779b97f4a7c15U;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31U);
}

Duration Random::between(Duration low, Duration high) {
  check(low <= high, "low is within high");
  const auto span = static_cast<std::uint64_t>((high - low).count());
  // The remainder's bias is below one in a million for any span that a wait can have (2^64 ns are 584 years).
  return low + Duration(static_cast<Duration::rep>(next() % (span + 1)));
}

Backoff::Backoff(Duration base, Duration max, std::uint64_t seed)
    : base_(base), max_(max), ceiling_(base), random_(seed) {
  check(base > Duration::zero() && base <= max, "0 < base <= max");
}

Duration Backoff::next() {
  const Duration wait = random_.between(ceiling_ / 2, ceiling_);
  ceiling_ = ceiling_ > max_ / 2 ? max_ : ceiling_ * 2;
  return wait;
}

void Backoff::reset() {
  ceiling_ = base_;
}

}  // namespace tether::link
