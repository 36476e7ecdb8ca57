#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tether/base/time.h"
#include "tether/sync/model.h"

namespace tether::store {

/// A resource that the gateway refused, whose removal is held, or that waits: for its document or value, or for another
/// resource.
struct NamedResource {
  std::string kind;
  std::string id;
  std::string handle;        ///< Empty if no document says it.
  std::string reason;        ///< Quarantined: the gateway's, as stored. Held: by which listing. Waiting: what for.
  Instant since;             ///< Quarantined, held: wall clock. Waiting: unset.
  Instant next_try = {};     ///< Quarantined: when it is tried again at the latest, wall clock.
  std::string listing = {};  ///< Held: the scope of the listing that lacks it.
  friend bool operator==(const NamedResource&, const NamedResource&) = default;
};

/// An identity that the control plane names beside the one in service. Counted anew for each overview.
struct StagedIdentity {
  std::string gateway_id;
  Instant since;                      ///< Wall clock.
  std::int64_t deployed = 0;          ///< Artifacts that it wants deployed.
  std::int64_t without_document = 0;  ///< Of these, the ones whose document is not here.
  std::int64_t resources = 0;         ///< What the gateway would be given, all kinds together.
  friend bool operator==(const StagedIdentity&, const StagedIdentity&) = default;
};

inline constexpr std::size_t kMaxQuarantinedShown = 1000;
inline constexpr std::size_t kMaxWaitingShown = 100;
inline constexpr std::size_t kMaxHeldShown = 1000;
inline constexpr std::size_t kMaxHoldsShown = 1000;
inline constexpr std::size_t kMaxUnansweredCounted = 10'000;

/// What `/status` and `/metrics` show of the store. Its cost does not follow the number of resources, but where keys or
/// subscriptions are offered that of artifacts other than RestApi, and that of artifacts while an identity is staged.
struct Overview {
  std::int64_t revision = 0;
  std::vector<std::pair<std::string, std::int64_t>> offered_by_kind;  ///< Kinds of which something is offered.
  std::int64_t offered_count = 0;
  std::int64_t unanswered = 0;             ///< Changes that no gateway has answered, at most kMaxUnansweredCounted.
  std::int64_t size_bytes = 0;             ///< Of the database, without its log.
  std::vector<NamedResource> quarantined;  ///< The first kMaxQuarantinedShown by kind and id.
  std::int64_t quarantined_count = 0;
  /// The first kMaxHeldShown by listing, kind and id.
  std::vector<NamedResource> held;
  std::vector<sync::Hold> holds;  ///< The first kMaxHoldsShown by listing.
  std::int64_t links = 0;         ///< sync::Marks::links: the number of the present link.
  std::int64_t held_count = 0;
  std::vector<NamedResource> waiting;  ///< The first kMaxWaitingShown.
  std::int64_t waiting_count = 0;
  std::int64_t outbox_acks = 0;
  std::vector<std::pair<std::string, Instant>> event_timestamps;
  std::optional<StagedIdentity> staged;
  std::vector<std::string> best_effort_kinds;  ///< Of which something is offered that no listing can correct.
};

}  // namespace tether::store
