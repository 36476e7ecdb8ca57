#include "tether/settings/unknown_variables.h"

#include <unistd.h>

#include <algorithm>
#include <numeric>
#include <string_view>

#include "tether/settings/names.h"

namespace tether {
namespace {

constexpr std::string_view kPrefix = "TETHER_";
/// Of a longer name only the beginning is compared, and shown.
constexpr std::size_t kMaxComparedBytes = 80;

std::vector<std::string_view> known_variables() {
  std::vector<std::string_view> known{setting::kToken, setting::kConfig};
  for (const setting::Name& name : setting::kAll) known.push_back(name.variable);
  return known;
}

/// How many letters have to be put in, taken out or changed to make one of the other.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0U);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, diagonal + 1, changed});
    }
  }
  return row.back();
}

/// Narrower than "no control character": a name may be no UTF-8, and is cut between any two bytes.
bool is_printable(char c) {
  return c > ' ' && c < '\x7f';
}

}  // namespace

std::string UnknownVariable::sentence() const {
  return name + ": no such setting, " + closest + " is the closest";
}

std::vector<UnknownVariable> unknown_variables(const std::vector<std::string>& names) {
  const auto known = known_variables();
  std::vector<UnknownVariable> unknown;
  for (const std::string& name : names) {
    if (name.rfind(kPrefix, 0) != 0 || std::ranges::find(known, name) != known.end()) continue;
    std::string shown = name.substr(0, kMaxComparedBytes);
    std::ranges::replace_if(
        shown, [](char c) { return !is_printable(c); }, '?');
    const auto closest = std::ranges::min_element(
        known, {}, [&shown](std::string_view candidate) { return distance(shown, candidate); });
    unknown.push_back({std::move(shown), std::string(*closest)});
  }
  return unknown;
}

std::vector<std::string> process_variable_names() {
  std::vector<std::string> names;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view variable = *entry;
    names.emplace_back(variable.substr(0, variable.find('=')));
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace tether
