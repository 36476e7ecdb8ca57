#include <catch2/catch.hpp>

#include "samples.h"
#include "tether/protocol/document.h"
#include "tether/protocol/gateway.h"
#include "tether/protocol/rest.h"

using namespace tether;
using namespace tether::protocol;
using namespace tether::protocol::samples;

/// JSON and YAML that somebody made to do harm, through every reader that takes it.
namespace {

std::string rest_api(const std::string& spec) {
  return "apiVersion: v1\nkind: RestApi\nmetadata:\n  name: pets\nspec:\n" + spec;
}

/// `{"x":{"x":…}}`, so many objects deep.
std::string nested_json(int depth) {
  std::string out;
  for (int i = 0; i < depth; ++i) out += R"({"x":)";
  return out + "1" + std::string(static_cast<std::size_t>(depth), '}');
}

/// Each reader of JSON, told by whether it refused; none may crash or throw.
std::vector<std::string> takers(const std::string& text) {
  std::vector<std::string> out;
  if (parse_frame(text)) out.emplace_back("frame");
  if (parse_deployment_row(text)) out.emplace_back("deployment");
  if (parse_key_row(text)) out.emplace_back("key");
  if (parse_plan_row(text)) out.emplace_back("plan");
  if (parse_subscription_row(text)) out.emplace_back("subscription");
  if (parse_secret_row(text)) out.emplace_back("secret");
  if (parse_secret_value(text)) out.emplace_back("secret value");
  if (parse_hmac_secrets(text)) out.emplace_back("hmac secrets");
  if (parse_exists(text)) out.emplace_back("exists");
  if (parse_gateway_state(text)) out.emplace_back("gateway state");
  if (parse_push_answer(text)) out.emplace_back("push answer");
  return out;
}

}  // namespace

TEST_CASE("JSON that is 100 deep is refused by every reader, as is JSON without end") {
  CHECK(takers(nested_json(100)).empty());
  CHECK(takers(nested_json(200'000)).empty());
  CHECK(takers(std::string(1'000'000, '[')).empty());
  CHECK(refusal(parse_frame(nested_json(100))) == "frame: nested deeper than 32");
}

TEST_CASE("JSON that is not UTF-8, or has a NUL in it, is refused by every reader") {
  for (const std::string& text : {std::string("{\"value\":\"\xFF\"}"), std::string("{\"value\":\"a\0b\"}", 15),
                                  std::string("{\"value\":\"a\"}\0", 14), std::string("\0{\"value\":\"a\"}", 14),
                                  std::string("\xFF\xFE{\0}\0", 6)}) {
    CAPTURE(text);
    CHECK(takers(text).empty());
  }
}

TEST_CASE("an escaped NUL in JSON is a character like any other") {
  CHECK(must(parse_secret_value(R"({"value":"a\u0000b"})")) == std::string("a\0b", 3));
}

TEST_CASE("a number that is too large for its place is refused by its member's name") {
  for (const std::string number :
       {"1e400", "-1e400", "99999999999999999999999999", "9223372036854775808", "-1", "1.5"}) {
    CAPTURE(number);
    std::string state = R"({"instance":"i","revision":)";
    const auto read = parse_gateway_state(state.append(number).append(R"(,"resources":0})"));
    CHECK_FALSE(read.has_value());
  }
}

TEST_CASE("a document of a 100 levels of JSON is refused by its line") {
  CHECK(refusal(read_document(R"({"kind":"RestApi","metadata":{"name":"n"},"spec":)" + nested_json(100) + "}")) ==
        "document: nested deeper than 64 at line 1");
}

TEST_CASE("a document with control characters is not read as a shorter one") {
  for (const char c : {'\0', '\x01', '\x04', '\x1b'}) {
    CAPTURE(static_cast<int>(c));
    const std::string text = "kind: RestApi\nmetadata: {name: n}\n" + std::string(1, c) + "\nkind: Mcp\n";
    const auto facts = read_document(text);
    CHECK_FALSE(facts.has_value());
  }
}

TEST_CASE("numbers in a document are text, however large") {
  CHECK(must(read_document(rest_api("  x: 1e99999999\n  y: " + std::string(100'000, '9') + "\n"))).handle == "pets");
}

TEST_CASE("of a name that comes twice in a document the last counts, and a merge adds none") {
  CHECK(must(read_document("kind: A\nmetadata: {name: n}\nkind: B\n")).kind == "B");
  CHECK(must(read_document("base: &b {kind: B}\n<<: *b\nkind: A\nmetadata: {name: n}\n")).kind == "A");
}

TEST_CASE("a bomb of merges and of aliases to what is around them is small") {
  CHECK(must(read_document("a: &a {x: [*a, *a], <<: *a}\nkind: RestApi\nmetadata: {name: n}\n")).handle == "n");
  std::string many = "a: &a [x]\nb: [";
  for (int i = 0; i < 900'000; ++i) many += "*a,";
  CHECK(must(read_document(many + "]\nkind: RestApi\nmetadata: {name: n}\n")).handle == "n");
}

TEST_CASE("a million anchors or tags are read within their number of nodes") {
  std::string anchors = "kind: RestApi\nmetadata: {name: n}\nx:\n";
  for (int i = 0; i < 100'000; ++i) anchors += "  - &a" + std::to_string(i) + " !t" + std::to_string(i) + " 1\n";
  CHECK(must(read_document(anchors)).handle == "n");
}

TEST_CASE("a document of tag directives is refused before each is compared with all others") {
  const auto with_directives = [](std::size_t count) {
    std::string directives;
    for (std::size_t i = 0; i < count; ++i) directives += "%TAG !t" + std::to_string(i) + "! x\n";
    return directives + "---\nkind: RestApi\nmetadata: {name: n}\n";
  };
  CHECK(must(read_document(with_directives(kMaxTagDirectives))).handle == "n");
  CHECK(refusal(read_document(with_directives(1'000'000))) == "document: more than 64 times %TAG");
}

TEST_CASE("a document in UTF-16 is refused") {
  CHECK(refusal(read_document(std::string("\xFF\xFEk\0i\0n\0d\0", 10))) == "document: not UTF-8");
}

TEST_CASE("a document that begins with a byte order mark is read") {
  CHECK(must(read_document("\xEF\xBB\xBFkind: RestApi\nmetadata: {name: n}\n")).kind == "RestApi");
}
