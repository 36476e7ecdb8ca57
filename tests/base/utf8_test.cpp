#include "tether/base/utf8.h"

#include <catch2/catch.hpp>
#include <string>

using namespace tether;

TEST_CASE("the first character of a text is told with its size, and bytes that are none have no size") {
  const auto is = [](std::string_view text, std::uint32_t code, std::size_t size) {
    const Utf8Character character = first_character(text);
    return character.code == code && character.size == size;
  };
  CHECK(is("a\xC3\xA9", 'a', 1));
  CHECK(is(std::string_view("\0b", 2), 0, 1));
  CHECK(
      is("\xC3\xA9"
         "a",
         0xE9, 2));
  CHECK(is("\xE2\x80\xA6", 0x2026, 3));
  CHECK(is("\xF4\x8F\xBF\xBF", 0x10FFFF, 4));
  for (const std::string bad : {"", "\x80", "\xC0\xAF", "\xC3", "\xE2\x80", "\xE0\x9F\xBF", "\xED\xA0\x80",
                                "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80"}) {
    CAPTURE(bad);
    CHECK(first_character(bad).size == 0);
  }
}

TEST_CASE("a text is cut between two characters, and kept whole if it is short enough") {
  const std::string text = "a\xE2\x80\xA6z";
  CHECK(cut_between_characters(text, 0) == 0);
  CHECK(cut_between_characters(text, 1) == 1);
  CHECK(cut_between_characters(text, 3) == 1);
  CHECK(cut_between_characters(text, 4) == 4);
  CHECK(cut_between_characters(text, 5) == 5);
  CHECK(cut_between_characters(text, 6) == 5);
  CHECK(cut_between_characters("", 3) == 0);
  CHECK(cut_between_characters("\x80\x80", 1) == 0);
}
