#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "tether/protocol/kinds.h"

namespace tether::protocol {

/// The kinds that sensitive_values() finds something in.
inline constexpr std::array<std::string_view, 4> kSensitiveKinds = {kSecret, kHmacSecret, kSubscription, kApiKey};

/// Whether a body of this kind may hold a credential and is not stored in the clear: a secret value, a token or a hash,
/// or an artifact's document, in which one may stand anywhere. True for kinds that are not known.
bool may_hold_credentials(std::string_view kind);

/// The texts in a resource's `data` that nobody may read in a log or a status: secret values, subscription tokens, key
/// hashes. Empty for other kinds, and for what is no JSON object.
std::vector<std::string> sensitive_values(std::string_view kind, std::string_view data);
/// The same for the line that carries such a resource to the gateway.
std::vector<std::string> sensitive_in_line(std::string_view kind, std::string_view line);

}  // namespace tether::protocol
