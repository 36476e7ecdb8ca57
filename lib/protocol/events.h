#pragma once

#include <string_view>

#include "tether/protocol/frames.h"
#include "tether/protocol/json.h"

namespace tether::protocol {

bool is_known_event(std::string_view type);

/// The body of an event whose type is known; internal to parse_frame. Reject names the member.
Result<EventBody> read_event_body(std::string_view type, const json::Object& payload);

}  // namespace tether::protocol
