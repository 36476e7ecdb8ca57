#include "tether/protocol/document.h"

#include <catch2/catch.hpp>

#include "samples.h"

using namespace tether;
using namespace tether::protocol;
using namespace tether::protocol::samples;

namespace {

using Handles = std::vector<std::string>;

std::string rest_api(const std::string& spec) {
  return "apiVersion: v1\nkind: RestApi\nmetadata:\n  name: pets-v1.0\nspec:\n" + spec;
}

Handles secrets_in(const std::string& yaml_scalar) {
  return must(read_document(rest_api("  value: " + yaml_scalar + "\n"))).secrets;
}

/// A document whose deepest value has this many brackets around it.
std::string nested(int depth) {
  const auto count = static_cast<std::size_t>(depth - 2);
  return rest_api("  x: " + std::string(count, '[') + std::string(count, ']') + "\n");
}

}  // namespace

TEST_CASE("a document gives its kind and its handle") {
  const auto facts = must(read_document(rest_api("  displayName: Pets\n")));
  CHECK(facts.kind == "RestApi");
  CHECK(facts.handle == "pets-v1.0");
  CHECK(facts.providers.empty());
  CHECK(facts.secrets.empty());
}

TEST_CASE("kind and handle are found in any order, style and quoting, and only at their place") {
  const Handles documents = {
      "{kind: Mcp, metadata: {name: weather}}",
      R"({"spec":{"kind":"No","metadata":{"name":"no"}},"metadata":{"labels":{"name":"no"},"name":"weather"},"kind":"Mcp"})",
      "---\nmetadata:\n  annotations: {name: no}\n  name: 'weather'\nkind: \"Mcp\"\n...\n",
      "# a comment\nspec: [kind, {kind: No}]\nkind: Mcp\nmetadata: {name: weather}\nlist: [{metadata: {name: no}}]\n",
      "? [a, b]\n: {kind: No}\nkind: Mcp\nmetadata: {name: weather}\n",
  };
  for (const std::string& document : documents) {
    CAPTURE(document);
    const auto facts = must(read_document(document));
    CHECK(facts.kind == "Mcp");
    CHECK(facts.handle == "weather");
  }
}

TEST_CASE("a proxy names its providers, each once, in order") {
  const auto facts = must(read_document(
      "kind: LlmProxy\nmetadata: {name: docs}\nspec:\n"
      "  provider: {id: openai, auth: {id: no}}\n"
      "  additionalProviders:\n    - {id: anthropic, as: fallback}\n    - id: openai\n    - {id: mistral}\n"
      "  other: [{id: no}]\n"));
  CHECK(facts.providers == Handles{"openai", "anthropic", "mistral"});
}

TEST_CASE("only a proxy needs providers") {
  CHECK(must(read_document("spec: {provider: {id: x}}\nkind: RestApi\nmetadata: {name: n}\n")).providers.empty());
  CHECK(must(read_document("spec: {provider: {id: x}}\nkind: LlmProxy\nmetadata: {name: n}\n")).providers ==
        Handles{"x"});
}

