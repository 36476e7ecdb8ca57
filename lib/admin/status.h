#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tether/base/time.h"

namespace tether {

/// Another identity that the control plane names: kept beside the one in service until it can take its place.
struct StagedStatus {
  std::string gateway_id;
  Instant since;                ///< Wall clock. Not set: not known yet, like the next three.
  std::uint64_t deployed = 0;   ///< Artifacts that it wants deployed;
  std::uint64_t documents = 0;  ///< of these, the ones whose document is here.
  std::uint64_t resources = 0;  ///< What the gateway would be given, all kinds together.
  std::string waits_for;
  bool needs_operator = false;  ///< It does not take over by itself.
  bool accepted = false;        ///< Under the present link an operator wants it served.
};

struct ControlPlaneStatus {
  enum class State { Standalone, Connecting, Connected, Reconnecting, Rejected, Disconnected };

  State state = State::Standalone;
  std::optional<TimePoint> state_since;
  std::string url;  ///< Without secrets.
  std::optional<std::string> gateway_id;
  /// The present link is this identity's, while `gateway_id` is the one in service.
  std::optional<std::string> other_gateway_id;
  bool in_sync = false;                       ///< All that "in sync" asks for, except the gateway's answer.
  std::optional<TimePoint> last_proven_sync;  ///< When the proving listing was *sent*.
  std::optional<TimePoint> next_attempt;
  std::optional<std::string> last_error;
  std::optional<StagedStatus> staged = {};
  Instant server_certificate_ends = {};    ///< Not set: none was shown yet, or there is no TLS.
  Instant client_certificate_ends = {};    ///< Not set: there is none.
  std::optional<std::string> advice = {};  ///< What to do about the token, if anything.
  bool is_looking_out = false;             ///< It is dialled before `next_attempt` if the way there comes back.
};

/// A push that waits for an operator: the gateway has what the store does not know, and would be left with much less.
struct HeldPush {
  std::string instance;  ///< The gateway's, and the pair that it says it has.
  std::string epoch;
  std::int64_t revision = 0;
  std::int64_t has = 0;        ///< How many resources it has;
  std::int64_t would_get = 0;  ///< how many there would be in their place.
  friend bool operator==(const HeldPush&, const HeldPush&) = default;
};

struct GatewayStatus {
  enum class State { Away, Connecting, Behind, InSync, Refusing };

  State state = State::Away;
  std::optional<TimePoint> state_since;
  std::string socket;
  std::optional<std::string> instance;
  std::optional<std::int64_t> applied_revision;
  /// The *present* instance has answered a push: what `/readyz` asks.
  bool has_answered_push = false;
  std::optional<TimePoint> last_proven_sync;
  std::optional<std::string> last_error;
  std::optional<HeldPush> held_push = {};
};

struct StoreStatus {
  std::optional<std::int64_t> revision;
  std::map<std::string, std::uint64_t> resources;  ///< What is offered, by kind.
  std::uint64_t unanswered = 0;                    ///< Changes that no gateway has answered; counted up to a limit.
  std::uint64_t outbox_acks = 0;
  std::uint64_t size_bytes = 0;
  bool degraded = false;  ///< Nothing can be stored; what is there is served.
  std::optional<std::string> last_error;
};

/// A resource that is not as it should be, and why.
struct ResourceNote {
  std::string kind;
  std::string id;
  std::optional<std::string> handle;
  std::optional<std::string> reason;  ///< Cut, and cleared of secrets, by who makes it.
  Instant since;                      ///< Not set: unknown.
  Instant next_try = {};              ///< Quarantined: when it is tried again at the latest.
  std::string listing = {};           ///< Held: the listing that lacks it.
};

/// A listing whose removals the deletion brake keeps.
struct HoldNote {
  enum class State {
    Held,
    Asked,     ///< An operator agreed, and the listing is asked again.
    Released,  ///< What it lacks goes once the next listing confirms it.
  };

  std::string listing;  ///< `deployments`, `keys/RestApi`, …
  State state = State::Held;
  Instant since;
  std::uint64_t would_go = 0;
  std::uint64_t in_service = 0;
  std::optional<Duration> releases_in;  ///< For how long it must still lack the same; nullopt: it never goes so.
  std::int64_t noted = 0;               ///< Another number once it has lacked something else.
};

/// How many there are, also of what is listed only in part.
struct ResourceCounts {
  std::uint64_t quarantined = 0;
  std::uint64_t held = 0;
  std::uint64_t waiting = 0;
};

/// All that `/status` tells, as plain values. The one that lives is written by two threads, each its own members, under
/// its owner's lock; whoever asks gets a copy. Moments are steady times and become ages when it is printed, so that an
/// old copy stays right.
struct Status {
  std::string version;
  TimePoint started;
  Duration stale_after{};  ///< For how long a side's agreement may go unproven; 0: for ever.
  bool in_sync = false;    ///< Everything wanted is in service, proven under this link.
  bool settled = false;    ///< The same with quarantined resources allowed: there is nothing left to do.
  ControlPlaneStatus control_plane;
  GatewayStatus gateway;
  StoreStatus store;
  /// Event type to what was handled to the end; an instant that is not set is shown as null.
  std::map<std::string, Instant> event_timestamps;
  ResourceCounts counts;  ///< For the metrics: of the next three, which may be cut short.
  std::vector<ResourceNote> quarantined;
  std::vector<ResourceNote> held;     ///< What a listing lacks and the deletion brake keeps.
  std::vector<HoldNote> holds;        ///< The listings that lack it.
  std::vector<ResourceNote> waiting;  ///< Wanted, and not yet offered: for a document or for what they refer to.
  /// Kinds of which something is in the store that no listing can correct: it is as the last event left it.
  std::vector<std::string> best_effort_kinds;
};

std::string_view to_string(ControlPlaneStatus::State state);  ///< `standalone`, `connecting`, …
std::string_view to_string(GatewayStatus::State state);       ///< `away`, `connecting`, `behind`, `in_sync`, …

/// The JSON of `/status`, indented for people, with a line end. What is unknown is null and never left out; ages and
/// waits are in seconds. Bytes that are not UTF-8 are replaced.
std::string to_json(const Status& status, TimePoint now);

std::string_view to_string(HoldNote::State state);  ///< `held`, `asked`, `released`

/// Whether agreement with the control plane, or with the gateway, has been unproven for more than `stale_after`,
/// counted from the last proof or else from the start.
bool is_stale(const Status& status, const ControlPlaneStatus& side, TimePoint now);
bool is_stale(const Status& status, const GatewayStatus& side, TimePoint now);

/// One line of text that says which agreement is stale and how old its last proof is, or nullopt.
std::optional<std::string> why_stale(const Status& status, TimePoint now);

/// One line of text saying why the gateway is not known to have a configuration, or nullopt if it has. None of the
/// gateway's own words are in it: anybody may read it.
std::optional<std::string> why_not_ready(const Status& status);

}  // namespace tether
