// docs/security.md: which tests show the defences.
#include <catch2/catch.hpp>

#include "tree.h"

using namespace tether;

TEST_CASE("each defence that security.md tells of is shown by a test, and each that it names exists") {
  const auto rows = house::rows_of_tables("docs/security.md", "what an attacker there could want");
  REQUIRE(rows.size() > 15);
  for (const auto& row : rows) {
    INFO(row.cells.at(0));
    const auto named = house::matches(row.cells.at(2), "\"([^\"]+)\"");
    CHECK_FALSE(named.empty());
    for (const std::string& name : named) {
      INFO(name);
      CHECK(house::tests().count(name) == 1);
    }
  }
}
