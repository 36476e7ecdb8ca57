#include <catch2/catch.hpp>

#include "samples.h"
#include "tether/protocol/rest.h"

using namespace tether;
using namespace tether::protocol;
using namespace tether::protocol::samples;

namespace {

/// A row from its members, one of them replaced by another text or, by an empty one, left out.
std::string row(const std::vector<std::pair<std::string, std::string>>& members, const std::string& changed = {},
                const std::string& value = {}) {
  std::string out = "{";
  for (const auto& [name, text] : members) {
    const std::string& used = name == changed ? value : text;
    if (used.empty()) continue;
    out.append(out.size() > 1 ? ",\"" : "\"").append(name).append("\":").append(used);
  }
  return out + "}";
}

using Members = std::vector<std::pair<std::string, std::string>>;

const Members kDeployment = {{"artifactId", "\"a1\""},
                             {"deploymentId", "\"d1\""},
                             {"kind", "\"RestApi\""},
                             {"state", "\"DEPLOYED\""},
                             {"deployedAt", "\"2026-03-01T10:20:30.4Z\""},
                             {"etag", "\"e1\""}};
const Members kKey = {{"etag", "\"e1\""},
                      {"uuid", "\"k1\""},
                      {"name", "\"mobile\""},
                      {"maskedApiKey", "\"***1\""},
                      {"apiKeyHashes", R"({"sha256":"9f86"})"},
                      {"artifactUuid", "\"a1\""},
                      {"status", "\"active\""},
                      {"updatedAt", "\"2026-03-01T10:20:30.123456Z\""},
                      {"expiresAt", "null"}};
const Members kPlan = {{"id", "\"p1\""},
                       {"handle", "\"gold\""},
                       {"planName", "\"Gold\""},
                       {"stopOnQuotaReach", "true"},
                       {"throttleLimitCount", "100"},
                       {"status", "\"ACTIVE\""},
                       {"updatedAt", "\"2026-03-01T10:20:30Z\""}};
const Members kSubscriptionRow = {{"id", "\"s1\""},
                                  {"apiId", "\"a1\""},
                                  {"subscriptionToken", "\"token\""},
                                  {"subscriptionPlanId", "\"p1\""},
                                  {"status", "\"ACTIVE\""},
                                  {"updatedAt", "\"2026-03-01T10:20:30Z\""}};
const Members kSecretRow = {
    {"uuid", "\"u1\""},       {"handle", "\"openai-key\""},     {"type", "\"GENERIC\""},
    {"status", "\"ACTIVE\""}, {"hash", "\"hmac-sha256:1f2e\""}, {"updatedAt", "\"2026-03-01T10:20:30Z\""}};

}  // namespace

TEST_CASE("a deployment row gives kind, ids, wanted state and time") {
  const auto read = must(parse_deployment_row(row(kDeployment)));
  CHECK(read.kind == "RestApi");
  CHECK(read.artifact_id == "a1");
  CHECK(read.deployment_id == "d1");
  CHECK(read.deployed);
  CHECK(read.at_text == "2026-03-01T10:20:30.4Z");
  CHECK(format_rfc3339_ms(read.at) == "2026-03-01T10:20:30.400Z");

  CHECK_FALSE(must(parse_deployment_row(row(kDeployment, "state", "\"UNDEPLOYED\""))).deployed);
}

TEST_CASE("a deployment of a kind that nobody knows passes through") {
  CHECK(must(parse_deployment_row(row(kDeployment, "kind", "\"GraphApi\""))).kind == "GraphApi");
}

TEST_CASE("a state that is neither of the two is not guessed at") {
  CHECK(refusal(parse_deployment_row(row(kDeployment, "state", "\"FAILED\""))) ==
        "deployment row: member state is neither DEPLOYED nor UNDEPLOYED");
}

