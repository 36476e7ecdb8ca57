#pragma once

#include "tether/sync/memory.h"
#include "tether/sync/records.h"

namespace tether::sync {

/// What to tell others of the identity in service (RULE.md section 14). Returns what is left to do for it.
OpenWork update_standing(Records& records, Memory& memory);

}  // namespace tether::sync
