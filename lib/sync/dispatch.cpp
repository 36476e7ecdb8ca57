#include "tether/sync/dispatch.h"

#include <variant>

#include "tether/protocol/kinds.h"
#include "tether/sync/artifacts.h"
#include "tether/sync/resources.h"

namespace tether::sync {

void dispatch(Context& context, const protocol::Event& event) {
  Artifacts artifacts(context);
  Resources resources(context);
  struct Visitor {
    Context& context;
    Artifacts& artifacts;
    Resources& resources;
    const protocol::Event& event;

    void operator()(const protocol::DeploymentChanged& e) const {
      artifacts.on_event({e.kind, e.artifact_id, e.deployment_id, e.deployed, e.at, e.at_text}, event.type);
    }
    void operator()(const protocol::ArtifactDeleted& e) const { artifacts.on_deleted_event(e, event.type, event.at); }
    void operator()(const protocol::KeyCreated& e) const { resources.on_key_created(e.key, event); }
    void operator()(const protocol::KeyUpdated& e) const { resources.on_key_updated(e.key, event); }
    void operator()(const protocol::KeyRevoked& e) const { resources.on_key_revoked(e, event); }
    void operator()(const protocol::ApplicationUpdated& e) const { resources.on_application(e.application, event); }
    void operator()(const protocol::SubscriptionChanged& e) const {
      resources.on_subscription(e.subscription, /*deleted=*/false, event);
    }
    void operator()(const protocol::SubscriptionDeleted& e) const {
      protocol::ResourceState state;
      state.kind = protocol::kSubscription;
      state.id = e.subscription_id;
      state.artifact_id = e.artifact_id;
      resources.on_subscription(state, /*deleted=*/true, event);
    }
    void operator()(const protocol::PlanChanged& e) const { resources.on_plan(e.plan, /*deleted=*/false, event); }
    void operator()(const protocol::PlanDeleted& e) const {
      protocol::ResourceState state;
      state.kind = protocol::kSubscriptionPlan;
      state.id = e.plan_id;
      resources.on_plan(state, /*deleted=*/true, event);
    }
    void operator()(const protocol::HmacSecretChanged& e) const { resources.on_hmac_secret(e, event); }
    void operator()(const protocol::UnknownEvent&) const {}
  };
  std::visit(Visitor{context, artifacts, resources, event}, event.body);
}

}  // namespace tether::sync
