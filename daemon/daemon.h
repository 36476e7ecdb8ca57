#pragma once

#include <string>
#include <vector>

#include "tether/log/log.h"
#include "tether/settings/settings.h"
#include "tether/settings/unknown_variables.h"

namespace tether::daemon {

/// Exit statuses, as the README lists them.
inline constexpr int kStopped = 0;
inline constexpr int kCouldNotStart = 1;
inline constexpr int kBadSettings = 2;

/// Makes the parts, runs them until SIGTERM or SIGINT, and takes them down within 5 s. Returns the exit status; what
/// kept it from starting has then been written to standard error. Variables that are no setting are warned of.
int run_daemon(const Settings& settings, const std::vector<UnknownVariable>& unknown, const std::string& version);

}  // namespace tether::daemon
