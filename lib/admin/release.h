#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tether/admin/operator_command.h"
#include "tether/admin/status.h"
#include "tether/base/result.h"

/// `tetherd release-deletions`, which lets go what the deletion brake holds and a push that would take away most of
/// what the gateway has: what the command and the daemon say to each other, and what the command tells its operator.
/// Pure, but for the functions that it is given.
namespace tether {

inline constexpr const char* kReleaseCommand = "release-deletions";

/// A held listing that an operator was shown, and agrees to.
struct AgreedHold {
  std::string listing;
  std::int64_t noted = 0;  ///< HoldNote::noted as it was shown.
  friend bool operator==(const AgreedHold&, const AgreedHold&) = default;
};

/// All of them, and the push to the gateway that is held.
struct AgreedRelease {
  std::vector<AgreedHold> holds;
  std::optional<HeldPush> push = {};
  friend bool operator==(const AgreedRelease&, const AgreedRelease&) = default;
};

/// `{"holds":[{"listing":"deployments","noted":42}]}`, with or without a member `push` as `gateway.held_push` of
/// `/status`.
std::string write_release(const AgreedRelease& agreed);
/// Reject: it is not that, or agrees to nothing. At most kMaxAgreedHolds.
Result<AgreedRelease> read_release(std::string_view body);
inline constexpr std::size_t kMaxAgreedHolds = 1000;

/// One line saying why the daemon cannot do what is agreed to; nothing: it can.
std::optional<std::string> why_not_release(const Status& status, const AgreedRelease& agreed);

/// Shows what is held, asks (unless `yes`), tells the daemon, and watches what comes of it.
CommandEnd release_deletions(const CommandEnds& ends, bool yes);

}  // namespace tether
