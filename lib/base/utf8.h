#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tether {

struct Utf8Character {
  std::uint32_t code = 0;
  std::size_t size = 0;  ///< In bytes. 0: there is none.
};

/// The character that `text` begins with. None: the text is empty, or these bytes are not UTF-8 in its shortest form,
/// without surrogates (Unicode table 3-7).
Utf8Character first_character(std::string_view text);

/// Whether it is UTF-8 in its shortest form, without surrogates. The empty text is.
bool is_utf8(std::string_view text);

/// Of UTF-8, whether a character begins with this byte.
constexpr bool begins_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
}

/// How many bytes of `text` to keep so that it is cut between two characters and has at most `max_bytes`.
std::size_t cut_between_characters(std::string_view text, std::size_t max_bytes);

}  // namespace tether
