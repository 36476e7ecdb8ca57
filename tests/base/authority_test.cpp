#include "tether/base/authority.h"

#include <catch2/catch.hpp>

using namespace tether;

TEST_CASE("an IPv6 address stands in brackets before a port, and nothing else does") {
  CHECK(authority("::1", 9469) == "[::1]:9469");
  CHECK(authority("127.0.0.1", 0) == "127.0.0.1:0");
  CHECK(authority("localhost", 443) == "localhost:443");
  CHECK(bracketed("fe80::1%eth0") == "[fe80::1%eth0]");
  CHECK(bracketed("control.example.com") == "control.example.com");
}
