#include <cstdio>

#include "daemon.h"
#include "no_dumps.h"
#include "operator_commands.h"
#include "options.h"
#include "terminal_commands.h"
#include "terminal_output.h"
#include "tether/settings/settings.h"
#include "tether/settings/unknown_variables.h"

namespace {

/// What is in the environment and does not keep the daemon from starting.
std::vector<std::string> complaints_of(const tether::LoadedSettings& loaded,
                                       const std::vector<tether::UnknownVariable>& unknown) {
  std::vector<std::string> out;
  out.reserve(unknown.size() + 1);
  for (const auto& variable : unknown) out.push_back(variable.sentence());
  const auto* proxy = loaded.settings ? &loaded.settings->control_plane.proxy.through : nullptr;
  if (proxy != nullptr && *proxy && !(*proxy)->why_unusable.empty()) out.push_back((*proxy)->why_unusable);
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace tether;
  daemon::forbid_core_dumps();
  const auto [options, exit_status] = daemon::parse_options(argc, argv, TETHER_VERSION);
  if (!options) return exit_status;

  const auto loaded = load_settings(process_environment(), options->config_path);
  const auto unknown = unknown_variables(process_variable_names());
  const auto complaints = complaints_of(loaded, unknown);
  const bool checks = options->command == daemon::Options::Command::CheckConfig;
  if (options->command == daemon::Options::Command::Doctor) return daemon::run_doctor(loaded, unknown);
  for (const auto& mistake : loaded.mistakes) std::fprintf(stderr, "%s\n", mistake.c_str());
  if (checks) {
    for (const auto& complaint : complaints) std::fprintf(stderr, "%s\n", complaint.c_str());
  }
  if (!loaded.settings || (checks && !complaints.empty())) {
    // Of a container's check 2 means nothing: https://docs.docker.com/reference/dockerfile/#healthcheck
    const bool is_health = options->command == daemon::Options::Command::Health;
    return is_health ? daemon::kCouldNotStart : daemon::kBadSettings;
  }

  if (checks) {
    daemon::say(print_effective(*loaded.settings));
    return daemon::kStopped;
  }
  using Command = daemon::Options::Command;
  switch (options->command) {
    case Command::Status:
      return daemon::run_status(loaded.settings->admin, *options);
    case Command::Resources:
      return daemon::run_resources(loaded.settings->admin, *options);
    case Command::DatabaseCheck:
      return daemon::run_database_check(*loaded.settings);
    case Command::DatabaseBackup:
      return daemon::run_database_backup(*loaded.settings, *options);
    case Command::Events:
      return daemon::run_events(loaded.settings->admin, *options);
    case Command::Health:
      return daemon::run_health(loaded.settings->admin, *options);
    case Command::ReleaseDeletions:
      return daemon::run_release_deletions(loaded.settings->admin, options->yes);
    case Command::AcceptIdentity:
      return daemon::run_accept_identity(loaded.settings->admin, options->yes);
    case Command::Doctor:
    case Command::CheckConfig:
    case Command::Run:
      break;
  }
  return daemon::run_daemon(*loaded.settings, unknown, TETHER_VERSION);
}
