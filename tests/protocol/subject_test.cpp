#include "tether/protocol/subject.h"

#include <catch2/catch.hpp>

namespace tether::protocol {
namespace {

Subject of(EventBody body) {
  Event event;
  event.body = std::move(body);
  return subject_of(event);
}

ResourceState resource(const std::string& kind, const std::string& id) {
  ResourceState state;
  state.kind = kind;
  state.id = id;
  state.artifact_id = "a-1";
  state.name = "mobile";
  return state;
}

}  // namespace

TEST_CASE("an event is about what it names, as the gateway gets it") {
  CHECK(of(DeploymentChanged{"RestApi", "a-1", "d-1", true, {}, ""}) == Subject{"RestApi", "a-1", "d-1"});
  CHECK(of(ArtifactDeleted{"Mcp", "a-1"}) == Subject{"Mcp", "a-1", ""});
  CHECK(of(KeyCreated{resource("ApiKey", "k-1")}) == Subject{"ApiKey", "k-1", ""});
  CHECK(of(ApplicationUpdated{resource("Application", "p-1")}) == Subject{"Application", "p-1", ""});
  CHECK(of(SubscriptionChanged{resource("Subscription", "s-1")}) == Subject{"Subscription", "s-1", ""});
  CHECK(of(SubscriptionDeleted{"a-1", "s-1"}) == Subject{"Subscription", "s-1", ""});
  CHECK(of(PlanChanged{resource("SubscriptionPlan", "gold")}) == Subject{"SubscriptionPlan", "gold", ""});
  CHECK(of(PlanDeleted{"gold"}) == Subject{"SubscriptionPlan", "gold", ""});
}

TEST_CASE("what has no id of its own is named by artifact and name, and of an unknown event nothing is known") {
  CHECK(of(KeyUpdated{resource("ApiKey", "")}) == Subject{"ApiKey", "a-1/mobile", ""});
  CHECK(of(KeyRevoked{"a-1", "mobile"}) == Subject{"ApiKey", "a-1/mobile", ""});
  CHECK(of(HmacSecretChanged{"a-1", "hook", false}) == Subject{"HmacSecret", "a-1/hook", ""});
  CHECK(of(UnknownEvent{}) == Subject{});
}

}  // namespace tether::protocol
