#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tether/admin/status.h"
#include "tether/base/result.h"

/// `tetherd release-deletions`: what the command and the daemon say to each other, and what the command tells its
/// operator. Pure, but for the functions that it is given.
namespace tether {

/// Where the daemon takes an operator's consent, and the header that says that it is one: a page in a browser cannot
/// send it to another origin without asking first, which nobody answers.
inline constexpr const char* kReleasePath = "/release-deletions";
inline constexpr const char* kReleaseHeader = "X-Tetherd-Command";
inline constexpr const char* kReleaseHeaderValue = "release-deletions";

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
inline constexpr std::size_t kMaxReleaseBytes = std::size_t{256} * 1024;

/// One line saying why the daemon cannot ask for what is agreed to; nothing: it can.
std::optional<std::string> why_not_release(const Status& status, const std::vector<AgreedHold>& holds);

/// What the command does, besides deciding.
struct ReleaseEnds {
  std::function<Result<std::string>()> status;  ///< The body of `/status`.
  /// Hands over a consent; Reject with the daemon's words if it does not take it.
  std::function<Result<Done>(const std::string& body)> agree;
  std::function<std::optional<bool>()> ask;  ///< Asks the operator; nullopt: nobody is there to be asked.
  std::function<void(const std::string&)> say;
  std::function<void(const std::string&)> complain;
  std::function<void()> pause;  ///< For a second, until the daemon is looked at again.
};
enum class ReleaseEnd {
  Done,      ///< Nothing is held (any more).
  NotDone,   ///< The daemon is away or has no link, the operator said no, or it is still held.
  NotAsked,  ///< Nobody is there to be asked, and no `--yes` was given.
};
/// How often the daemon is looked at, a second apart, until what was agreed to is gone.
inline constexpr int kReleaseLooks = 120;

/// Shows what is held, asks (unless `yes`), tells the daemon, and watches what comes of it.
ReleaseEnd release_deletions(const ReleaseEnds& ends, bool yes);

}  // namespace tether
