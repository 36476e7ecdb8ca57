#pragma once

#include <string>

#include "tether/base/result.h"

namespace tether {

/// A listening Unix socket with mode 0660, in the place of one that nobody listens on any more. Reject:
/// somebody listens there, something else than a socket is there, or it cannot be made; in one sentence part. The
/// caller closes it.
Result<int> listen_on_unix_socket(const std::string& path);

/// A connected one, which the caller closes; -1 with errno: there is none.
int connect_to_unix_socket(const std::string& path);

}  // namespace tether