TEST_CASE("secrets are found in every form of a placeholder") {
  CHECK(secrets_in(R"('{{ secret "a" }}')") == Handles{"a"});
  CHECK(secrets_in(R"('{{secret "a"}}')") == Handles{"a"});
  CHECK(secrets_in(R"("{{ secret \"a\" }}")") == Handles{"a"});
  CHECK(secrets_in(R"('{"k":"{{ secret \"a\" }}"}')") == Handles{"a"});
  CHECK(secrets_in("'{{\t secret  \"a\"\t}}'") == Handles{"a"});
  CHECK(secrets_in(R"('Bearer {{ secret "a" }} and {{ secret "b" }}, {{ secret "a" }}')") == Handles{"a", "b"});
  CHECK(secrets_in(R"('{{{ secret "a" }}}')") == Handles{"a"});
  CHECK(secrets_in(R"('{{ secret "{{ secret "a" }}')") == Handles{"a"});
  CHECK(secrets_in("|\n    first {{ secret\n    \"a\" }}\n") == Handles{"a"});
  CHECK(secrets_in(R"([x, {y: '{{ secret "a b/c" }}'}])") == Handles{"a b/c"});
}

TEST_CASE("what only looks like a placeholder is none") {
  for (const std::string text :
       {R"('{ secret "a" }')", R"('{{ secret "a" }')", R"('{{ secret a }}')", R"('{{ secret"a" }}')",
        R"('{{ secret "" }}')", R"('{{ Secret "a" }}')", R"('{{ secret "a\b" }}')", R"('{{ secrets "a" }}')",
        R"('{{ secret "a" "b" }}')", R"('{{ secret ''a'' }}')", R"('{{ secret "a')", "'{{'"}) {
    CAPTURE(text);
    CHECK(secrets_in(text).empty());
  }
}

TEST_CASE("a placeholder in a comment or in a member's name is not a reference") {
  CHECK(must(read_document(rest_api("  # {{ secret \"a\" }}\n  '{{ secret \"b\" }}': x\n"))).secrets.empty());
}

TEST_CASE("a long text full of half placeholders takes no longer than its length") {
  std::string text;
  for (int i = 0; i < 200'000; ++i) text += "{{ secret ";
  CHECK(secrets_in("'" + text + "'").empty());
}

TEST_CASE("a document without kind or name is refused") {
  CHECK(refusal(read_document("metadata: {name: n}\n")) == "document: kind is missing");
  CHECK(refusal(read_document("kind: RestApi\n")) == "document: metadata.name is missing");
  CHECK(refusal(read_document("kind: RestApi\nmetadata: {name: }\n")) == "document: metadata.name is missing");
  CHECK(refusal(read_document("kind: RestApi\nmetadata: [name, n]\n")) == "document: metadata.name is missing");
  CHECK(refusal(read_document("kind: [RestApi]\nmetadata: {name: n}\n")) == "document: kind is missing");
  CHECK(refusal(read_document("RestApi")) == "document: kind is missing");
}

TEST_CASE("one document is read, none or two are refused") {
  CHECK(refusal(read_document("")) == "document: empty");
  CHECK(refusal(read_document("# nothing\n")) == "document: empty");
  const std::string one = rest_api("  x: 1\n");
  CHECK(refusal(read_document(one + "---\n" + one)) == "document: more than one YAML document");
}

TEST_CASE("what is not YAML is refused by its line and not by its words") {
  const auto message = refusal(read_document("kind: RestApi\nmetadata: {name: hunter2\nspec: *hunter2\n"));
  CHECK(message.starts_with("document: not YAML at line "));
  CHECK(message.find("hunter2") == std::string::npos);
  CHECK(refusal(read_document("kind: RestApi\nmetadata: {name: n}\nx: *hunter2\n")) == "document: not YAML at line 3");
}

TEST_CASE("what is not UTF-8 is refused") {
  CHECK(refusal(read_document(rest_api("  x: \xFF\n"))) == "document: not UTF-8");
}

TEST_CASE("a document is read at a depth of 64 and refused one deeper") {
  CHECK(read_document(nested(64)).has_value());
  CHECK(refusal(read_document(nested(65))) == "document: nested deeper than 64 at line 6");
  CHECK(refusal(read_document(nested(100))) == "document: nested deeper than 64 at line 6");
  CHECK(refusal(read_document(nested(100'000))) == "document: nested deeper than 64 at line 6");
}

TEST_CASE("a document is read at a million nodes and refused one over") {
  // The root, apiVersion, kind and metadata with theirs, spec with its own: 13 nodes beside the list's elements.
  const auto with_nodes = [](std::size_t nodes) {
    std::string list;
    for (std::size_t i = 13; i < nodes; ++i) list += "  - 1\n";
    return rest_api("  x:\n" + list);
  };
  CHECK(read_document(with_nodes(kMaxDocumentNodes)).has_value());
  CHECK(refusal(read_document(with_nodes(kMaxDocumentNodes + 1))).starts_with("document: more than 1000000 nodes"));
}

TEST_CASE("aliases are not expanded, so a bomb of them is small") {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 30; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int n = 1; n < 10; ++n) bomb += ", " + before;
    bomb += "]\n";
  }
  CHECK(must(read_document(bomb + "kind: RestApi\nmetadata: {name: n}\n")).handle == "n");
}

TEST_CASE("text is UTF-8 only in its shortest form and without surrogates") {
  CHECK(is_utf8(""));
  CHECK(is_utf8(std::string_view("a\0b", 3)));
  CHECK(is_utf8(
      "\xC2\x80 \xDF\xBF \xE0\xA0\x80 \xED\x9F\xBF \xEE\x80\x80 \xEF\xBF\xBF \xF0\x90\x80\x80 \xF4\x8F\xBF\xBF"));
  for (const std::string bad :
       {"\x80", "\xBF", "\xC0\xAF", "\xC1\xBF", "\xC2", "\xC2 ", "\xE0\x9F\xBF", "\xE0\xA0", "\xED\xA0\x80",
        "\xF0\x8F\xBF\xBF", "\xF0\x90\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xE2\x82\xC2\x80"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_utf8(bad));
    CHECK_FALSE(is_utf8("text " + bad));
    CHECK_FALSE(is_utf8(bad + " text"));
  }
}
