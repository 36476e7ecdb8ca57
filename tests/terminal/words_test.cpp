#include "tether/terminal/words.h"

#include <catch2/catch.hpp>

using namespace tether::terminal;

TEST_CASE("a time is told in its two largest units") {
  CHECK(duration_in_words(-3) == "0 s");
  CHECK(duration_in_words(0.9) == "0 s");
  CHECK(duration_in_words(59.9) == "59 s");
  CHECK(duration_in_words(60) == "1 min");
  CHECK(duration_in_words(75) == "1 min 15 s");
  CHECK(duration_in_words(3599) == "59 min");
  CHECK(duration_in_words(3600) == "1 h");
  CHECK(duration_in_words(11'520) == "3 h 12 min");
  CHECK(duration_in_words(183'600) == "2 d 3 h");
  CHECK(duration_in_words(1e300) == duration_in_words(1e12));
}

TEST_CASE("what is counted is one or many") {
  CHECK(count_of(0, "resource") == "0 resources");
  CHECK(count_of(1, "resource") == "1 resource");
  CHECK(count_of(2, "resource") == "2 resources");
}
