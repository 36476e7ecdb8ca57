#pragma once

#include "tether/sync/context.h"

namespace tether::sync {

/// How often it is done.
inline constexpr Duration kHousekeepingInterval = std::chrono::minutes(1);

/// What time alone makes due: refused versions are tried again, tombstones that everybody knows of are dropped, and
/// marks that nothing will end any more (RULE.md sections 4, 8 and 10).
void housekeep(Context& context);

}  // namespace tether::sync
