#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "tree.h"

using namespace tether;

namespace {

/// The paths from the top of all mutants, sorted.
std::vector<std::string> mutants() {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(house::source_dir() / "tests" / "mutants")) {
    if (entry.path().extension() == ".patch") paths.push_back("tests/mutants/" + entry.path().filename().string());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

/// What a patch changes: in which file, and the lines that it must find there, hunk by hunk.
struct Change {
  std::string file;
  std::string found;
};

std::vector<Change> changes_of(const std::string& path) {
  std::vector<Change> changes;
  std::string file;
  for (const std::string& line : house::lines_of(path)) {
    if (line.rfind("--- a/", 0) == 0) {
      file = line.substr(6);
    } else if (line.rfind("@@", 0) == 0) {
      changes.push_back({file, ""});
    } else if (!changes.empty() && (line.rfind(' ', 0) == 0 || line.rfind('-', 0) == 0)) {
      changes.back().found += line.substr(1) + "\n";
    }
  }
  return changes;
}

int times(const std::string& text, const std::string& part) {
  int count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("every mutant still finds the lines that it breaks, once, in a library") {
  REQUIRE(mutants().size() >= 25);
  for (const auto& path : mutants()) {
    CAPTURE(path);
    const auto changes = changes_of(path);
    REQUIRE_FALSE(changes.empty());
    for (const auto& change : changes) {
      CHECK(house::matches(change.file, "^lib/(sync|delivery|link|store)/").size() == 1);
      CHECK(times(house::read(change.file), change.found) == 1);
    }
  }
}

TEST_CASE("every mutant says what it breaks, and where that is told") {
  for (const auto& path : mutants()) {
    CAPTURE(path);
    const auto lines = house::lines_of(path);
    CHECK(house::matches(lines.front(), "^\\([^)]+\\) .+\\.$").size() == 1);
  }
}

TEST_CASE("each counter-example of the sync rule has a mutant") {
  std::string said;
  for (const auto& path : mutants()) said += house::lines_of(path).front() + "\n";
  for (const auto& example : house::matches(house::read("lib/sync/RULE.md"), "\\*\\*(CE-[0-9]+)\\*\\*")) {
    CAPTURE(example);
    CHECK_FALSE(house::matches(said, "(" + example + ")[,)]").empty());
  }
}

TEST_CASE("proof.md says of every mutant which world found it, or that none did, and of no other") {
  std::set<std::string> told;
  for (const auto& row : house::rows_of_tables("docs/proof.md", "mutant")) told.insert(row.cells.at(0));
  const std::string text = house::read("docs/proof.md");
  const std::string not_found = text.substr(text.find("\nNot found in "));
  std::set<std::string> names;
  for (const auto& path : mutants()) names.insert(std::filesystem::path(path).stem().string());
  for (const auto& name : names) {
    CAPTURE(name);
    CHECK((told.contains(name) || not_found.find(name) != std::string::npos));
  }
  for (const auto& name : told) {
    CAPTURE(name);
    CHECK(names.contains(name));
  }
}
