#pragma once

#include <string>
#include <vector>

#include "tether/base/result.h"
#include "tether/store/connection.h"
#include "tether/store/store.h"

namespace tether::store {

/// Finds bodies that cannot be read any more and has the rule take them for not here (sync/lost.h), in a transaction of
/// its own; `notes` gets a sentence if there are any. It looks at the key that the store was last seen with, and reads
/// all bodies only if the store is `distrusted`. `key`: where the present one is from, in words.
Result<Done> look_for_lost_content(Connection& connection, bool distrusted, const std::string& key,
                                   std::vector<OpenedNote>& notes);

}  // namespace tether::store
