#include <cstdio>

#include "daemon.h"
#include "options.h"
#include "tether/settings/settings.h"

int main(int argc, char** argv) {
  using namespace tether;
  const auto [options, exit_status] = daemon::parse_options(argc, argv, TETHER_VERSION);
  if (!options) return exit_status;

  const auto loaded = load_settings(process_environment(), options->config_path);
  for (const auto& mistake : loaded.mistakes) std::fprintf(stderr, "%s\n", mistake.c_str());
  if (!loaded.settings) return daemon::kBadSettings;

  if (options->command == daemon::Options::Command::CheckConfig) {
    std::fputs(print_effective(*loaded.settings).c_str(), stdout);
    return daemon::kStopped;
  }
  return daemon::run_daemon(*loaded.settings, TETHER_VERSION);
}
