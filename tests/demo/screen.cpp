#include "screen.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

namespace tether::demo {

namespace {

constexpr const char* kBold = "1";
constexpr const char* kDim = "2";
constexpr const char* kGreen = "32";
constexpr const char* kRed = "1;31";

constexpr std::ptrdiff_t kAlikeInARow = 4;

struct Tag {
  const char* name;
  const char* colour;
};

Tag tag_of(Who who) {
  switch (who) {
    case Who::ControlPlane:
      return {"control plane", "35"};
    case Who::Gateway:
      return {"gateway", "33"};
    case Who::Tetherd:
      break;
  }
  return {"tetherd", "36"};
}

/// Padded on the right to `width`.
std::string padded(const std::string& text, std::size_t width) {
  return text.size() < width ? text + std::string(width - text.size(), ' ') : text;
}

void print(const std::string& line) {
  std::fputs((line + "\n").c_str(), stdout);
  std::fflush(stdout);
}

}  // namespace

Screen::Screen() : colours_(::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr), start_(wall_now()) {}

std::string Screen::painted(const char* colour, const std::string& text) const {
  return colours_ ? std::string("\033[") + colour + "m" + text + "\033[0m" : text;
}

void Screen::title(const std::string& text) {
  print("\n" + painted(kBold, text));
}

void Screen::chapter(const std::string& text) {
  print("\n" + painted(kBold, text));
}

void Screen::line(const Happening& happening) {
  std::array<char, 32> seconds{};
  std::snprintf(seconds.data(), seconds.size(), "%7.3f", static_cast<double>((happening.at - start_).count()) / 1e9);
  const Tag tag = tag_of(happening.who);
  print(painted(kDim, seconds.data()) + "  " + painted(tag.colour, padded(tag.name, 13)) + "  " +
        padded(happening.what, 13) + " " + happening.detail);
}

void Screen::lines(std::vector<Happening> happenings) {
  std::stable_sort(happenings.begin(), happenings.end(),
                   [](const Happening& a, const Happening& b) { return a.at < b.at; });
  for (auto first = happenings.begin(); first != happenings.end();) {
    const auto end = std::find_if(first, happenings.end(), [first](const Happening& other) {
      return other.who != first->who || other.what != first->what;
    });
    const auto others = end - first - 1;
    if (others < kAlikeInARow) {
      std::for_each(first, end, [this](const Happening& happening) { line(happening); });
    } else {
      first->detail += ", and " + std::to_string(others) + " more";
      line(*first);
    }
    first = end;
  }
}

void Screen::gap() {
  print("");
}

void Screen::figure(const std::string& text) {
  print("         " + painted(kGreen, "→ " + text));
}

void Screen::text(const std::string& text) {
  print("         " + text);
}

bool Screen::check(bool holds, const std::string& sentence) {
  checks_.push_back({holds, sentence});
  if (!holds) print("         " + painted(kRed, "✗ did not happen: " + sentence));
  return holds;
}

bool Screen::summary() {
  chapter("Summary");
  bool all = !checks_.empty();
  for (const Check& check : checks_) {
    print("  " + (check.holds ? painted(kGreen, "✓") : painted(kRed, "✗")) + " " + check.sentence);
    all = all && check.holds;
  }
  return all;
}

Instant wall_now() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count()};
}

std::string in_words(std::chrono::nanoseconds time) {
  const double ms = static_cast<double>(time.count()) / 1e6;
  std::array<char, 32> text{};
  if (ms < 10) {
    std::snprintf(text.data(), text.size(), "%.1f ms", ms);
  } else if (ms < 1000) {
    std::snprintf(text.data(), text.size(), "%.0f ms", ms);
  } else {
    std::snprintf(text.data(), text.size(), "%.2f s", ms / 1000);
  }
  return text.data();
}

}  // namespace tether::demo
