#include "tether/log/line.h"

#include <catch2/catch.hpp>
#include <limits>
#include <nlohmann/json.hpp>

namespace tether {

namespace {

constexpr std::size_t kRoom = 4000;

std::string json_line(Logger::Fields fields, std::size_t room = kRoom) {
  return "{" + format_line(LogFormat::Json, LogLevel::Info, "a.b", fields, Redactor(), room) + "}";
}

std::string text_line(Logger::Fields fields) {
  return format_line(LogFormat::Text, LogLevel::Info, "a.b", fields, Redactor(), kRoom);
}

}  // namespace

TEST_CASE("each kind of value keeps its type in JSON") {
  const auto line = nlohmann::json::parse(json_line({{"s", std::string("x")},
                                                     {"c", "y"},
                                                     {"b", true},
                                                     {"i", -5},
                                                     {"u", std::numeric_limits<std::uint64_t>::max()},
                                                     {"d", 0.25},
                                                     {"n", std::numeric_limits<double>::infinity()}}));

  CHECK(line["level"] == "info");
  CHECK(line["event"] == "a.b");
  CHECK(line["s"] == "x");
  CHECK(line["c"] == "y");
  CHECK(line["b"] == true);
  CHECK(line["i"] == -5);
  CHECK(line["u"] == std::numeric_limits<std::uint64_t>::max());
  CHECK(line["d"] == 0.25);
  CHECK(line["n"].is_null());
}

TEST_CASE("a text line can be read, and taken apart again") {
  CHECK(text_line({{"plain", "x"}, {"spaced", "a b"}, {"empty", ""}, {"n", 5}, {"quote", "a\"b"}}) ==
        R"(info  a.b plain=x spaced="a b" empty="" n=5 quote="a\"b")");
}

TEST_CASE("what a terminal would obey is escaped in both formats") {
  const std::string evil =
      "a\x1b[31m\r\nb\x7f\xC2\x9B"
      "c";

  CHECK(text_line({{"v", evil}}) == R"(info  a.b v="a\u001b[31m\u000d\nb\u007f\u009bc")");
  CHECK(nlohmann::json::parse(json_line({{"v", evil}}))["v"] == evil);
}

TEST_CASE("bytes that are not UTF-8 are replaced, characters are kept") {
  const std::string kGone = "\xEF\xBF\xBD";

  CHECK(escape("é€😀") == "é€😀");
  CHECK(escape("a\xff"
               "b") == "a" + kGone + "b");
  CHECK(escape("\xC3") == kGone);                                      // Cut short.
  CHECK(escape("\xC0\xAF") == kGone + kGone);                          // Overlong.
  CHECK(escape("\xE0\x80\xAF") == kGone + kGone + kGone);              // Overlong.
  CHECK(escape("\xED\xA0\x80") == kGone + kGone + kGone);              // A surrogate.
  CHECK(escape("\xF4\x90\x80\x80") == kGone + kGone + kGone + kGone);  // Past the last character.
  CHECK(escape("\x80") == kGone);
  CHECK(nlohmann::json::accept(json_line({{"v", std::string("\xff\xfe\xC3")}})));
}

TEST_CASE("a long text is cut between characters, at the limit and not before") {
  const std::string longest(Logger::kMaxValueBytes, 'x');

  CHECK(cut_text(longest, Logger::kMaxValueBytes) == longest);
  CHECK(cut_text(longest + "x", Logger::kMaxValueBytes) == longest + "…");
  CHECK(cut_text("aé", 2) == "a…");
}

TEST_CASE("a line never outgrows its room, and says what it left out") {
  const std::string controls(Logger::kMaxValueBytes, '\x01');  // Six times as long once escaped.
  const std::string line = json_line({{"a", controls}, {"b", "kept"}}, /*room=*/1000);

  CHECK(line.size() <= 1002);
  const auto json = nlohmann::json::parse(line);
  CHECK_FALSE(json.contains("a"));
  CHECK(json["b"] == "kept");
  CHECK(json["cut"] == true);
}

TEST_CASE("a field cannot pass for the line's own") {
  const auto json = nlohmann::json::parse(json_line({{"level", "x"}, {"event", "y"}, {"time", "z"}, {"a\"b", 1}}));

  CHECK(json["level"] == "info");
  CHECK(json["level_"] == "x");
  CHECK(json["event_"] == "y");
  CHECK(json["a\"b"] == 1);
}

TEST_CASE("secrets go before a text is cut or escaped (R3)") {
  Redactor redactor;
  const Secret secret("s3cret\"token");
  redactor.add_secret(secret);
  const std::string value = std::string(Logger::kMaxValueBytes - 4, 'x') + secret.reveal();

  for (const LogFormat format : {LogFormat::Json, LogFormat::Text}) {
    const std::string line =
        format_line(format, LogLevel::Info, "of " + secret.reveal(), {{"v", value}}, redactor, kRoom);
    CHECK(line.find("s3c") == std::string::npos);
    CHECK(line.find("token") == std::string::npos);
  }
}

}  // namespace tether
