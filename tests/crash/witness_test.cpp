#include "witness.h"

#include <catch2/catch.hpp>

using namespace tether;
using namespace tether::test;

namespace {

constexpr const char* kId = "7c2b0000-0000-4000-8000-000000000001";

peers::GatewayRequest push(const std::string& method, std::vector<peers::Applied> lines) {
  peers::GatewayRequest request;
  request.method = method;
  request.status = 200;
  request.applied = std::move(lines);
  return request;
}

peers::Applied put(Instant at, const std::string& reason = {}) {
  return {false, "RestApi", kId, "petstore", reason, format_rfc3339_ms(at)};
}

peers::Applied removal() {
  return {true, "RestApi", kId, "", ""};
}

peers::JournalEntry ack(const std::string& action, const std::string& status, Instant at) {
  return {
      {}, "ack", {{"artifactId", kId}, {"action", action}, {"status", status}, {"performedAt", format_rfc3339(at)}}};
}

const Instant kFirst = from_ms(1'700'000'000'000);
const Instant kSecond = from_ms(1'700'000'001'000);

/// The only sentence that the witness has; empty: none, or several.
std::string violation_of(const Witness& witness) {
  const auto all = witness.violations();
  return all.size() == 1 ? all[0] : std::string();
}

}  // namespace

TEST_CASE("a witness has nothing to say about versions that follow each other and are acknowledged when served") {
  Witness witness;
  witness.on_request(push("PUT", {put(kFirst)}));
  witness.on_journal(ack("deploy", "success", kFirst));
  witness.on_gateway_emptied();
  witness.on_request(push("PUT", {put(kFirst)}));
  witness.on_request(push("PATCH", {put(kSecond)}));
  witness.on_journal(ack("deploy", "success", kSecond));
  CHECK(witness.violations().empty());
}

TEST_CASE("a witness sees an earlier version come after a later one, also at a gateway that restarted") {
  Witness witness;
  witness.on_request(push("PUT", {put(kSecond)}));
  witness.on_gateway_emptied();
  witness.on_request(push("PUT", {put(kFirst)}));
  CHECK(violation_of(witness).find("came to the gateway after") != std::string::npos);
}

TEST_CASE("a witness sees an artifact go that was not stopped, by a line or by a PUT without it") {
  Witness witness;
  witness.on_request(push("PUT", {put(kFirst)}));
  SECTION("by a line") {
    witness.on_request(push("PATCH", {removal()}));
  }
  SECTION("by a PUT without it") {
    witness.on_request(push("PUT", {}));
  }
  CHECK(violation_of(witness).find("was taken from the gateway") != std::string::npos);
}

TEST_CASE("a witness lets an artifact go that was stopped, and sees it come back") {
  Witness witness;
  peers::Desire desire("gateway-1");
  const auto deployed = desire.deploy("RestApi", "petstore");
  REQUIRE(deployed);
  const auto line = [&deployed](Instant at) {
    return peers::Applied{false, "RestApi", deployed->artifact_id, "petstore", "", format_rfc3339_ms(at)};
  };
  const Instant at = desire.rows().at(deployed->artifact_id).performed_at;
  witness.on_request(push("PUT", {line(at)}));
  REQUIRE(desire.undeploy(deployed->artifact_id));
  witness.on_change(desire);
  witness.on_request(push("PATCH", {{true, "RestApi", deployed->artifact_id, "", ""}}));
  CHECK(witness.violations().empty());
  CHECK(witness.may_be_missing(deployed->artifact_id));

  witness.on_request(push("PATCH", {line(at)}));

  CHECK(violation_of(witness).find("came back to the gateway after it was stopped") != std::string::npos);
}

TEST_CASE("a witness sees artifacts of two identities at the gateway at once [CE-2]") {
  Witness witness;
  const auto deploy_one = [&witness](const std::string& gateway_id, std::chrono::seconds offset) {
    peers::Desire desire(gateway_id);
    desire.habits.clock_offset = offset;
    const auto deployed = desire.deploy("RestApi", "petstore");
    REQUIRE(deployed);
    witness.on_change(desire);
    const Instant at = desire.rows().at(deployed->artifact_id).performed_at;
    return peers::Applied{false, "RestApi", deployed->artifact_id, "petstore", "", format_rfc3339_ms(at)};
  };
  witness.on_request(push("PUT", {deploy_one("gateway-1", 0s)}));
  const auto second = deploy_one("gateway-2", 1s);
  SECTION("one after the other") {
    witness.on_request(push("PUT", {second}));
    CHECK(witness.violations().empty());
  }
  SECTION("one beside the other") {
    witness.on_request(push("PATCH", {second}));
    CHECK(violation_of(witness).find("came to the gateway beside") != std::string::npos);
  }
}

TEST_CASE("a witness sees success acknowledged for what the gateway never took, or serves still") {
  Witness witness;
  SECTION("never took") {
    witness.on_journal(ack("deploy", "success", kFirst));
  }
  SECTION("refused") {
    witness.on_request(push("PUT", {put(kFirst, "no such policy")}));
    witness.on_journal(ack("deploy", "success", kFirst));
  }
  SECTION("serves still") {
    witness.on_request(push("PUT", {put(kFirst)}));
    witness.on_journal(ack("undeploy", "success", kSecond));
  }
  CHECK(violation_of(witness).find("success was acknowledged") != std::string::npos);
}

TEST_CASE("a witness sees failure acknowledged for what the gateway did not refuse") {
  Witness witness;
  witness.on_request(push("PUT", {put(kFirst)}));
  witness.on_request(push("PATCH", {put(kSecond, "no such policy")}));
  witness.on_journal(ack("deploy", "failed", kSecond));
  CHECK(witness.violations().empty());

  witness.on_journal(ack("deploy", "failed", kFirst));

  CHECK(violation_of(witness).find("failure was acknowledged") != std::string::npos);
}
