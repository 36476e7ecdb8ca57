#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tether/base/time.h"
#include "tether/sync/model.h"

namespace tether::store {

/// A resource that the gateway refused, or that waits: for its document or value, or for another resource.
struct NamedResource {
  std::string kind;
  std::string id;
  std::string handle;  ///< Empty if no document says it.
  std::string reason;  ///< Quarantined: the gateway's, as stored. Waiting: what for.
  Instant since;       ///< Quarantined: wall clock. Waiting: unset.
  friend bool operator==(const NamedResource&, const NamedResource&) = default;
};

inline constexpr std::size_t kMaxQuarantinedShown = 1000;
inline constexpr std::size_t kMaxWaitingShown = 100;

/// What `/status` and `/metrics` show of the store. Its cost does not follow the number of resources.
struct Overview {
  std::int64_t revision = 0;
  std::vector<std::pair<std::string, std::int64_t>> offered_by_kind;  ///< Kinds of which something is offered.
  std::int64_t offered_count = 0;
  std::vector<NamedResource> quarantined;  ///< The first kMaxQuarantinedShown by kind and id.
  std::int64_t quarantined_count = 0;
  std::vector<sync::Hold> holds;
  std::vector<NamedResource> waiting;  ///< The first kMaxWaitingShown.
  std::int64_t waiting_count = 0;
  std::int64_t outbox_acks = 0;
  std::vector<std::pair<std::string, Instant>> event_timestamps;
};

}  // namespace tether::store
