#pragma once

#include "tether/protocol/frames.h"
#include "tether/protocol/json.h"

namespace tether::protocol {

// One resource from members that already have the names of the REST answers; internal. Events and rows both end here,
// so that a gateway cannot tell by which channel a resource came. Reject names the member.

/// `apiKeyHashes` may be an object or a string that holds one; `uuid` and `name` may be absent.
Result<ResourceState> key_state(json::Object data);
Result<ResourceState> plan_state(const json::Object& data);
Result<ResourceState> subscription_state(const json::Object& data);
Result<ResourceState> application_state(json::Object data);

}  // namespace tether::protocol
