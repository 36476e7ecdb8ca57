#include "tether/sync/standing.h"

#include <algorithm>

#include "tether/sync/lost.h"
#include "tether/sync/questions.h"

namespace tether::sync {

OpenWork update_standing(Records& records, Memory& memory) {
  Standing& standing = memory.standing;
  const OpenWork open = records.open_work();
  const bool quiet = !open.is_any() && !memory.relist_due && memory.hints.empty() && memory.unreadable.empty() &&
                     memory.unconfirmed.empty() && memory.planner.owes_nothing();
  standing.identity_served = memory.side == Side::Served;
  if (standing.identity_served) standing.other_gateway_id.clear();
  standing.settled = memory.identified && standing.identity_served && memory.listed && quiet;
  standing.in_sync = standing.settled && !open.refused && !(open.lost && is_lost_from_lists(records, memory.unshown));
  if (standing.in_sync) standing.proven = memory.listed_asked;
  memory.all_listed = memory.all_listed || (standing.identity_served && memory.identified && memory.listed &&
                                            memory.planner.everything_answered());
  const bool may_be_read_yet = std::any_of(memory.unreadable.begin(), memory.unreadable.end(),
                                           [](const auto& list) { return list.second < kUnreadableForGood; });
  // What a list that is not believed lacks is as old as the store, which the gateway may be ahead of.
  const bool in_question =
      open.doubts || memory.relist_due || open.questions || open.unheld || open.unreleased || may_be_read_yet;
  standing.complete = standing.identity_served && memory.listed_since_start && memory.all_listed && !in_question &&
                      (!open.documents || lacks_only_what_does_not_come(records, memory));
  standing.contains_known = standing.identity_served && memory.listing_knew;
  standing.lost_stays =
      memory.identified && memory.link > memory.lost_under && memory.planner.first_round_done() && standing.complete;
  return open;
}

}  // namespace tether::sync
