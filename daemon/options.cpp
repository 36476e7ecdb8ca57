#include "options.h"

#include <CLI/CLI.hpp>
#include <iostream>

#include "daemon.h"

namespace tether::daemon {

ParsedOptions parse_options(int argc, const char* const* argv, const std::string& version) {
  CLI::App app("Holds an API gateway's connection to its control plane and keeps the gateway configured.", "tetherd");
  Options options;
  std::string config;
  app.set_version_flag("--version", "tetherd " + version);
  auto* config_option = app.add_option("--config", config, "A YAML file with settings; the environment wins over it");
  auto* check =
      app.add_subcommand("check-config", "Check all settings, print the effective ones without secrets, and end");
  check->fallthrough();
  auto* release = app.add_subcommand(
      "release-deletions",
      "Show what the running daemon's deletion brake holds, or keeps from the gateway, ask, and let it go");
  release->fallthrough();
  release->add_flag("--yes", options.yes, "Agree without being asked");
  auto* accept = app.add_subcommand(
      "accept-identity",
      "Show the gateway id in service and the one staged beside it, ask, and let that one take over");
  accept->fallthrough();
  accept->add_flag("--yes", options.yes, "Agree without being asked");
  app.require_subcommand(0, 1);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int status = app.exit(error, std::cout, std::cerr);
    return {std::nullopt, status == 0 ? kStopped : kBadSettings};
  }
  if (*config_option) options.config_path = config;
  if (*check) options.command = Options::Command::CheckConfig;
  if (*release) options.command = Options::Command::ReleaseDeletions;
  if (*accept) options.command = Options::Command::AcceptIdentity;
  return {options, kStopped};
}

}  // namespace tether::daemon
