#pragma once

#include <string>

#include "tether/sync/records.h"

namespace tether::sync {

/// Shorter values are not looked for: they would blot out ordinary words.
inline constexpr std::size_t kMinSensitiveChars = 4;

/// What a gateway gave as its reason, fit to be stored and shown: every secret value that the refused version or
/// something it refers to holds is replaced, and it is cut to kMaxReasonChars.
std::string presentable_reason(Records& records, const Key& key, const Version& refused, const std::string& reason);

}  // namespace tether::sync
