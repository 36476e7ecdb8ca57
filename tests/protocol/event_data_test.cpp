// What a gateway gets of keys, plans, subscriptions and applications that came as events.
#include <catch2/catch.hpp>

#include "samples.h"
#include "tether/protocol/frames.h"

using namespace tether;
using namespace tether::protocol;
using namespace tether::protocol::samples;

TEST_CASE("a created key has the names of the REST answer, its hashes unpacked and its status said") {
  const auto key =
      body_of<KeyCreated>(event("apikey.created", R"({"uuid":"k1","apiId":"a1","name":"mobile",)"
                                                  R"("apiKeyHashes":"{\"sha256\": \"9f86\"}",)"
                                                  R"("maskedApiKey":"***1","updatedAt":"2026-03-01T10:20:30Z"})"))
          .key;
  CHECK(key.kind == "ApiKey");
  CHECK(key.id == "k1");
  CHECK(key.artifact_id == "a1");
  CHECK(key.name == "mobile");
  CHECK(key.active);
  CHECK(format_rfc3339_ms(key.updated_at) == "2026-03-01T10:20:30.000Z");
  CHECK(key.data == R"({"uuid":"k1","artifactUuid":"a1","name":"mobile","apiKeyHashes":{"sha256":"9f86"},)"
                    R"("maskedApiKey":"***1","updatedAt":"2026-03-01T10:20:30Z","status":"active"})");
}

TEST_CASE("a created key may be without a name") {
  const auto key = body_of<KeyCreated>(event("apikey.created", R"({"uuid":"k1","apiId":"a1",)"
                                                               R"("apiKeyHashes":"{\"sha256\":\"9f86\"}",)"
                                                               R"("updatedAt":"2026-03-01T10:20:30Z"})"))
                       .key;
  CHECK(key.name.empty());
}

TEST_CASE("an updated key has no uuid and calls its name as a created one does") {
  const auto key =
      body_of<KeyUpdated>(event("apikey.updated", R"({"apiId":"a1","keyName":"mobile",)"
                                                  R"("apiKeyHashes":"{\"sha256\":\"9f86\"}",)"
                                                  R"("maskedApiKey":"***1","updatedAt":"2026-03-01T10:20:30Z"})"))
          .key;
  CHECK(key.id.empty());
  CHECK(key.artifact_id == "a1");
  CHECK(key.name == "mobile");
  CHECK(key.data == R"({"artifactUuid":"a1","name":"mobile","apiKeyHashes":{"sha256":"9f86"},)"
                    R"("maskedApiKey":"***1","updatedAt":"2026-03-01T10:20:30Z","status":"active"})");
}

TEST_CASE("hashes that are no JSON object are refused, in a string or not") {
  for (const std::string hashes : {R"("nonsense")", R"("[1]")", R"("\"9f86\"")", "7", "[]", R"("")"}) {
    CAPTURE(hashes);
    const auto message =
        refusal(parse_frame(event("apikey.created", R"({"uuid":"k1","apiId":"a1","apiKeyHashes":)" + hashes +
                                                        R"(,"updatedAt":"2026-03-01T10:20:30Z"})")));
    CHECK(message == "apikey.created: member apiKeyHashes is not an object");
  }
}

TEST_CASE("a key's times are times") {
  const auto key_with = [](const std::string& times) {
    return event("apikey.created", R"({"uuid":"k1","apiId":"a1","apiKeyHashes":"{\"sha256\":\"9f86\"}")" + times + "}");
  };
  CHECK(refusal(parse_frame(key_with(""))) == "apikey.created: member updatedAt is missing");
  CHECK(refusal(parse_frame(key_with(R"(,"updatedAt":"now")"))) ==
        "apikey.created: member updatedAt is not an RFC 3339 time");
  CHECK(refusal(parse_frame(key_with(R"(,"updatedAt":"2026-03-01T10:20:30Z","expiresAt":"never")"))) ==
        "apikey.created: member expiresAt is not an RFC 3339 time");
  CHECK(parse_frame(key_with(R"(,"updatedAt":"2026-03-01T10:20:30Z","expiresAt":null)")).has_value());
}

TEST_CASE("an application passes as it came and names its keys") {
  const std::string payload = R"({"applicationId":"partner","applicationUuid":"u1","applicationName":"Partner",)"
                              R"("applicationType":"genai","mappings":[{"apiKeyUuid":"k1"},{"apiKeyUuid":"k2"}]})";

  const auto application = body_of<ApplicationUpdated>(event("application.updated", payload)).application;

  CHECK(application.kind == "Application");
  CHECK(application.id == "u1");
  CHECK(application.references == std::vector<std::string>{"k1", "k2"});
  CHECK(application.data == payload);
}

