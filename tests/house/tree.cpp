#include "tree.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>

namespace tether::house {

namespace {

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(' ');
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

Row row_of(const std::string& line) {
  Row row;
  std::istringstream cells(line.substr(1));
  for (std::string cell; std::getline(cells, cell, '|');) row.cells.push_back(trimmed(cell));
  std::smatch name;
  if (!row.cells.empty() && std::regex_search(row.cells.front(), name, std::regex("`([^`]+)`"))) row.name = name[1];
  return row;
}

std::vector<Row> rows(const std::string& path, const std::string& header, bool first_only) {
  std::vector<Row> found;
  bool inside = false;
  for (const std::string& line : lines_of(path)) {
    if (line.rfind("| " + header + " |", 0) == 0) {
      inside = true;
    } else if (inside && line.rfind("|", 0) != 0) {
      inside = false;
      if (first_only) break;
    } else if (inside && line.rfind("|--", 0) != 0) {
      found.push_back(row_of(line));
    }
  }
  INFO(path << ": table of " << header);
  REQUIRE_FALSE(found.empty());
  return found;
}

}  // namespace

std::filesystem::path source_dir() {
  return TETHER_SOURCE_DIR;
}

std::string read(const std::string& path) {
  std::ifstream file(source_dir() / path, std::ios::binary);
  INFO(path);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> lines_of(const std::string& path) {
  std::istringstream text(read(path));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> sources(const std::vector<std::string>& folders) {
  std::vector<std::string> paths;
  for (const std::string& folder : folders) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(source_dir() / folder)) {
      const auto extension = entry.path().extension();
      if (extension == ".h" || extension == ".cpp") paths.push_back(entry.path().lexically_relative(source_dir()));
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::vector<Row> table(const std::string& path, const std::string& header) {
  return rows(path, header, /*first_only=*/true);
}

std::vector<Row> rows_of_tables(const std::string& path, const std::string& header) {
  return rows(path, header, /*first_only=*/false);
}

std::set<std::string> matches(const std::string& text, const std::string& pattern) {
  const std::regex expression(pattern);
  std::set<std::string> found;
  for (auto it = std::sregex_iterator(text.begin(), text.end(), expression); it != std::sregex_iterator(); ++it) {
    found.insert(it->size() > 1 ? (*it)[1] : (*it)[0]);
  }
  return found;
}

std::vector<std::string> test_names(const std::string& text) {
  static const std::regex literal(R"x("((?:[^"\\]|\\.)*)"\s*)x");
  const std::string macro = "\nTEST_CASE(";
  std::vector<std::string> names;
  for (auto at = text.find(macro); at != std::string::npos; at = text.find(macro, at + 1)) {
    auto from = text.cbegin() + static_cast<std::ptrdiff_t>(text.find('"', at));
    std::smatch part;
    std::string name;
    while (std::regex_search(from, text.cend(), part, literal, std::regex_constants::match_continuous)) {
      name += part[1];
      from = part[0].second;
    }
    names.push_back(name);
  }
  return names;
}

const std::set<std::string>& tests() {
  static const std::set<std::string> all = [] {
    std::set<std::string> names;
    for (const std::string& path : sources({"tests"})) {
      for (const std::string& name : test_names(read(path))) {
        names.insert(std::regex_replace(name, std::regex(R"(( \[[^\]]*\]| \([A-Z][^)]*\))+$)"), ""));
      }
    }
    return names;
  }();
  return all;
}

}  // namespace tether::house
