#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

/// The source tree as text, for tests that hold it to its own rules.
namespace tether::house {

std::filesystem::path source_dir();

/// The whole file, by its path from the top. Aborts the test if it is not there.
std::string read(const std::string& path);
std::vector<std::string> lines_of(const std::string& path);

/// Paths from the top of all `.h` and `.cpp` below these folders, sorted.
std::vector<std::string> sources(const std::vector<std::string>& folders);

/// A row of a Markdown table.
struct Row {
  std::string name;                ///< The first code span of the first column, or empty.
  std::vector<std::string> cells;  ///< All columns, trimmed.
};
/// The rows of the first table whose header row begins with `header`. Aborts the test if there is none.
std::vector<Row> table(const std::string& path, const std::string& header);
/// The rows of all such tables of that file.
std::vector<Row> rows_of_tables(const std::string& path, const std::string& header);

/// All matches of a pattern (ECMAScript), or of its first group if it has one.
std::set<std::string> matches(const std::string& text, const std::string& pattern);

/// The names of the test cases in a source: the adjacent string literals after the macro.
std::vector<std::string> test_names(const std::string& text);
/// Names of all test cases of the tree, without the numbers at their ends.
const std::set<std::string>& tests();

}  // namespace tether::house
