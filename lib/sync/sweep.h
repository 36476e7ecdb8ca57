#pragma once

#include "tether/sync/context.h"

/// The listings that there is one of for each artifact: subscriptions, HMAC secrets (RULE.md section 13).
namespace tether::sync {

/// For how long after a sweep what it weighed may be confirmed.
inline constexpr Duration kWeighedFor = 300s;

/// Asks the next ones of the sweep, as far as it is time and there are places.
void ask_swept(Context& context);

/// Whether a sweep at once that ended a moment ago weighed what this listing lacks against what all the others lack.
bool is_weighed(const Context& context, const std::string& scope);

}  // namespace tether::sync
