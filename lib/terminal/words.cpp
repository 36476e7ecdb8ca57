#include "tether/terminal/words.h"

#include <algorithm>
#include <cmath>

namespace tether::terminal {
namespace {

std::string two_units(std::int64_t large, const char* large_unit, std::int64_t small, const char* small_unit) {
  std::string out = std::to_string(large) + large_unit;
  if (small > 0) out += " " + std::to_string(small) + small_unit;
  return out;
}

}  // namespace

std::string duration_in_words(double seconds) {
  constexpr double kMost = 1e12;  // Past it the number is no time that anybody waited.
  const auto whole = static_cast<std::int64_t>(std::clamp(std::floor(seconds), 0.0, kMost));
  constexpr std::int64_t kMinute = 60;
  constexpr std::int64_t kHour = 60 * kMinute;
  constexpr std::int64_t kDay = 24 * kHour;
  if (whole < kMinute) return std::to_string(whole) + " s";
  if (whole < kHour) return two_units(whole / kMinute, " min", whole < 10 * kMinute ? whole % kMinute : 0, " s");
  if (whole < kDay) return two_units(whole / kHour, " h", whole % kHour / kMinute, " min");
  return two_units(whole / kDay, " d", whole % kDay / kHour, " h");
}

std::string count_of(std::int64_t count, std::string_view thing) {
  return std::to_string(count) + " " + std::string(thing) + (count == 1 ? "" : "s");
}

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(width, text.size()), ' ');
  return text;
}

}  // namespace tether::terminal
