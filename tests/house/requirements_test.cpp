// The numbers in test names, and the pages that say what they stand for.
#include <catch2/catch.hpp>
#include <map>
#include <regex>

#include "tree.h"

using namespace tether;
using house::matches;

namespace {

/// The numbers that tests name, `[R7]` or `(R7, R8)`, each with the sources that do, from `tests/` on.
const std::map<std::string, std::set<std::string>>& named_by_tests() {
  static const std::map<std::string, std::set<std::string>> all = [] {
    std::map<std::string, std::set<std::string>> named;
    for (const std::string& path : house::sources({"tests"})) {
      for (const std::string& name : house::test_names(house::read(path))) {
        for (const auto& tag : matches(name, R"([\[(,] ?(R\d+|[A-E]\d|F\d+|H|CE-\d+)(?=[\]),]))")) {
          named[tag].insert(path.substr(path.find('/') + 1));
        }
      }
    }
    return named;
  }();
  return all;
}

std::vector<house::Row> requirements() {
  return house::rows_of_tables("docs/requirements.md", "number");
}

std::set<std::string> counter_examples() {
  return matches(house::read("lib/sync/RULE.md"), R"(\n- \*\*(CE-\d+)\*\* )");
}

}  // namespace

TEST_CASE("each number in a test's name stands for something that is written down") {
  std::set<std::string> known = counter_examples();
  for (const auto& row : requirements()) known.insert(row.name);

  for (const auto& [tag, paths] : named_by_tests()) {
    INFO(tag << " in " << *paths.begin());
    CHECK(known.count(tag) == 1);
  }
}

TEST_CASE("each requirement is named by a test in each file that the page says, or marked as not yet") {
  for (const auto& row : requirements()) {
    INFO(row.name);
    const std::string& where = row.cells.at(2);
    const auto files = matches(where, R"(`([a-z_/]+_test\.cpp)`)");
    CHECK(files.empty() == (where.find("*not yet*") != std::string::npos));
    for (const std::string& file : files) {
      INFO(file);
      const auto named = named_by_tests().find(row.name);
      CHECK((named != named_by_tests().end() && named->second.count(file) == 1));
    }
  }
}

TEST_CASE("each counter-example that RULE.md tells is named by a test") {
  for (const std::string& tag : counter_examples()) {
    INFO(tag);
    CHECK(named_by_tests().count(tag) == 1);
  }
}

TEST_CASE("each counter-example that a comment or a test names is told in RULE.md") {
  const auto told = counter_examples();
  REQUIRE_FALSE(told.empty());

  for (const std::string& path : house::sources({"lib", "daemon", "tests"})) {
    if (path.rfind("tests/house/", 0) == 0) continue;
    for (const std::string& tag : matches(house::read(path), R"(\b(CE-\d+))")) {
      INFO(tag << " in " << path);
      CHECK(told.count(tag) == 1);
    }
  }
}
