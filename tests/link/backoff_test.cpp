#include "tether/link/backoff.h"

#include <catch2/catch.hpp>
#include <set>
#include <vector>

using namespace tether;
using namespace tether::link;

namespace {

constexpr Duration kBase = 1s;
constexpr Duration kMax = 5min;

std::vector<Duration> waits(std::uint64_t seed, std::size_t count) {
  Backoff backoff(kBase, kMax, seed);
  std::vector<Duration> all;
  for (std::size_t i = 0; i < count; ++i) all.push_back(backoff.next());
  return all;
}

}  // namespace

TEST_CASE("every wait lies in the upper half of a ceiling that doubles up to the maximum (R8)") {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    CAPTURE(seed);
    Backoff backoff(kBase, kMax, seed);
    Duration ceiling = kBase;

    for (int i = 0; i < 30; ++i) {
      const Duration wait = backoff.next();
      CHECK(wait >= ceiling / 2);
      CHECK(wait <= ceiling);
      ceiling = std::min(ceiling * 2, kMax);
    }
  }
}

TEST_CASE("a fleet at the cap is spread over the upper half, not gathered at the maximum (D3)") {
  std::set<Duration> seen;
  int at_maximum = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const Duration wait = waits(seed, 20).back();
    seen.insert(std::chrono::floor<std::chrono::seconds>(wait));
    if (wait == kMax) ++at_maximum;
  }

  CHECK(seen.size() > 80);
  CHECK(*seen.begin() < 165s);
  CHECK(*seen.rbegin() > 285s);
  CHECK(at_maximum <= 1);
}

TEST_CASE("the same seed gives the same waits, another seed others") {
  CHECK(waits(7, 20) == waits(7, 20));
  CHECK(waits(7, 20) != waits(8, 20));
}

TEST_CASE("a reset back-off starts again at its base") {
  Backoff backoff(kBase, kMax, 3);
  for (int i = 0; i < 12; ++i) backoff.next();

  backoff.reset();

  CHECK(backoff.next() <= kBase);
}

TEST_CASE("a base equal to the maximum is a constant ceiling") {
  Backoff backoff(1ms, 1ms, 1);

  for (int i = 0; i < 100; ++i) {
    const Duration wait = backoff.next();
    CHECK(wait >= 500us);
    CHECK(wait <= 1ms);
  }
}
