#include "tether/peers/desire.h"

#include <catch2/catch.hpp>

namespace tether::peers {
namespace {

nlohmann::json ack(const Desire& desire, const Deployed& deployed, const std::string& action,
                   const std::string& status) {
  return {{"artifactId", deployed.artifact_id},
          {"deploymentId", deployed.deployment_id},
          {"resourceType", "api"},
          {"action", action},
          {"status", status},
          {"performedAt", desire.rows().at(deployed.artifact_id).performed_at_text}};
}

std::vector<std::string> event_types(const Desire& desire) {
  std::vector<std::string> types;
  for (const EventRow& row : desire.events()) types.push_back(row.envelope["type"]);
  return types;
}

using Types = std::vector<std::string>;

TEST_CASE("a deployment is DEPLOYING until its success is acked") {
  Desire desire("gw");
  const Deployed pets = *desire.deploy("RestApi", "pets");
  const StatusRow& row = desire.rows().at(pets.artifact_id);

  CHECK(row.status == Status::Deploying);
  CHECK_FALSE(desire.take_ack(ack(desire, pets, "undeploy", "success")));
  CHECK(desire.take_ack(ack(desire, pets, "deploy", "success")));
  CHECK(row.status == Status::Deployed);
  CHECK_FALSE(desire.take_ack(ack(desire, pets, "deploy", "success")));
}

TEST_CASE("an undeploy is a newer operation with its own ack") {
  Desire desire("gw");
  const Deployed pets = *desire.deploy("RestApi", "pets");
  const auto first_ack = ack(desire, pets, "deploy", "success");

  CHECK(desire.undeploy(pets.artifact_id));

  CHECK((*desire.listing(std::nullopt))[0]["state"] == "UNDEPLOYED");
  CHECK_FALSE(desire.take_ack(first_ack));
  CHECK(desire.take_ack(ack(desire, pets, "undeploy", "success")));
  CHECK(desire.rows().at(pets.artifact_id).status == Status::Undeployed);
}

TEST_CASE("an ack with another time, or the same in another offset, changes nothing") {
  Desire desire("gw");
  const Deployed pets = *desire.deploy("RestApi", "pets");

  auto other = ack(desire, pets, "deploy", "success");
  other["performedAt"] = "2020-01-01T00:00:00Z";
  CHECK_FALSE(desire.take_ack(other));
  other["performedAt"] = "not a time";
  CHECK_FALSE(desire.take_ack(other));
  CHECK(desire.rows().at(pets.artifact_id).status == Status::Deploying);
}

TEST_CASE("a failed ack overwrites whatever there is") {
  Desire desire("gw");
  const Deployed pets = *desire.deploy("RestApi", "pets");
  CHECK(desire.take_ack(ack(desire, pets, "deploy", "success")));
  auto failed = ack(desire, pets, "deploy", "failed");
  failed["errorCode"] = "GATEWAY_PROCESSING_ERROR";

  CHECK(desire.take_ack(failed));

  CHECK(desire.rows().at(pets.artifact_id).status == Status::Failed);
  CHECK(desire.rows().at(pets.artifact_id).reason == "GATEWAY_PROCESSING_ERROR");
}

TEST_CASE("after the time-out a late success is discarded and undeploying refused") {
  Desire desire("gw");
  const Deployed pets = *desire.deploy("RestApi", "pets");

  CHECK(desire.sweep(std::chrono::nanoseconds(-1)) == 1);

  CHECK_FALSE(desire.take_ack(ack(desire, pets, "deploy", "success")));
  CHECK(desire.rows().at(pets.artifact_id).reason == "DEPLOYMENT_TIMEOUT");
  CHECK_FALSE(desire.undeploy(pets.artifact_id));
  CHECK((*desire.listing(std::nullopt))[0]["state"] == "DEPLOYED");
  CHECK(desire.delete_deployment(pets.deployment_id));
  CHECK(desire.listing(std::nullopt)->empty());
  CHECK(desire.artifacts().contains(pets.artifact_id));
}

TEST_CASE("a restore has an old deployment id and a new time") {
  Desire desire("gw");
  const Deployed first = *desire.deploy("RestApi", "pets");
  const Deployed second = *desire.redeploy(first.artifact_id);
  const std::string second_at = desire.rows().at(first.artifact_id).performed_at_text;

  const Deployed restored = *desire.restore(first.deployment_id);

  CHECK(second.deployment_id != first.deployment_id);
  CHECK(restored.deployment_id == first.deployment_id);
  CHECK(desire.rows().at(first.artifact_id).performed_at_text != second_at);
}

TEST_CASE("every deploy announces the active keys again") {
  Desire desire("gw");
  const Deployed pets = *desire.deploy("RestApi", "pets");
  CHECK(desire.create_key(pets.artifact_id, "mobile"));
  CHECK(desire.create_key(pets.artifact_id, "old"));
  CHECK(desire.revoke_key(pets.artifact_id, "old"));
  CHECK(desire.redeploy(pets.artifact_id));

  CHECK(event_types(desire) ==
        Types{"api.deployed", "apikey.created", "apikey.created", "apikey.revoked", "api.deployed", "apikey.created"});
  const auto& payload = desire.events().back().envelope["payload"];
  CHECK(payload["name"] == "mobile");
  CHECK(nlohmann::json::parse(payload["apiKeyHashes"].get<std::string>()).contains("sha256"));
  CHECK(desire.api_keys("RestApi", std::nullopt).size() == 2);
  CHECK(desire.api_keys("LlmProxy", std::nullopt).empty());
}

TEST_CASE("an application's change is sent only where one of its artifacts is DEPLOYED") {
  Desire desire("gw");
  const Deployed pets = *desire.deploy("RestApi", "pets");
  const std::string key = *desire.create_key(pets.artifact_id, "mobile");

  desire.update_application("app", {key});
  CHECK(event_types(desire).back() == "apikey.created");

  desire.take_ack(ack(desire, pets, "deploy", "success"));
  desire.update_application("app", {key});
  CHECK(event_types(desire).back() == "application.updated");
  desire.update_application("app", {});
  CHECK(desire.events().back().envelope["payload"]["mappings"].empty());
}

TEST_CASE("the listing obeys since strictly and as text") {
  Desire desire("gw");
  const Deployed pets = *desire.deploy("RestApi", "pets");
  const std::string at = desire.rows().at(pets.artifact_id).performed_at_text;

  CHECK(desire.listing(at)->empty());
  CHECK(desire.listing("2020-01-01T00:00:00Z")->size() == 1);
  CHECK_FALSE(desire.listing("2020-01-01 00:00:00"));
  // The same time of day with an offset was hours ago, yet as text it is not smaller.
  CHECK(desire.listing(at.substr(0, at.size() - 1) + "+05:30")->empty());
}

TEST_CASE("the listing is sorted by kind, newest first") {
  Desire desire("gw");
  CHECK(desire.deploy("Mcp", "m"));
  const Deployed proxy = *desire.deploy("LlmProxy", "p");
  const Deployed newer = *desire.deploy("LlmProxy", "q");
  CHECK(desire.redeploy(newer.artifact_id));
  CHECK(desire.deploy("RestApi", "r"));

  const auto list = *desire.listing(std::nullopt);

  REQUIRE(list.size() == 4);
  CHECK(list[0]["kind"] == "RestApi");
  CHECK(list[1]["artifactId"] == newer.artifact_id);
  CHECK(list[2]["artifactId"] == proxy.artifact_id);
  CHECK(list[3]["kind"] == "Mcp");
}

TEST_CASE("only secrets that something desired refers to are listed") {
  Desire desire("gw");
  desire.put_secret("used", "1");
  desire.put_secret("unused", "2");
  const std::string document = "kind: RestApi\nvalue: '{{ secret \"used\" }}'\n";
  const Deployed pets = *desire.deploy("RestApi", "pets", document);

  const auto list = *desire.secrets(std::nullopt, /*with_values=*/false);
  CHECK(list["count"] == 1);
  CHECK(list["list"][0]["handle"] == "used");
  CHECK_FALSE(list["list"][0].contains("value"));

  const std::string hash = list["list"][0]["hash"];
  desire.put_secret("used", "3");
  CHECK((*desire.secrets(std::nullopt, false))["list"][0]["hash"] != hash);
  CHECK(desire.undeploy(pets.artifact_id));
  CHECK((*desire.secrets(std::nullopt, false))["count"] == 0);
}

TEST_CASE("performedAt is made with as many decimals as wanted, the same in event, row and ack") {
  Desire desire("gw");
  desire.habits.performed_at_decimals = 6;
  desire.habits.performed_at_padding = 9;
  const Deployed pets = *desire.deploy("RestApi", "pets");

  const std::string at = desire.rows().at(pets.artifact_id).performed_at_text;

  CHECK(at.size() == std::string("2026-08-22T11:02:03.417123000Z").size());
  CHECK(at.ends_with("000Z"));
  CHECK(desire.events().back().envelope["payload"]["performedAt"] == at);
  CHECK((*desire.listing(std::nullopt))[0]["deployedAt"] == at);
  CHECK(desire.take_ack({{"deploymentId", pets.deployment_id},
                         {"artifactId", pets.artifact_id},
                         {"action", "deploy"},
                         {"status", "success"},
                         {"performedAt", at}}));
}

TEST_CASE("HMAC secrets are shown of their own artifact and of no other [F12]") {
  Desire desire("gw");
  const Deployed hub = *desire.deploy("WebSubApi", "hub");
  const Deployed other = *desire.deploy("WebSubApi", "other");
  REQUIRE(desire.put_hmac_secret(hub.artifact_id, "orders", "value"));

  CHECK(desire.hmac_secrets(hub.artifact_id)["secrets"].size() == 1);
  CHECK(desire.hmac_secrets(other.artifact_id)["secrets"].empty());
  CHECK(desire.hmac_secrets("unknown")["secrets"].empty());
}

TEST_CASE("with dropped events changes happen in silence") {
  Desire desire("gw");
  desire.habits.drop_events = true;
  CHECK(desire.deploy("RestApi", "pets"));

  CHECK(desire.events().empty());
  CHECK(desire.listing(std::nullopt)->size() == 1);
}

TEST_CASE("an envelope over 1 MiB is never written") {
  Desire desire("gw");
  nlohmann::json envelope{{"type", "x"}, {"pad", ""}};
  const std::size_t frame = envelope.dump().size();

  envelope["pad"] = std::string(1'048'576 - frame, '.');
  desire.write_raw_event(envelope);
  CHECK(desire.events().size() == 1);
  envelope["pad"] = std::string(1'048'577 - frame, '.');
  desire.write_raw_event(envelope);
  CHECK(desire.events().size() == 1);
}

TEST_CASE("a snapshot brings everything back") {
  Desire desire("gw");
  const Deployed pets = *desire.deploy("RestApi", "pets");
  CHECK(desire.create_key(pets.artifact_id, "mobile"));
  CHECK(desire.create_subscription(pets.artifact_id, desire.create_plan("gold")));

  const auto restored = Desire::from_json(desire.to_json());

  REQUIRE(restored);
  CHECK(restored->to_json() == desire.to_json());
  CHECK(restored->listing(std::nullopt) == desire.listing(std::nullopt));
  CHECK_FALSE(Desire::from_json({{"gateway_id", "gw"}}));
}

}  // namespace
}  // namespace tether::peers
