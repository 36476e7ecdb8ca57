#include "tether/base/utf8.h"

#include <cstddef>
#include <cstdint>

namespace tether {
namespace {

/// How many bytes follow this first byte, or -1.
int continuation_bytes(unsigned char first) {
  if (first < 0x80) return 0;
  if (first >= 0xC2 && first <= 0xDF) return 1;
  if (first >= 0xE0 && first <= 0xEF) return 2;
  if (first >= 0xF0 && first <= 0xF4) return 3;
  return -1;
}

/// Overlong forms, surrogates and what is past U+10FFFF show in the second byte.
bool second_fits(unsigned char first, unsigned char second) {
  switch (first) {
    case 0xE0:
      return second >= 0xA0;
    case 0xED:
      return second <= 0x9F;
    case 0xF0:
      return second >= 0x90;
    case 0xF4:
      return second <= 0x8F;
    default:
      return true;
  }
}

}  // namespace

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto first = static_cast<unsigned char>(text[i]);
    const int count = continuation_bytes(first);
    if (count < 0 || text.size() - i <= static_cast<std::size_t>(count)) return false;
    for (int n = 1; n <= count; ++n) {
      const auto next = static_cast<unsigned char>(text[++i]);
      if ((next & 0xC0U) != 0x80U || (n == 1 && !second_fits(first, next))) return false;
    }
  }
  return true;
}

}  // namespace tether
