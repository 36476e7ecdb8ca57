#pragma once

#include <cstdint>
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

/// The staged identity as an operator was shown it, and agrees to.
struct AgreedIdentity {
  std::string gateway_id;
  std::string waits_for;
  std::uint64_t deployed = 0;
  std::uint64_t documents = 0;
  std::uint64_t resources = 0;
  std::uint64_t in_service = 0;  ///< The resources of the one that would go.
  friend bool operator==(const AgreedIdentity&, const AgreedIdentity&) = default;
};

/// A JSON object with these members.
std::string write_acceptance(const AgreedIdentity& agreed);
/// Reject: it is not that, with what would be right.
Result<AgreedIdentity> read_acceptance(std::string_view body);

/// One line saying why the daemon cannot take this consent; nothing: it can. Anything that is not as it was shown
/// forbids it, and so does what no operator can make up for.
std::optional<std::string> why_not_accept(const Status& status, const AgreedIdentity& agreed);

/// Shows both identities, asks (unless `yes`), tells the daemon, and watches until the staged one is in service. Asks
/// only when nothing but an operator is waited for: before that nobody knows what it will have.
CommandEnd accept_identity(const CommandEnds& ends, bool yes);

}  // namespace tether
