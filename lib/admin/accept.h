#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tether/admin/operator_command.h"
#include "tether/admin/status.h"
#include "tether/base/result.h"

/// `tetherd accept-identity`: an operator lets the staged identity take the place of the one in service although it has
/// little, nothing, or not all of its documents. Pure, but for the functions that it is given.
namespace tether {

inline constexpr const char* kAcceptCommand = "accept-identity";

/// `{"gateway_id":"…"}`: the staged identity that the operator was shown.
std::string write_acceptance(const std::string& gateway_id);
/// Reject: it is not that, with what would be right.
Result<std::string> read_acceptance(std::string_view body);

/// One line saying why the daemon cannot take this consent; nothing: it can. What no operator can make up for does not
/// forbid it: the identity takes over once that is there.
std::optional<std::string> why_not_accept(const Status& status, const std::string& gateway_id);

/// Shows both identities, asks (unless `yes`), tells the daemon, and watches until the staged one is in service. Asks
/// only when nothing but an operator is waited for: before that nobody knows what it will have.
CommandEnd accept_identity(const CommandEnds& ends, bool yes);

}  // namespace tether
