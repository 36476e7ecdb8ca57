#include <catch2/catch.hpp>
#include <utility>

#include "samples.h"
#include "tether/protocol/rest.h"

using namespace tether;
using namespace tether::protocol;
using namespace tether::protocol::samples;

namespace {

struct Scan {
  std::vector<std::string> elements;
  Result<Done> fed = Done{};
  Result<Done> finished = Done{};
};

/// Feeds a body in pieces of the given size.
Scan scan(std::string_view body, const std::string& member = {}, std::size_t piece = 1) {
  Scan result;
  ArrayScanner scanner(member, [&result](std::string_view element) -> Result<Done> {
    result.elements.emplace_back(element);
    return Done{};
  });
  for (std::size_t at = 0; at < body.size() && result.fed; at += piece)
    result.fed = scanner.feed(body.substr(at, piece));
  result.finished = scanner.finish();
  return result;
}

std::string nested_arrays(int depth) {
  const auto count = static_cast<std::size_t>(depth);
  return std::string(count, '[') + std::string(count, ']');
}

}  // namespace

TEST_CASE("elements come out the same however the body is cut") {
  const std::string body = R"( [ {"a":[1,2,{"b":"]}"}],"c":"\"],\\"} , 7,"x,]\"y" ,[[],{}],true,null , -1.5e3] )";
  const std::vector<std::string> expected = {
      R"({"a":[1,2,{"b":"]}"}],"c":"\"],\\"})", "7", R"("x,]\"y")", "[[],{}]", "true", "null", "-1.5e3"};
  for (std::size_t piece = 1; piece <= body.size(); ++piece) {
    CAPTURE(piece);
    const Scan result = scan(body, "", piece);
    CHECK(result.elements == expected);
    CHECK(result.fed.has_value());
    CHECK(result.finished.has_value());
  }
}

TEST_CASE("the array of the named member is taken, wherever it stands") {
  const std::vector<std::string> bodies = {
      R"({"list":[{"a":1},{"a":2}],"count":2})",
      R"({"count":2,"more":{"list":[9]},"text":"\"list\":[8]","list":[{"a":1},{"a":2}]})",
      R"({ "l\u0069st" : [ {"a":1} , {"a":2} ] })",
      R"({"n":null,"t":true,"list":[{"a":1},{"a":2}],"x":[[["]"]]]})",
  };
  for (const std::string& body : bodies) {
    CAPTURE(body);
    const Scan result = scan(body, "list");
    CHECK(result.elements == std::vector<std::string>{R"({"a":1})", R"({"a":2})"});
    CHECK(result.finished.has_value());
  }
}

TEST_CASE("an empty listing is a whole one") {
  for (const std::string body : {"[]", " [ ] ", "[\n]"}) {
    const Scan result = scan(body);
    CHECK(result.elements.empty());
    CHECK(result.finished.has_value());
  }
  CHECK(scan(R"({"list":[]})", "list").finished.has_value());
}

TEST_CASE("a body that is cut short anywhere is asked for again, not believed") {
  for (const auto& [body, member] :
       {std::pair<std::string, std::string>{R"([{"a":"b"},{"c":1}])", ""},
        std::pair<std::string, std::string>{R"({"count":1,"list":[{"a":"b"}],"etag":"x"})", "list"}}) {
    for (std::size_t length = 0; length < body.size(); ++length) {
      CAPTURE(body, length);
      const Scan result = scan(body.substr(0, length), member);
      CHECK(result.fed.has_value());
      REQUIRE_FALSE(result.finished.has_value());
      CHECK(result.finished.error().kind == ErrorKind::Retry);
    }
  }
}

TEST_CASE("a body of another shape is refused") {
  const std::vector<std::pair<std::string, std::string>> bodies = {
      {"{}", ""},
      {"null", ""},
      {"\"x\"", ""},
      {"[1]", "list"},
      {"{}", "list"},
      {R"({"a":1})", "list"},
      {R"({"list":null})", "list"},
      {R"({"list":{}})", "list"},
      {"[1]]", ""},
      {"[1],", ""},
      {"[,1]", ""},
      {"[1 2]", ""},
      {"[1,]", ""},
      {"[}", ""},
      {R"({"list":[]}})", "list"},
      {R"({list:[]})", "list"},
      {R"({"a" 1})", "list"},
      {R"({"a":,})", "list"},
      {R"({"a":1]})", "list"},
      {R"({"list":[],})", "list"},
      {R"({"list":[],"list":[]})", "list"},
      {"<html>", ""},
  };
  for (const auto& [body, member] : bodies) {
    CAPTURE(body, member);
    const Scan result = scan(body, member);
    refusal(result.fed);
    refusal(result.finished);
  }
}

