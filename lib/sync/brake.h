#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tether/sync/context.h"
#include "tether/sync/model.h"

/// The deletion brake (RULE.md section 7): a listing that lacks much is not believed, until it has lacked the same for
/// long, an operator agrees, or it does not lack it any more.
namespace tether::sync {

/// How soon a listing whose removals are held, or were released, is asked again.
inline constexpr Duration kAskHeldAgain = 60s;
/// The soonest, where a release by time is near.
inline constexpr Duration kAskHeldAtOnce = 1s;
/// Listings further apart than this have not confirmed what was between them: no more of it counts.
inline constexpr Duration kMaxHeldStep = 300s;

/// Whether a removal of `unseen` of `stored` is too much to believe.
bool brake_holds(std::int64_t stored, std::int64_t unseen);

/// A listing that lacks too much to be believed.
struct Lacking {
  std::int64_t link = 0;
  std::int64_t ended_ms = 0;      ///< When it ended, since the link began.
  std::int64_t asked_change = 0;  ///< The store's counter when it was asked,
  std::int64_t change = 0;        ///< and when it ended.
  std::int64_t fresh = 0;         ///< How much of what it lacks the one before did not lack.
  bool keeps_some = false;        ///< It has something that was here when the hold began.
};
/// What is left of a hold's release under this link: it ends with its own.
Release release_under(const Hold& hold, std::int64_t link);
/// What such a listing makes of a hold (one that has just begun has `noted` 0). What it lacks may go if `release` is
/// `Released` then.
Hold judge_hold(Hold hold, const Lacking& listing, Duration release_after);

/// How much longer listings have to lack the same for the brake to let it go by itself; nothing: it never does, since
/// an empty control plane is not believed by waiting. Zero once it is released.
std::optional<Duration> releases_in(const Hold& hold, Duration release_after);

/// What one listing lacks, when it has ended.
struct Missing {
  std::string kind;           ///< Empty: artifacts.
  std::string artifact_kind;  ///< As of ListingScope.
  std::string artifact_id;
  std::int64_t stored = 0;      ///< The sum that it is judged against.
  std::int64_t unseen = 0;      ///< What is missing of it.
  std::int64_t own = 0;         ///< Of that, what this listing lacks; the rest lack others of its kind.
  std::int64_t unanswered = 0;  ///< What belongs to listings of its kind that failed: at least so much.
  std::int64_t unshown = 0;     ///< What belongs to those that the control plane does not show; it is not in `stored`.
};
/// Notes or lifts the brake for a listing; true if it holds.
bool judge_brake(Context& context, const Asked& asked, const Missing& missing);
/// The listing lacks nothing that calls for a brake, or nothing is left that it could lack.
void lift_brake(Context& context, const std::string& scope);
/// What a listing said does not count for the brake (a row that cannot be read, 403, 404): one that is held is asked
/// again all the same, and not left to the next poll.
void ask_held_again(Context& context, const Asked& asked);
/// Whether the brake holds what a listing lacks, and nobody has released it.
bool is_held(Records& records, const std::string& scope);
/// What was released has gone: nothing is left to wait for. `missing` is what the listing lacks of what is left.
void end_release(Context& context, const std::string& scope, std::int64_t missing);
/// An answer to `exists` may have been the last that a released removal of artifacts waited for: a listing shows it.
void look_after_release(Context& context);

}  // namespace tether::sync
