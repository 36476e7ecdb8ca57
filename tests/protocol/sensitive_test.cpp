#include "tether/protocol/sensitive.h"

#include <catch2/catch.hpp>

#include "tether/protocol/document.h"

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

TEST_CASE("a credential is found in a document however its names are spelled") {
  const auto found_in = [](const std::string& upstream) {
    return sensitive_values("RestApi", "kind: RestApi\nmetadata: {name: n}\nspec: {upstream: " + upstream + "}\n");
  };
  for (const char* upstream :
       {"{auth: {value: sk-1}}", R"({"auth":{"value":"sk-1"}})", "{'auth': {'value': 'sk-1'}}",
        R"({"\u0061uth": {"val\x75e": sk-1}})", "{? auth : {? !!str value : sk-1}}", "{&a auth: {&v value: sk-1}}"}) {
    CAPTURE(upstream);
    CHECK(found_in(upstream) == Texts{"sk-1"});
  }
  CHECK(found_in("{api-auth: {value: sk-1}}").empty());
  CHECK(found_in("{auth: {value: '{{ secret \"k\" }}'}}").empty());
  CHECK(sensitive_values("RestApi", "auth: {value: [").empty());
}

TEST_CASE("a credential that stands in a document itself is told from a placeholder") {
  const auto facts = read_document(
      "kind: LlmProvider\nmetadata: {name: p}\nspec:\n  upstream:\n    auth: {type: api-key, value: 'Bearer sk-1'}\n"
      "  other:\n    auth: {value: '{{ secret \"k\" }}'}\n");

  REQUIRE(facts);
  CHECK(facts->credentials == Texts{"Bearer sk-1"});
  CHECK(facts->secrets == Texts{"k"});
}
