#pragma once

#include <set>
#include <string>

#include "tether/sync/records.h"

namespace tether::sync {

/// Takes what cannot be read any more (another key, damage) for not here, so that it is asked for again: documents by
/// their id, secrets by value, other kinds by their listings. Nothing is removed because of it: what is offered stays
/// offered, and is `lost` until it is here again. What can be read again after all is not lost.
void review_lost(Records& records);
/// Whether a list would show again what is offered and cannot be read. Of the rest events alone tell, which nobody can
/// say agreement of; `unshown` are the scopes of lists that the control plane does not show.
bool is_lost_from_lists(Records& records, const std::set<std::string>& unshown);

}  // namespace tether::sync
