// docs/proof.md: which tests hold the lines of the sync rule.
#include <catch2/catch.hpp>

#include "tree.h"

using namespace tether;

namespace {

std::vector<house::Row> proofs() {
  return house::rows_of_tables("docs/proof.md", "line");
}

}  // namespace

TEST_CASE("each test that proof.md names exists, and each of its lines names one") {
  REQUIRE(proofs().size() > 80);
  for (const auto& row : proofs()) {
    INFO(row.cells.at(0));
    const auto named = house::matches(row.cells.at(1), "\"([^\"]+)\"");
    CHECK_FALSE(named.empty());
    for (const std::string& name : named) {
      INFO(name);
      CHECK(house::tests().count(name) == 1);
    }
  }
}

TEST_CASE("each line of a table of RULE.md that decides something is in proof.md") {
  std::set<std::string> proven;
  for (const auto& row : proofs()) proven.insert(row.cells.at(0));
  std::size_t lines = 0;
  for (const std::string header :
       {"the event", "the row", "the answer", "the gateway says", "a later listing", "the staged identity",
        "the identity that is", "transaction", "when", "of other kinds"}) {
    for (const auto& row : house::rows_of_tables("lib/sync/RULE.md", header)) {
      const bool has_two_causes = header == "the answer" && row.cells.size() == 3;
      const std::string line = has_two_causes ? row.cells[0] + ", after " + row.cells[1] : row.cells[0];
      INFO(header << ": " << line);
      CHECK(proven.count(line) == 1);
      ++lines;
    }
  }
  CHECK(lines > 60);
}