TEST_CASE("an application may have lost its last key, which the gateway is told as an empty list") {
  for (const std::string mappings : {"[]", "null"}) {
    const auto application =
        body_of<ApplicationUpdated>(
            event("application.updated", R"({"mappings":)" + mappings + R"(,"applicationUuid":"u1"})"))
            .application;
    CHECK(application.references.empty());
    CHECK(application.data == R"({"mappings":[],"applicationUuid":"u1"})");
  }
}

TEST_CASE("a subscription is named by id and keeps its status for the gateway to read") {
  for (const std::string type : {"subscription.created", "subscription.updated"}) {
    const auto subscription =
        body_of<SubscriptionChanged>(event(type,
                                           R"({"apiId":"a1","subscriptionId":"s1","applicationId":"partner",)"
                                           R"("subscriptionToken":"t","subscriptionPlanId":"p1","status":"REVOKED"})"))
            .subscription;
    CHECK(subscription.kind == "Subscription");
    CHECK(subscription.id == "s1");
    CHECK(subscription.artifact_id == "a1");
    CHECK(subscription.active);
    CHECK_FALSE(subscription.updated_at.is_set());
    CHECK(subscription.references == std::vector<std::string>{"p1"});
    CHECK(subscription.data == R"({"apiId":"a1","id":"s1","applicationId":"partner","subscriptionToken":"t",)"
                               R"("subscriptionPlanId":"p1","status":"REVOKED"})");
  }
}

TEST_CASE("a subscription without a plan refers to nothing") {
  const auto subscription =
      body_of<SubscriptionChanged>(event("subscription.created", R"({"apiId":"a1","subscriptionId":"s1",)"
                                                                 R"("subscriptionToken":"t","status":"ACTIVE"})"))
          .subscription;
  CHECK(subscription.references.empty());
}

TEST_CASE("a plan is named by id and its numbers don't change") {
  for (const std::string type : {"subscriptionPlan.created", "subscriptionPlan.updated"}) {
    const auto plan = body_of<PlanChanged>(
                          event(type, R"({"planId":"p1","handle":"gold","planName":"Gold","stopOnQuotaReach":true,)"
                                      R"("throttleLimitCount":9007199254740993,"throttleLimitUnit":"MINUTE",)"
                                      R"("extra":[1.50,1e2,123456789012345678901234567890,-0.10],"status":"ACTIVE"})"))
                          .plan;
    CHECK(plan.kind == "SubscriptionPlan");
    CHECK(plan.id == "p1");
    CHECK(plan.name == "gold");
    CHECK(plan.data == R"({"id":"p1","handle":"gold","planName":"Gold","stopOnQuotaReach":true,)"
                       R"("throttleLimitCount":9007199254740993,"throttleLimitUnit":"MINUTE",)"
                       R"("extra":[1.50,1e2,123456789012345678901234567890,-0.10],"status":"ACTIVE"})");
  }
}

TEST_CASE("a member that already has the name of a renamed one gives way") {
  const auto plan = body_of<PlanChanged>(event("subscriptionPlan.created",
                                               R"({"id":"other","planId":"p1","handle":"gold","planName":"Gold",)"
                                               R"("stopOnQuotaReach":true,"status":"ACTIVE"})"))
                        .plan;
  CHECK(plan.id == "p1");
  CHECK(plan.data == R"({"id":"p1","handle":"gold","planName":"Gold","stopOnQuotaReach":true,"status":"ACTIVE"})");
}

TEST_CASE("text passes in any script, escapes and control characters included") {
  const auto plan = body_of<PlanChanged>(
                        event("subscriptionPlan.created",
                              R"({"planId":"p1","handle":"h","planName":"\u00e9\"\\\/\b\f\n\r\t\u0001 \ud83d\ude00",)"
                              R"("stopOnQuotaReach":false,"status":"ACTIVE"})"))
                        .plan;
  CHECK(plan.data ==
        "{\"id\":\"p1\",\"handle\":\"h\",\"planName\":\"é\\\"\\\\/\\u0008\\u000c\\n\\r\\t\\u0001 😀\","
        "\"stopOnQuotaReach\":false,\"status\":\"ACTIVE\"}");
}
