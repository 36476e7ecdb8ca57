#include "fleet.h"

#include <catch2/catch.hpp>
#include <numeric>

using namespace tether;
using namespace tether::herd;

TEST_CASE("a fleet that was cut off is back within 30 s, and never a twentieth of it dials in one second (R23)") {
  Outage outage;
  outage.links = 4000;
  outage.away = GENERATE(10s, 5min);
  outage.is_unanswered = GENERATE(false, true);
  CAPTURE(outage.away.count(), outage.is_unanswered);

  const Return back = play(outage);

  CHECK(back.all <= 30s);
  CHECK(back.most <= 27s);
  // Of 4,000 a tenth more than the mean of a second is chance, which 10,000 level out.
  CHECK(back.peak_dials <= outage.links * 11 / 200);
  CHECK(back.dials == outage.links);
}

TEST_CASE("a fleet behind one address fills what the control plane admits, and nobody starves (R8, R23)") {
  Outage outage;
  outage.links = 2000;
  outage.dials_per_minute = 200;
  outage.away = GENERATE(10s, 5min);
  CAPTURE(outage.away.count());

  const Return back = play(outage);

  REQUIRE(back.admitted.size() >= 10);
  CHECK(std::accumulate(back.admitted.begin(), back.admitted.end(), std::size_t{0}) == outage.links);
  for (std::size_t minute = 0; minute < 8; ++minute) CHECK(back.admitted[minute] >= 198);
  CHECK(back.all <= 12min);
  CHECK(back.most_dials_of_one <= 10);
}

TEST_CASE("the same outage gives the same return") {
  Outage outage;
  outage.links = 100;
  const Return once = play(outage);
  const Return again = play(outage);
  CHECK(once.all == again.all);
  CHECK(once.peak_knocks == again.peak_knocks);
  outage.seed = 2;
  CHECK(play(outage).all != once.all);
}
