#include "tether/terminal/screen.h"

#include <algorithm>
#include <string_view>

#include "tether/base/utf8.h"

namespace tether::terminal {
namespace {

constexpr std::string_view kHome = "\x1b[H";
constexpr std::string_view kClearToEndOfLine = "\x1b[K";
constexpr std::string_view kClearBelow = "\x1b[J";
constexpr std::string_view kPlain = "\x1b[0m";
constexpr std::string_view kEllipsis = "…";

constexpr std::string_view colour_of(Tone tone) {
  switch (tone) {
    case Tone::Plain:
      return "";
    case Tone::Heading:
      return "\x1b[1m";
    case Tone::Good:
      return "\x1b[32m";
    case Tone::Bad:
      return "\x1b[31m";
    case Tone::Advice:
      return "\x1b[36m";
  }
  return "";
}

std::string painted(const Line& line, bool colours) {
  const std::string_view colour = colours ? colour_of(line.tone) : "";
  if (colour.empty()) return line.text;
  return std::string(colour) + line.text + std::string(kPlain);
}

/// At most so many characters of UTF-8.
std::string cut_text(const std::string& text, std::size_t columns) {
  const auto characters = static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_character));
  if (characters <= columns) return text;
  if (columns == 0) return "";
  std::size_t end = 0;
  for (std::size_t seen = 0; end < text.size(); ++end) {
    if (begins_character(text[end]) && seen++ == columns - 1) break;
  }
  return text.substr(0, end) + std::string(kEllipsis);
}

}  // namespace

bool may_colour(bool is_terminal, const char* no_color, const char* term) {
  const bool unwanted = no_color != nullptr && !std::string_view(no_color).empty();
  const bool is_dumb = term == nullptr || std::string_view(term).empty() || std::string_view(term) == "dumb";
  return is_terminal && !unwanted && !is_dumb;
}

std::string render(const Lines& lines, bool colours) {
  std::string out;
  for (const Line& line : lines) out += painted(line, colours) + "\n";
  return out;
}

Lines cut_to(const Lines& lines, ScreenSize size) {
  const std::size_t rows = std::max<std::size_t>(size.rows, 2) - 1;
  Lines out;
  for (const Line& line : lines) {
    if (out.size() + 1 == rows && lines.size() > rows) {
      out.push_back({"… and " + std::to_string(lines.size() - out.size()) + " more lines: tetherd status"});
      break;
    }
    out.push_back({cut_text(line.text, size.columns), line.tone});
  }
  return out;
}

std::string redraw(const Lines& lines, ScreenSize size, bool colours) {
  std::string out(kHome);
  for (const Line& line : cut_to(lines, size)) out += painted(line, colours) + std::string(kClearToEndOfLine) + "\n";
  return out + std::string(kClearBelow);
}

}  // namespace tether::terminal
