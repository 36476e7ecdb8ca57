#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tether/base/result.h"
#include "tether/base/time.h"

namespace tether::protocol {

/// The largest frame that is parsed. The control plane never sends an event over 1 MiB; the rest is room for what
/// wraps it.
inline constexpr std::size_t kMaxFrameBytes = std::size_t{2} * 1024 * 1024;

struct ConnectionAck {
  std::string gateway_id;
  std::string connection_id;
  Instant at;  ///< Whole seconds.
};

/// `{"type":"error","message":…}`: the connection limit is reached. The message is whole: who shows it
/// clears it of secrets first, and only then cuts it.
struct ServerError {
  std::string message;
};

/// `*.deployed` and `*.undeployed`.
struct DeploymentChanged {
  std::string kind;  ///< `RestApi`, …
  std::string artifact_id;
  std::string deployment_id;
  bool deployed = false;
  Instant at;           ///< performedAt.
  std::string at_text;  ///< As received: acks echo it to the character.
};

/// `*.deleted` of an artifact.
struct ArtifactDeleted {
  std::string kind;
  std::string artifact_id;
};

/// A resource of another kind, in the shape in which the gateway gets it. `data` is one JSON object, compact, members
/// named as the REST answers name them, absent where the channel did not give them.
struct ResourceState {
  std::string kind;         ///< `ApiKey`, `SubscriptionPlan`, `Subscription`, `Application`, `Secret`, `HmacSecret`.
  std::string id;           ///< See the table of kinds in docs/gateway-protocol.md; `apikey.updated` has none.
  std::string artifact_id;  ///< What it belongs to, or empty.
  std::string name;         ///< Key name, plan handle, secret handle; or empty.
  Instant updated_at;       ///< Unset where the channel gives none.
  bool active = true;       ///< False: `status` is `revoked` (keys). Other states are for the gateway to read.
  std::string hash;         ///< Secrets only.
  std::vector<std::string> references;  ///< Plan ids of a subscription, key uuids of an application.
  std::string data;
};

struct KeyCreated {
  ResourceState key;
};
/// Names artifact and key; has no uuid.
struct KeyUpdated {
  ResourceState key;
};
struct KeyRevoked {
  std::string artifact_id;
  std::string name;
};
struct ApplicationUpdated {
  ResourceState application;
};
struct SubscriptionChanged {
  ResourceState subscription;
};
struct SubscriptionDeleted {
  std::string artifact_id;
  std::string subscription_id;
};
struct PlanChanged {
  ResourceState plan;
};
struct PlanDeleted {
  std::string plan_id;
};
/// `websub.hmacsecret.*`: a hint to ask for that artifact's secrets, or that one is gone.
struct HmacSecretChanged {
  std::string artifact_id;
  std::string name;
  bool deleted = false;
};
struct UnknownEvent {};

using EventBody =
    std::variant<DeploymentChanged, ArtifactDeleted, KeyCreated, KeyUpdated, KeyRevoked, ApplicationUpdated,
                 SubscriptionChanged, SubscriptionDeleted, PlanChanged, PlanDeleted, HmacSecretChanged, UnknownEvent>;

struct Event {
  std::string type;            ///< As on the wire. Only the known ones may become a metric's label.
  std::string correlation_id;  ///< May be empty: then it cannot be de-duplicated by it.
  Instant at;                  ///< The envelope's whole second; orders nothing. Unset if absent or unreadable.
  EventBody body;
  std::size_t bytes = 0;  ///< Of its frame: what it costs to keep.
};

/// Every event type that is understood, for metrics and tests.
const std::vector<std::string_view>& known_event_types();

/// Something well-formed that is none of ours, without an event's members: ignored.
struct UnknownFrame {};

using Frame = std::variant<ConnectionAck, ServerError, Event, UnknownFrame>;

/// Reads one text frame. Unknown members are ignored, unknown event types are `UnknownEvent`. Reject: not JSON, nested
/// deeper than 32, over kMaxFrameBytes, or a known type whose required member is missing or of the wrong type; the
/// message names the type and the member and never quotes a value.
Result<Frame> parse_frame(std::string_view text);

/// For counting what could not be parsed: its type if that is a known one, else `unknown`.
std::string event_type_of(std::string_view text);

/// What the control plane expects for each deployment that was applied (or refused).
struct Ack {
  std::string deployment_id;
  std::string artifact_id;
  std::string kind;  ///< `RestApi`, …
  bool deploy = true;
  bool success = true;
  std::string at_text;  ///< The deployment's performedAt, to the character.
};

/// The `deployment.ack` frame. A failure's `errorCode` is always `GATEWAY_PROCESSING_ERROR`: what a gateway gives as
/// its reason never goes upstream.
std::string write_ack(const Ack& ack);

}  // namespace tether::protocol
