#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tether/base/time.h"

namespace tether::demo {

/// Who a line is about.
enum class Who { ControlPlane, Tetherd, Gateway };

/// Something that happened at one of the three.
struct Happening {
  Instant at;
  Who who = Who::Tetherd;
  std::string what;  ///< `pushed`, `acknowledged`: one word that columns align on.
  std::string detail;
};

/// The demo's page: chapters of lines with the seconds since the start on the left, and the checks that were made.
/// Colours only on a terminal that has not asked for none (NO_COLOR).
class Screen {
 public:
  Screen();

  void title(const std::string& text);
  void chapter(const std::string& text);
  void line(const Happening& happening);
  /// In the order in which they happened; of many alike in a row the first is shown and the others are counted.
  void lines(std::vector<Happening> happenings);
  void gap();
  /// Something worth remembering, set off from the lines.
  void figure(const std::string& text);
  void text(const std::string& text);

  /// Notes whether something that was to happen did. Returns `holds`.
  bool check(bool holds, const std::string& sentence);
  /// Prints all checks; true if each held.
  bool summary();

 private:
  std::string painted(const char* colour, const std::string& text) const;

  struct Check {
    bool holds = false;
    std::string sentence;
  };
  bool colours_;
  Instant start_;
  std::vector<Check> checks_;
};

Instant wall_now();

/// `1.2 ms`, `34 ms`, `1.35 s`.
std::string in_words(std::chrono::nanoseconds time);

}  // namespace tether::demo
