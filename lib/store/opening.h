#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tether/base/result.h"
#include "tether/store/connection.h"
#include "tether/store/state_folder.h"
#include "tether/store/store.h"

namespace tether::store {

std::string database_file(const StateFolder& folder);

/// Opens the database to write, checked and with its schema up to date. A damaged one is moved aside first; `notes`
/// gets a sentence about it. No other connection to it may be open.
Result<std::unique_ptr<Connection>> open_database(const StateFolder& folder, const StoreOptions& options,
                                                  std::vector<std::string>& notes);

}  // namespace tether::store
