#pragma once

#include "tether/settings/settings.h"

/// The sub-commands that talk to the daemon that listens there, and to the operator on the terminal. They return the
/// exit status.
namespace tether::daemon {

/// `tetherd release-deletions`
int run_release_deletions(const AdminSettings& admin, bool yes);
/// `tetherd accept-identity`
int run_accept_identity(const AdminSettings& admin, bool yes);

}  // namespace tether::daemon
