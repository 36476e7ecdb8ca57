#pragma once

#include "tether/settings/settings.h"

namespace tether::daemon {

/// `tetherd release-deletions`: talks to the daemon that listens there, and to the operator on the terminal. Returns
/// the exit status.
int run_release_deletions(const AdminSettings& admin, bool yes);

}  // namespace tether::daemon
