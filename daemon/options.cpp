#include "options.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <string>
#include <vector>

#include "daemon.h"
#include "tether/protocol/kinds.h"
#include "tether/store/catalogue.h"

namespace tether::daemon {
namespace {

/// A sub-command that chooses `command`. The options outlive the app.
CLI::App* add(CLI::App& app, Options& options, Options::Command command, const char* name, const char* does) {
  CLI::App* out = app.add_subcommand(name, does);
  out->fallthrough();
  out->callback([&options, command] { options.command = command; });
  return out;
}

/// A kind that is known in the case that it is stored in; another one as it is.
std::string as_stored(const std::string& kind) {
  for (const auto known : protocol::known_kinds()) {
    if (CLI::ignore_case(std::string(known)) == CLI::ignore_case(kind)) return std::string(known);
  }
  return kind;
}

/// What is wrong with the command line. The library's own words name an option and what was expected of it; of a word
/// that is no sub-command they say nothing.
std::string sentence(const CLI::App& app, const CLI::ParseError& error) {
  const auto chosen = app.get_subcommands();
  const CLI::App& at = chosen.empty() ? app : *chosen.front();
  const auto left = app.remaining(/*recurse=*/true);
  const bool needs_another = at.get_require_subcommand_min() > 0 && at.get_subcommands().empty();
  const std::string command = chosen.empty() ? "tetherd" : "tetherd " + at.get_name();
  if (!left.empty() && left.front().starts_with('-')) return command + " has no option " + left.front();
  if (!left.empty() && (chosen.empty() || needs_another)) return command + " has no sub-command " + left.front();
  if (!left.empty()) return command + " does not expect " + left.front();
  return needs_another ? command + " needs a sub-command" : error.what();
}

/// 2, but not of what a container's check may run: there 2 is reserved (see main.cpp).
int status_of_mistake(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  const std::string command = chosen.empty() ? "" : chosen.front()->get_name();
  return command == "health" || command == "doctor" ? kCouldNotStart : kBadSettings;
}

void add_resources(CLI::App& app, Options& options) {
  auto* resources = add(app, options, Options::Command::Resources, "resources",
                        "List what the running daemon has stored, or show one resource and why it is or is not in "
                        "service");
  std::vector<std::string> states;
  for (std::size_t i = 0; i < store::kStandings; ++i) {
    states.emplace_back(store::name_of(static_cast<store::Standing>(i)));
  }
  auto* name = resources->add_option("NAME", options.name, "An id, a handle or a name: all that is known of that one");
  resources->add_option("--kind", options.kind, "Only of this kind: RestApi, ApiKey and so on, in any case")
      ->transform(as_stored);
  auto* state = resources->add_option("--state", options.state, "Only in this state");
  state->check(CLI::IsMember(states))->excludes(name);
  resources->add_flag("--json", options.json, "A JSON object a line instead");
}

void add_database(CLI::App& app, Options& options) {
  using Command = Options::Command;
  auto* database = app.add_subcommand("db", "Check or back up the store, beside a running daemon or without one");
  database->fallthrough();
  database->require_subcommand(1);
  add(*database, options, Command::DatabaseCheck, "check", "Read all of it, and say whether it is sound");
  auto* backup =
      add(*database, options, Command::DatabaseBackup, "backup", "Write a copy that its owner alone may read");
  backup->add_option("FILE", options.file, "A file that is not there yet")->required();
}

void add_events(CLI::App& app, Options& options) {
  auto* events = add(app, options, Options::Command::Events, "events",
                     "Show the last events that came from the control plane, and what has become of each");
  events->add_flag("--follow", options.follow, "And those that come, and what becomes of them, until Ctrl-C");
  events->add_option("--count", options.count, "How many of the last ones")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  events->add_flag("--json", options.json, "A JSON object a line instead");
}

void add_commands_that_tell(CLI::App& app, Options& options) {
  using Command = Options::Command;
  add(app, options, Command::CheckConfig, "check-config",
      "Check all settings, print the effective ones without secrets, and end");
  auto* status = add(app, options, Command::Status, "status",
                     "Say what the running daemon is connected to, since when it is in sync, what is wrong and what "
                     "to do about it");
  status->add_flag("--json", options.json, "The document of /status instead");
  status->add_flag("--watch", options.watch, "Again every two seconds, until Ctrl-C");
  add_resources(app, options);
  add_events(app, options);
  add_database(app, options);
  add(app, options, Command::Doctor, "doctor",
      "Try each step from the settings to the control plane and the gateway, and say what to do where one fails");
  auto* health = add(app, options, Command::Health, "health",
                     "For the checks of a container: exit status 0 while the running daemon is alive, else 1");
  health->add_flag("--ready", options.ready, "Only if the gateway has answered a push, too");
}

void add_commands_that_agree(CLI::App& app, Options& options) {
  using Command = Options::Command;
  auto* release = add(app, options, Command::ReleaseDeletions, "release-deletions",
                      "Show what the running daemon's deletion brake holds, or keeps from the gateway, ask, and let "
                      "it go");
  auto* accept = add(app, options, Command::AcceptIdentity, "accept-identity",
                     "Show the gateway id in service and the one staged beside it, ask, and let that one take over");
  for (auto* command : {release, accept}) command->add_flag("--yes", options.yes, "Agree without being asked");
}

}  // namespace

ParsedOptions parse_options(int argc, const char* const* argv, const std::string& version) {
  CLI::App app("Holds an API gateway's connection to its control plane and keeps the gateway configured.", "tetherd");
  Options options;
  std::string config;
  app.set_version_flag("--version", "tetherd " + version);
  auto* config_option = app.add_option("--config", config, "A YAML file with settings; the environment wins over it");
  add_commands_that_tell(app, options);
  add_commands_that_agree(app, options);
  app.require_subcommand(0, 1);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Help and version were asked for, and come by the same way.
    if (error.get_exit_code() == 0) return {std::nullopt, app.exit(error, std::cout, std::cerr)};
    std::cerr << "tetherd: " << sentence(app, error) << ". See `tetherd --help`\n";
    return {std::nullopt, status_of_mistake(app)};
  }
  if (*config_option) options.config_path = config;
  return {options, kStopped};
}

}  // namespace tether::daemon
