#pragma once

#include <string>
#include <string_view>

namespace tether {

/// Whether it is one of ASCII's control characters, which move a terminal's cursor or end a line of a log.
constexpr bool is_control(char c) {
  return (c >= '\0' && c < ' ') || c == '\x7f';
}

/// The text with `?` in place of each of them: what others wrote, to be shown to a person.
std::string without_controls(std::string_view text);

}  // namespace tether
