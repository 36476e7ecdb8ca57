#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "tether/base/result.h"

/// The JSON that an operator's command and the daemon exchange, as the sources of this library see it.
namespace tether {

using Json = nlohmann::json;

/// The body of a consent: an object of at most kMaxConsentBytes in which nothing stands deeper than `depth`; else
/// nullopt.
std::optional<Json> read_consent(std::string_view body, int depth);

/// `/status` as a command reads it. Reject: it is none of this version.
Result<Json> read_status(const Result<std::string>& body);
/// The state of the link in it; `connected` if it is up.
std::string link_state(const Json& status);

/// A member as text that can stand on a terminal: names come from outside.
std::string shown_text(const Json& object, const char* member);
/// Zero if it is none.
std::int64_t shown_number(const Json& object, const char* member);

}  // namespace tether
