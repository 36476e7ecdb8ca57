#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tether::protocol {

/// Whether a body of this kind may hold a credential and is not stored in the clear: a secret value, a token or a hash,
/// or an artifact's document, in which one may stand anywhere. True for kinds that are not known.
bool may_hold_credentials(std::string_view kind);

/// The texts in a resource's `data` or an artifact's document that nobody may read in a log or a status: secret values,
/// subscription tokens, key hashes, and the credentials of DocumentFacts. Empty for what cannot be read.
std::vector<std::string> sensitive_values(std::string_view kind, std::string_view content);

}  // namespace tether::protocol
