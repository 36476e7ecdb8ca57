#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace tether::daemon {

/// The command line.
struct Options {
  enum class Command {
    Run,
    CheckConfig,
    Status,
    Health,
    Resources,
    DatabaseCheck,
    DatabaseBackup,
    Doctor,
    Events,
    ReleaseDeletions,
    AcceptIdentity
  } command = Command::Run;
  std::optional<std::string> config_path;
  bool yes = false;        ///< ReleaseDeletions, AcceptIdentity: agree without being asked.
  bool json = false;       ///< Status, Resources, Events: for programs.
  std::string name;        ///< Resources: that one alone. Empty: a list,
  std::string kind;        ///<   of this kind, or of that name. Empty: any.
  std::string state;       ///<   and in this state. Empty: all but those that are gone.
  bool follow = false;     ///< Events: those that come, too.
  std::size_t count = 20;  ///< Events: how many of the last ones.
  std::string file;        ///< DatabaseBackup: where to.
  bool ready = false;      ///< Health: whether the gateway has a configuration, too.
  bool watch = false;      ///< Status: again and again.
};

/// Reads the command line. Otherwise prints what was asked for (help, version) or what is wrong, and gives the exit
/// status.
struct ParsedOptions {
  std::optional<Options> options;
  int exit_status = 0;
};
ParsedOptions parse_options(int argc, const char* const* argv, const std::string& version);

}  // namespace tether::daemon
