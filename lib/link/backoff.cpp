#include "tether/link/backoff.h"

#include <algorithm>

#include "tether/base/check.h"

namespace tether::link {

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
