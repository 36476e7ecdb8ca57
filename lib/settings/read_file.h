#pragma once

#include <cstddef>
#include <string>

#include "tether/base/result.h"

namespace tether {

/// The content of a regular file of at most `max_bytes`. Reject: cannot be read (`No such file or directory`), is none
/// (a folder, a pipe), or is longer.
Result<std::string> read_file(const std::string& path, std::size_t max_bytes);

}  // namespace tether
