#pragma once

#include <vector>

#include "options.h"
#include "tether/settings/settings.h"
#include "tether/settings/unknown_variables.h"

/// The sub-commands that tell a person something and change nothing. They return the exit status.
namespace tether::daemon {

/// `tetherd status`
int run_status(const AdminSettings& admin, const Options& options);
/// `tetherd resources`
int run_resources(const AdminSettings& admin, const Options& options);
/// `tetherd db check`, `tetherd db backup FILE`
int run_database_check(const Settings& settings);
int run_database_backup(const Settings& settings, const Options& options);
/// `tetherd doctor`
int run_doctor(const LoadedSettings& loaded, const std::vector<UnknownVariable>& unknown);
/// `tetherd events`
int run_events(const AdminSettings& admin, const Options& options);
/// `tetherd health`
int run_health(const AdminSettings& admin, const Options& options);

}  // namespace tether::daemon