TEST_CASE("a key row passes whole, its extra members and nulls included") {
  const auto key = must(parse_key_row(row(kKey)));
  CHECK(key.kind == "ApiKey");
  CHECK(key.id == "k1");
  CHECK(key.artifact_id == "a1");
  CHECK(key.name == "mobile");
  CHECK(key.active);
  CHECK(key.updated_at.ns % 1'000'000'000 == 123'456'000);
  CHECK(key.data == row(kKey));
}

TEST_CASE("a revoked key in the list is not active") {
  CHECK_FALSE(must(parse_key_row(row(kKey, "status", "\"revoked\""))).active);
}

TEST_CASE("white space goes and numbers stay") {
  const auto plan =
      must(parse_plan_row(" {\n \"id\" : \"p1\", \"handle\":\"gold\",\"planName\" :\"Gold\","
                          "\"stopOnQuotaReach\":true ,\t\"throttleLimitCount\": 1.50 ,\"status\":\"ACTIVE\"}"));
  CHECK(plan.data == R"({"id":"p1","handle":"gold","planName":"Gold","stopOnQuotaReach":true,)"
                     R"("throttleLimitCount":1.50,"status":"ACTIVE"})");
}

TEST_CASE("a plan row gives id, handle and time") {
  const auto plan = must(parse_plan_row(row(kPlan)));
  CHECK(plan.kind == "SubscriptionPlan");
  CHECK(plan.id == "p1");
  CHECK(plan.name == "gold");
  CHECK(format_rfc3339_ms(plan.updated_at) == "2026-03-01T10:20:30.000Z");
  CHECK(plan.data == row(kPlan));
}

TEST_CASE("a subscription row gives its API and its plan") {
  const auto subscription = must(parse_subscription_row(row(kSubscriptionRow)));
  CHECK(subscription.kind == "Subscription");
  CHECK(subscription.id == "s1");
  CHECK(subscription.artifact_id == "a1");
  CHECK(subscription.references == std::vector<std::string>{"p1"});
  CHECK(subscription.data == row(kSubscriptionRow));
  CHECK(must(parse_subscription_row(row(kSubscriptionRow, "subscriptionPlanId"))).references.empty());
}

TEST_CASE("a secret row has a hash and no value") {
  const auto secret = must(parse_secret_row(row(kSecretRow)));
  CHECK(secret.kind == "Secret");
  CHECK(secret.id == "openai-key");
  CHECK(secret.name == "openai-key");
  CHECK(secret.hash == "hmac-sha256:1f2e");
  CHECK(secret.references == std::vector<std::string>{"GENERIC"});
  CHECK(secret.updated_at.is_set());
  CHECK(secret.data.empty());
}

TEST_CASE("a row without a member that it must have is refused by the member's name") {
  const auto check_each = [](const Members& members, const std::vector<std::string>& required, const auto& parse) {
    for (const std::string& name : required) {
      CAPTURE(name);
      CHECK(refusal(parse(row(members, name))).ends_with("row: member " + name + " is missing"));
      const auto wrong_type = refusal(parse(row(members, name, "[\"hunter2\"]")));
      CAPTURE(wrong_type);
      CHECK(wrong_type.find("member " + name + " is not") != std::string::npos);
      CHECK(wrong_type.find("hunter2") == std::string::npos);
    }
  };
  check_each(kDeployment, {"artifactId", "deploymentId", "kind", "state", "deployedAt"}, parse_deployment_row);
  check_each(kKey, {"uuid", "name", "apiKeyHashes", "artifactUuid", "status", "updatedAt"}, parse_key_row);
  check_each(kPlan, {"id", "handle", "planName", "stopOnQuotaReach", "status"}, parse_plan_row);
  check_each(kSubscriptionRow, {"id", "apiId", "subscriptionToken", "status"}, parse_subscription_row);
  check_each(kSecretRow, {"handle", "type", "hash", "updatedAt"}, parse_secret_row);
}

TEST_CASE("a row that is no object, or over 1 MiB, is refused") {
  CHECK(refusal(parse_plan_row("[]")) == "plan row: not a JSON object");
  CHECK(refusal(parse_plan_row("{]")) == "plan row: not JSON");
  std::string big = row(kPlan);
  big.append(kMaxRowBytes - big.size(), ' ');
  CHECK(parse_plan_row(big).has_value());
  CHECK(refusal(parse_plan_row(big + " ")) == "plan row: over 1048576 bytes");
}
