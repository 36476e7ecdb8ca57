#include "tether/terminal/screen.h"

#include <catch2/catch.hpp>

using namespace tether::terminal;

namespace {

const Lines kThree = {{"one", Tone::Heading}, {"two"}, {"three", Tone::Bad}};

}  // namespace

TEST_CASE("without colours there is nothing but the text") {
  CHECK(render(kThree, /*colours=*/false) == "one\ntwo\nthree\n");
}

TEST_CASE("a colour ends with its line") {
  CHECK(render(kThree, /*colours=*/true) == "\x1b[1mone\x1b[0m\ntwo\n\x1b[31mthree\x1b[0m\n");
}

TEST_CASE("colours are for a terminal that has them, and for nobody who wants none") {
  CHECK(may_colour(true, nullptr, "xterm"));
  CHECK(may_colour(true, "", "xterm"));  // an empty variable is an unset one
  CHECK_FALSE(may_colour(true, "0", "xterm"));
  CHECK_FALSE(may_colour(false, nullptr, "xterm"));
  CHECK_FALSE(may_colour(true, nullptr, "dumb"));
  CHECK_FALSE(may_colour(true, nullptr, nullptr));
}

TEST_CASE("what fits stays as it is, with one row free for the cursor") {
  CHECK(cut_to(kThree, {.rows = 4, .columns = 5}) == kThree);
}

TEST_CASE("what does not fit is counted in the last row") {
  CHECK(cut_to(kThree, {.rows = 3, .columns = 80}) ==
        Lines{{"one", Tone::Heading}, {"… and 2 more lines: tetherd status"}});
}

TEST_CASE("a line is cut between characters, whatever they are") {
  CHECK(cut_to({{"äöüß"}}, {.rows = 9, .columns = 4}) == Lines{{"äöüß"}});
  CHECK(cut_to({{"äöüß"}}, {.rows = 9, .columns = 3}) == Lines{{"äö…"}});
  CHECK(cut_to({{"äöüß"}}, {.rows = 9, .columns = 0}) == Lines{{""}});
}

TEST_CASE("a screen is drawn over the one before, and what was below it goes") {
  CHECK(redraw({{"a"}, {"b", Tone::Good}}, {.rows = 9, .columns = 9}, /*colours=*/true) ==
        "\x1b[Ha\x1b[K\n\x1b[32mb\x1b[0m\x1b[K\n\x1b[J");
}
