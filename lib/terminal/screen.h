#pragma once

#include <cstddef>
#include <string>
#include <vector>

/// Lines for a person, before anything is known of the terminal that they go to.
namespace tether::terminal {

enum class Tone { Plain, Heading, Good, Bad, Advice };

/// Without control characters, and without a line end.
struct Line {
  std::string text;
  Tone tone = Tone::Plain;
  friend bool operator==(const Line&, const Line&) = default;
};
using Lines = std::vector<Line>;

/// What the terminal can show at once.
struct ScreenSize {
  std::size_t rows = 24;
  std::size_t columns = 80;
};

/// Whether lines that go there may have colours. `no_color`, `term`: of the environment, as they are or null.
bool may_colour(bool is_terminal, const char* no_color, const char* term);

/// The lines as text, each with its end. With colours: in the terminal's own.
std::string render(const Lines& lines, bool colours);

/// What fits: longer lines are cut, and what is below the last row is counted in it. One row stays free for the cursor.
Lines cut_to(const Lines& lines, ScreenSize size);

/// Draws over what was drawn there before, from the top left corner, without a flicker.
std::string redraw(const Lines& lines, ScreenSize size, bool colours);

}  // namespace tether::terminal
