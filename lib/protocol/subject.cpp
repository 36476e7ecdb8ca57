#include "tether/protocol/subject.h"

#include "tether/protocol/kinds.h"

namespace tether::protocol {
namespace {

Subject of_resource(const ResourceState& resource) {
  const std::string id = resource.id.empty() ? resource.artifact_id + "/" + resource.name : resource.id;
  return {resource.kind, id, ""};
}

struct Visitor {
  Subject operator()(const DeploymentChanged& e) const { return {e.kind, e.artifact_id, e.deployment_id}; }
  Subject operator()(const ArtifactDeleted& e) const { return {e.kind, e.artifact_id, ""}; }
  Subject operator()(const KeyCreated& e) const { return of_resource(e.key); }
  Subject operator()(const KeyUpdated& e) const { return of_resource(e.key); }
  Subject operator()(const KeyRevoked& e) const { return {std::string(kApiKey), e.artifact_id + "/" + e.name, ""}; }
  Subject operator()(const ApplicationUpdated& e) const { return of_resource(e.application); }
  Subject operator()(const SubscriptionChanged& e) const { return of_resource(e.subscription); }
  Subject operator()(const SubscriptionDeleted& e) const { return {std::string(kSubscription), e.subscription_id, ""}; }
  Subject operator()(const PlanChanged& e) const { return of_resource(e.plan); }
  Subject operator()(const PlanDeleted& e) const { return {std::string(kSubscriptionPlan), e.plan_id, ""}; }
  Subject operator()(const HmacSecretChanged& e) const {
    return {std::string(kHmacSecret), e.artifact_id + "/" + e.name, ""};
  }
  Subject operator()(const UnknownEvent&) const { return {}; }
};

}  // namespace

Subject subject_of(const Event& event) {
  return std::visit(Visitor{}, event.body);
}

}  // namespace tether::protocol
