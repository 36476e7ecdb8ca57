#pragma once

#include "tether/sync/context.h"

/// What the end of a listing means: absences, the deletion brake, and the marks that choose what is asked next
/// (RULE.md sections 3, 4, 7, 10 and 13). The rows themselves go to Artifacts and Resources as they arrive.
namespace tether::sync {

/// Below this overlap a delta could miss rows that became visible late (RULE.md section 10).
inline constexpr std::chrono::nanoseconds kSinceOverlap = std::chrono::seconds(120);
/// Added to what the control plane names as its present: `performedAt` is finer than its `Date`.
inline constexpr std::chrono::nanoseconds kHorizonSlack = std::chrono::seconds(1);

/// How the planner should take an outcome. That a list is not shown is an answer, and so is any refusal of the manifest
/// (409 …): asking again at once would change nothing, the next round asks again. A refused value (404, or 500, which
/// is what a deprecated one gets) is held back by itself.
bool is_answered(Call call, const RequestOutcome& outcome);
/// Whether the control plane says that it does not show this list (403, 404). Any other status says nothing about it.
bool is_unshown(const RequestOutcome& outcome);

/// Which stored resources a listing speaks about.
struct ListingScope {
  std::string kind;           ///< `ApiKey`, …
  std::string artifact_kind;  ///< Only those of artifacts of this kind; or empty.
  std::string artifact_id;    ///< Only those of this artifact; or empty.
};
/// Nothing for calls that list no resources.
std::optional<ListingScope> scope_of(const Asked& asked);

/// All is asked anew, as of a new link. So is what no round asks about: the lists that hints wait for, of which the
/// last link, the last process, or what was under way until now did not see the answer.
void begin_round(Context& context);

/// Asks for the keys of WebSub and WebBroker APIs while there are such APIs. When a listing of deployments was read to
/// its end, and before the planner is told: where that one ends a link's first round, these are part of it.
void list_experimental_keys(Context& context);
/// The manifest was answered.
void end_manifest(Context& context, const RequestOutcome& outcome);
/// A listing of deployments was read to its end.
void end_deployments(Context& context, Asked& asked, const RequestOutcome& outcome);
/// Any other listing was.
void end_resources(Context& context, const Asked& asked, const RequestOutcome& outcome);
/// The control plane does not show it (403, 404): events alone tell of what it would have.
void end_unshown(Context& context, const Asked& asked);

/// Rows that could not be read are in nobody's way once their list is not asked any more, since the last artifact of
/// its kind went.
void forget_unasked(Context& context);

/// The path of a listing, below the REST base.
std::string listing_path(Context& context, const Planner::Slot& slot);

}  // namespace tether::sync
