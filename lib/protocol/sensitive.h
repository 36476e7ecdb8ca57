#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tether::protocol {

/// The texts in a resource's `data` that nobody may read in a log or a status: secret values, subscription tokens, key
/// hashes. Empty for other kinds, and for what is no JSON object.
std::vector<std::string> sensitive_values(std::string_view kind, std::string_view data);
/// The same for the line that carries such a resource to the gateway.
std::vector<std::string> sensitive_in_line(std::string_view kind, std::string_view line);

}  // namespace tether::protocol
