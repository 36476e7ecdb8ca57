#pragma once

#include "tether/sync/context.h"

namespace tether::sync {

/// Hands an event to the part that its kind belongs to.
void dispatch(Context& context, const protocol::Event& event);

}  // namespace tether::sync