TEST_CASE("an error of the taker ends the scan for good") {
  int taken = 0;
  ArrayScanner scanner("", [&taken](std::string_view) -> Result<Done> {
    ++taken;
    return fail(ErrorKind::Retry, "store: full");
  });

  const auto fed = scanner.feed("[1,2,3]");

  REQUIRE_FALSE(fed.has_value());
  CHECK(fed.error().message == "store: full");
  CHECK(fed.error().kind == ErrorKind::Retry);
  CHECK_FALSE(scanner.feed("[1]").has_value());
  CHECK(scanner.finish().error().message == "store: full");
  CHECK(taken == 1);
}

TEST_CASE("an element of 1 MiB is taken, one of a byte more is refused") {
  const auto body = [](std::size_t bytes) { return "[\"" + std::string(bytes - 2, 'x') + "\"]"; };
  CHECK(scan(body(kMaxRowBytes), "", 4096).elements.front().size() == kMaxRowBytes);
  CHECK(refusal(scan(body(kMaxRowBytes + 1), "", 4096).fed) == "listing: an element is over 1048576 bytes");
}

TEST_CASE("a listing is taken at a depth of 64 and refused one deeper, in and beside its elements") {
  CHECK(scan(nested_arrays(64)).finished.has_value());
  CHECK(refusal(scan(nested_arrays(65)).fed) == "listing: nested deeper than 64");

  const auto beside = [](int depth) { return "{\"other\":" + nested_arrays(depth - 1) + ",\"list\":[]}"; };
  CHECK(scan(beside(64), "list").finished.has_value());
  CHECK(refusal(scan(beside(65), "list").fed) == "listing: nested deeper than 64");

  const auto within = [](int depth) { return "{\"list\":" + nested_arrays(depth - 1) + "}"; };
  CHECK(scan(within(64), "list").finished.has_value());
  CHECK(refusal(scan(within(65), "list").fed) == "listing: nested deeper than 64");
}

TEST_CASE("a member's name is read up to its limit") {
  const auto body = [](std::size_t bytes) { return "{\"" + std::string(bytes - 2, 'n') + "\":1,\"list\":[]}"; };
  CHECK(scan(body(kMaxMemberNameBytes), "list").finished.has_value());
  CHECK(refusal(scan(body(kMaxMemberNameBytes + 1), "list").fed) == "listing: a member's name is too long");
}

TEST_CASE("a listing of 256 MiB is taken and a byte more is refused") {
  std::size_t count = 0;
  ArrayScanner scanner("", [&count](std::string_view) -> Result<Done> {
    ++count;
    return Done{};
  });
  const std::string mebibyte(std::size_t{1024} * 1024, ' ');
  REQUIRE(scanner.feed("[1").has_value());
  for (int i = 0; i < 255; ++i) REQUIRE(scanner.feed(mebibyte).has_value());
  REQUIRE(scanner.feed(std::string_view(mebibyte).substr(3)).has_value());
  REQUIRE(scanner.feed("]").has_value());

  CHECK(scanner.finish().has_value());
  CHECK(count == 1);
  CHECK(refusal(scanner.feed(" ")) == "listing: over limits.max_listing_bytes (268435456)");
}

TEST_CASE("a listing may be as long as the setting says, more or less than the default") {
  const auto fed = [](std::size_t max_bytes, std::size_t bytes) {
    ArrayScanner scanner(
        "", [](std::string_view) -> Result<Done> { return Done{}; }, max_bytes);
    const std::string piece(std::size_t{1024} * 1024, ' ');
    for (std::size_t left = bytes; left > 0; left -= std::min(left, piece.size())) {
      if (auto taken = scanner.feed(std::string_view(piece).substr(0, left)); !taken) return taken;
    }
    return Result<Done>(Done{});
  };
  CHECK(fed(2000, 2000).has_value());
  CHECK(refusal(fed(2000, 2001)) == "listing: over limits.max_listing_bytes (2000)");
  CHECK(fed(kMaxListingBytes + 1, kMaxListingBytes + 1).has_value());
}
