#pragma once

#include "tether/store/connection.h"
#include "tether/store/overview.h"

namespace tether::store {

/// Reads it in a few look-ups of indexes; its error is the connection's.
Overview read_overview(Connection& connection);

}  // namespace tether::store
