#pragma once

#include "tether/sync/context.h"

/// The listings that there is one of for each artifact: subscriptions, HMAC secrets (RULE.md section 13).
namespace tether::sync {

/// For how long after a sweep what it weighed may be confirmed.
inline constexpr Duration kWeighedFor = 300s;

/// Asks the next ones of the sweep, as far as it is time and there are places.
void ask_swept(Context& context);

/// Asks for the list of an artifact that comes into service, at `at`. What is stored of it counts for what others are
/// weighed against from now on, and no list has shown it yet: they are weighed once more, with its answer.
void list_coming(Context& context, Call call, const std::string& artifact_id, TimePoint at);

/// Whether a sweep at once that ended a moment ago weighed what this listing lacks against what all the others lack.
bool is_weighed(const Context& context, const std::string& scope);

}  // namespace tether::sync
