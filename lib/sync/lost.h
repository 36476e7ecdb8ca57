#pragma once

#include "tether/sync/records.h"

namespace tether::sync {

/// Takes what cannot be read any more (another key, damage) for not here, so that it is asked for again: documents by
/// their id, secrets by value, other kinds by their listings. Nothing is removed because of it: what is offered stays
/// offered, and is `lost` until it is here again. What can be read again after all is not lost.
void review_lost(Records& records);

}  // namespace tether::sync
