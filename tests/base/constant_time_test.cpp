#include "tether/base/constant_time.h"

#include <catch2/catch.hpp>

using tether::is_equal_in_constant_time;

TEST_CASE("a comparison in constant time says what any other says") {
  CHECK(is_equal_in_constant_time("token", "token"));
  CHECK(is_equal_in_constant_time("", ""));
  CHECK_FALSE(is_equal_in_constant_time("tokem", "token"));
  CHECK_FALSE(is_equal_in_constant_time("Token", "token"));
  CHECK_FALSE(is_equal_in_constant_time("toke", "token"));
  CHECK_FALSE(is_equal_in_constant_time("tokentoken", "token"));
  CHECK_FALSE(is_equal_in_constant_time("", "token"));
  CHECK_FALSE(is_equal_in_constant_time("token", ""));
}
