#include "tether/base/random.h"

#include "tether/base/check.h"

namespace tether {

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

}  // namespace tether
