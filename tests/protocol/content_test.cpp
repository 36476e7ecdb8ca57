#include <catch2/catch.hpp>

#include "tether/protocol/rest.h"

using namespace tether::protocol;

namespace {

constexpr const char* kFromEvent =
    R"({"uuid":"k1","artifactUuid":"a1","name":"mobile","apiKeyHashes":{"sha256":"9f","sha512":"ab"},)"
    R"("maskedApiKey":"***1","expiresAt":"2027-01-01T00:00:00Z","createdAt":"2026-03-01T10:20:30Z","status":"active"})";
constexpr const char* kFromListing =
    R"({"etag":"e1","uuid":"k1","name":"mobile","maskedApiKey":"***1","apiKeyHashes":{"sha512":"ab","sha256":"9f"},)"
    R"("artifactUuid":"a1","status":"active","createdAt":"2026-03-01T10:20:30.123Z","createdBy":"x",)"
    R"("expiresAt":"2027-01-01T05:30:00.000+05:30","source":"external","externalRefId":null})";

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  const auto at = text.find(what);
  return at == std::string::npos ? text : text.replace(at, what.size(), by);
}

}  // namespace

TEST_CASE("a key is the same whichever channel it came by") {
  CHECK(same_content("ApiKey", kFromEvent, kFromListing));
  CHECK(same_content("ApiKey", kFromListing, kFromEvent));
}

TEST_CASE("a key with another name, hash, status, expiry or reference is another one") {
  const std::string listing = kFromListing;
  for (const auto& [what, by] :
       std::vector<std::pair<std::string, std::string>>{{"\"mobile\"", "\"desktop\""},
                                                        {"\"9f\"", "\"9e\""},
                                                        {"\"active\"", "\"revoked\""},
                                                        {"+05:30", "+05:31"},
                                                        {"\"externalRefId\":null", "\"externalRefId\":\"r\""},
                                                        {"\"***1\"", "\"***2\""},
                                                        {"\"a1\"", "\"a2\""},
                                                        {"\"etag\"", "\"issuer\""}}) {
    CAPTURE(what);
    CHECK_FALSE(same_content("ApiKey", kFromEvent, replaced(listing, what, by)));
  }
}

TEST_CASE("a key that has lost its expiry is another one") {
  CHECK_FALSE(same_content("ApiKey", kFromEvent, replaced(kFromEvent, "\"2027-01-01T00:00:00Z\"", "null")));
}

TEST_CASE("a plan is compared by what events and listings both give") {
  const std::string from_event = R"({"id":"p1","handle":"gold","planName":"Gold","billingPlan":"B",)"
                                 R"("stopOnQuotaReach":true,"throttleLimitCount":100,"status":"ACTIVE"})";
  const std::string from_listing = R"({"id":"p1","handle":"gold","planName":"Gold","stopOnQuotaReach":true,)"
                                   R"("throttleLimitCount":100,"status":"ACTIVE","createdAt":"x","etag":"e"})";
  CHECK(same_content("SubscriptionPlan", from_event, from_listing));
  CHECK_FALSE(same_content("SubscriptionPlan", from_event, replaced(from_listing, "100", "101")));
  CHECK_FALSE(same_content("SubscriptionPlan", from_event, replaced(from_listing, "true", "false")));
}

TEST_CASE("a subscription is compared by its members of section 2.4") {
  const std::string from_event = R"({"apiId":"a1","id":"s1","subscriptionToken":"t","status":"ACTIVE"})";
  const std::string from_listing = R"({"id":"s1","apiId":"a1","applicationId":null,"subscriptionToken":"t",)"
                                   R"("status":"ACTIVE","updatedAt":"x"})";
  CHECK(same_content("Subscription", from_event, from_listing));
  CHECK_FALSE(same_content("Subscription", from_event, replaced(from_listing, "null", "\"app\"")));
  CHECK_FALSE(same_content("Subscription", from_event, replaced(from_listing, "\"t\"", "\"u\"")));
}

TEST_CASE("any other resource is compared whole, the order of its members aside") {
  CHECK(same_content("Application", R"({"a":1,"b":[1,2]})", R"({"b":[1,2],"a":1})"));
  CHECK_FALSE(same_content("Application", R"({"a":1,"b":[1,2]})", R"({"a":1,"b":[2,1]})"));
  CHECK_FALSE(same_content("Secret", R"({"hash":"1"})", R"({"hash":"1","value":"x"})"));
}

TEST_CASE("what cannot be read is the same only as itself") {
  CHECK(same_content("ApiKey", "nonsense", "nonsense"));
  CHECK_FALSE(same_content("ApiKey", "nonsense", kFromEvent));
  CHECK_FALSE(same_content("Secret", "nonsense", "other nonsense"));
}

TEST_CASE("an update replaces the members it has and keeps the others where they stood") {
  CHECK(merge_data(R"({"uuid":"k1","name":"mobile","n":1.50,"maskedApiKey":"***1"})",
                   R"({"name":"mobile","maskedApiKey":"***2","issuer":"x"})") ==
        R"({"uuid":"k1","name":"mobile","n":1.50,"maskedApiKey":"***2","issuer":"x"})");
}

TEST_CASE("an update that cannot be read changes nothing, and one of nothing readable is all there is") {
  CHECK(merge_data(R"({"a":1})", "nonsense") == R"({"a":1})");
  CHECK(merge_data("nonsense", R"({ "a": 1 })") == R"({"a":1})");
}
