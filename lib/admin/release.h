#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tether/admin/operator_command.h"
#include "tether/admin/status.h"
#include "tether/base/result.h"

/// `tetherd release-deletions`: what the command and the daemon say to each other, and what the command tells its
/// operator. Pure, but for the functions that it is given.
namespace tether {

inline constexpr const char* kReleaseCommand = "release-deletions";

/// A held listing that an operator was shown, and agrees to.
struct AgreedHold {
  std::string listing;
  std::int64_t noted = 0;  ///< HoldNote::noted as it was shown.
  friend bool operator==(const AgreedHold&, const AgreedHold&) = default;
};

/// `{"holds":[{"listing":"deployments","noted":42}]}`
std::string write_release(const std::vector<AgreedHold>& holds);
/// Reject: it is not that, with what is wrong. At most kMaxAgreedHolds.
Result<std::vector<AgreedHold>> read_release(std::string_view body);
inline constexpr std::size_t kMaxAgreedHolds = 1000;

/// One line saying why the daemon cannot ask for what is agreed to; nothing: it can.
std::optional<std::string> why_not_release(const Status& status, const std::vector<AgreedHold>& holds);

/// Shows what is held, asks (unless `yes`), tells the daemon, and watches what comes of it.
CommandEnd release_deletions(const CommandEnds& ends, bool yes);

}  // namespace tether
