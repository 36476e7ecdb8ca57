#include "tether/base/controls.h"

#include <catch2/catch.hpp>

using namespace tether;

TEST_CASE("control characters are shown as question marks, and nothing else is") {
  using namespace std::string_literals;

  CHECK(without_controls("a\nb\x1b[2Jc\x7f"s + '\0' + "d") == "a?b?[2Jc??d");
  CHECK(without_controls("") == "");
  CHECK(without_controls("Über ~ \"x\"") == "Über ~ \"x\"");
}
