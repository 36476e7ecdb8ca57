#include "tether/protocol/events.h"

#include <algorithm>
#include <array>
#include <utility>

#include "tether/protocol/fields.h"
#include "tether/protocol/kinds.h"
#include "tether/protocol/resources.h"

namespace tether::protocol {
namespace {

using json::Object;

Result<EventBody> deployment_changed(const ArtifactKind& kind, bool deployed, const Object& payload) {
  Fields in(payload);
  DeploymentChanged change;
  change.kind = kind.name;
  change.artifact_id = in.text(kind.id_member);
  change.deployment_id = in.text("deploymentId");
  change.deployed = deployed;
  change.at_text = in.text("performedAt");
  change.at = in.time("performedAt");
  if (in.failed()) return in.error();
  return change;
}

Result<EventBody> artifact_deleted(const ArtifactKind& kind, const Object& payload) {
  Fields in(payload);
  ArtifactDeleted gone{std::string(kind.name), in.text(kind.id_member)};
  if (in.failed()) return in.error();
  return gone;
}

/// `api.deployed` and its like: a kind's prefix and one of three verbs.
struct ArtifactEvent {
  const ArtifactKind* kind = nullptr;
  std::string_view verb;
};
constexpr std::array<std::string_view, 3> kArtifactVerbs = {"deployed", "undeployed", "deleted"};

std::optional<ArtifactEvent> artifact_event(std::string_view type) {
  const auto dot = type.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const ArtifactEvent event{find_kind_by_prefix(type.substr(0, dot)), type.substr(dot + 1)};
  const bool known = event.kind != nullptr && std::ranges::find(kArtifactVerbs, event.verb) != kArtifactVerbs.end();
  return known ? std::optional(event) : std::nullopt;
}

/// What key events call otherwise than the REST answers, and what goes without saying in them.
Object key_by_rest_names(Object payload) {
  payload.rename("apiId", "artifactUuid");
  payload.rename("keyName", "name");
  payload.set("status", json::string_value("active"));
  return payload;
}

Result<EventBody> key_created(const Object& payload) {
  Fields in(payload);
  in.text("uuid");
  in.text("apiId");
  if (in.failed()) return in.error();
  auto key = key_state(key_by_rest_names(payload));
  if (!key) return tl::unexpected<Error>(std::move(key.error()));
  return KeyCreated{std::move(*key)};
}

Result<EventBody> key_updated(const Object& payload) {
  Fields in(payload);
  in.text("apiId");
  in.text("keyName");
  if (in.failed()) return in.error();
  auto key = key_state(key_by_rest_names(payload));
  if (!key) return tl::unexpected<Error>(std::move(key.error()));
  return KeyUpdated{std::move(*key)};
}

Result<EventBody> key_revoked(const Object& payload) {
  Fields in(payload);
  KeyRevoked revoked{in.text("apiId"), in.text("keyName")};
  if (in.failed()) return in.error();
  return revoked;
}

Result<EventBody> application_updated(const Object& payload) {
  auto application = application_state(payload);
  if (!application) return tl::unexpected<Error>(std::move(application.error()));
  return ApplicationUpdated{std::move(*application)};
}

Result<EventBody> subscription_changed(const Object& payload) {
  Fields in(payload);
  in.text("subscriptionId");
  if (in.failed()) return in.error();
  Object data = payload;
  data.rename("subscriptionId", "id");
  auto subscription = subscription_state(data);
  if (!subscription) return tl::unexpected<Error>(std::move(subscription.error()));
  return SubscriptionChanged{std::move(*subscription)};
}

Result<EventBody> subscription_deleted(const Object& payload) {
  Fields in(payload);
  SubscriptionDeleted gone{in.text("apiId"), in.text("subscriptionId")};
  if (in.failed()) return in.error();
  return gone;
}

Result<EventBody> plan_changed(const Object& payload) {
  Fields in(payload);
  in.text("planId");
  if (in.failed()) return in.error();
  Object data = payload;
  data.rename("planId", "id");
  auto plan = plan_state(data);
  if (!plan) return tl::unexpected<Error>(std::move(plan.error()));
  return PlanChanged{std::move(*plan)};
}

Result<EventBody> plan_deleted(const Object& payload) {
  Fields in(payload);
  PlanDeleted gone{in.text("planId")};
  if (in.failed()) return in.error();
  return gone;
}

Result<EventBody> read_hmac_secret(const Object& payload, bool deleted) {
  Fields in(payload);
  HmacSecretChanged change{in.text("artifactUuid"), in.text("secretName"), deleted};
  if (in.failed()) return in.error();
  return change;
}

Result<EventBody> hmac_secret_changed(const Object& payload) {
  return read_hmac_secret(payload, /*deleted=*/false);
}

Result<EventBody> hmac_secret_deleted(const Object& payload) {
  return read_hmac_secret(payload, /*deleted=*/true);
}

struct OtherEvent {
  std::string_view type;
  Result<EventBody> (*read)(const Object& payload);
};

/// The types that are no artifact's (section 2.4 of PROTOCOL.md).
constexpr std::array<OtherEvent, 13> kOtherEvents = {{
    {"websub.hmacsecret.created", hmac_secret_changed},
    {"websub.hmacsecret.updated", hmac_secret_changed},
    {"websub.hmacsecret.deleted", hmac_secret_deleted},
    {"apikey.created", key_created},
    {"apikey.updated", key_updated},
    {"apikey.revoked", key_revoked},
    {"application.updated", application_updated},
    {"subscription.created", subscription_changed},
    {"subscription.updated", subscription_changed},
    {"subscription.deleted", subscription_deleted},
    {"subscriptionPlan.created", plan_changed},
    {"subscriptionPlan.updated", plan_changed},
    {"subscriptionPlan.deleted", plan_deleted},
}};

const OtherEvent* find_other(std::string_view type) {
  const auto* found = std::ranges::find(kOtherEvents, type, &OtherEvent::type);
  return found == kOtherEvents.end() ? nullptr : found;
}

/// Text of its own for every type, because the list hands out views.
std::vector<std::string> artifact_types() {
  std::vector<std::string> types;
  for (const ArtifactKind& kind : kArtifactKinds) {
    for (const std::string_view verb : kArtifactVerbs) {
      types.push_back(std::string(kind.event_prefix) + '.' + std::string(verb));
    }
  }
  return types;
}

}  // namespace

const std::vector<std::string_view>& known_event_types() {
  static const std::vector<std::string> kOfArtifacts = artifact_types();
  static const std::vector<std::string_view> kAll = [] {
    std::vector<std::string_view> all(kOfArtifacts.begin(), kOfArtifacts.end());
    for (const OtherEvent& other : kOtherEvents) all.push_back(other.type);
    return all;
  }();
  return kAll;
}

bool is_known_event(std::string_view type) {
  return artifact_event(type).has_value() || find_other(type) != nullptr;
}

Result<EventBody> read_event_body(std::string_view type, const Object& payload) {
  if (const auto event = artifact_event(type)) {
    if (event->verb == "deleted") return artifact_deleted(*event->kind, payload);
    return deployment_changed(*event->kind, /*deployed=*/event->verb == "deployed", payload);
  }
  if (const OtherEvent* other = find_other(type)) return other->read(payload);
  return UnknownEvent{};
}

}  // namespace tether::protocol
