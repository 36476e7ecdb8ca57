#pragma once

#include <span>
#include <string_view>

#include "tether/base/result.h"
#include "tether/store/connection.h"

namespace tether::store {

/// The files of schema/ in order, compiled in. `PRAGMA user_version` counts how many of them a database has seen.
std::span<const std::string_view> migrations();

/// Brings a database up to date in one transaction. Reject: a newer version wrote it. Corrupt, Retry: as usual.
Result<Done> migrate(Connection& connection);
/// The same with these files in place of the compiled ones.
Result<Done> migrate(Connection& connection, std::span<const std::string_view> steps);

}  // namespace tether::store
