#include "tether/protocol/sensitive.h"

#include <catch2/catch.hpp>

#include "tether/protocol/document.h"
#include "tether/protocol/gateway.h"

using namespace tether::protocol;

using Texts = std::vector<std::string>;

TEST_CASE("secret values, subscription tokens and key hashes are known as sensitive") {
  CHECK(sensitive_values("Secret", R"({"handle":"k","value":"s3cret"})") == Texts{"s3cret"});
  CHECK(sensitive_values("HmacSecret", R"({"name":"k","secret":"hm4c"})") == Texts{"hm4c"});
  CHECK(sensitive_values("Subscription", R"({"id":"1","subscriptionToken":"t0ken"})") == Texts{"t0ken"});
  CHECK(sensitive_values("ApiKey", R"({"apiKeyHashes":{"sha256":"aa","sha512":"bb"}})") == Texts{"aa", "bb"});
  CHECK(sensitive_values("SubscriptionPlan", R"({"value":"gold"})").empty());
  CHECK(sensitive_values("Secret", "no JSON").empty());
}

TEST_CASE("they are found in the line that carries the resource") {
  ResourceLine line;
  line.kind = "Secret";
  line.id = "k";
  line.data = R"({"handle":"k","value":"s3cret"})";

  CHECK(sensitive_in_line("Secret", write_resource_line(line, /*patch=*/true)) == Texts{"s3cret"});
}

TEST_CASE("a credential that stands in a document itself is told from a placeholder") {
  const auto facts = read_document(
      "kind: LlmProvider\nmetadata: {name: p}\nspec:\n  upstream:\n    auth: {type: api-key, value: 'Bearer sk-1'}\n"
      "  other:\n    auth: {value: '{{ secret \"k\" }}'}\n");

  REQUIRE(facts);
  CHECK(facts->credentials == Texts{"Bearer sk-1"});
  CHECK(facts->secrets == Texts{"k"});
}
