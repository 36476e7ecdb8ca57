#include "operator_commands.h"

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <iostream>
#include <string>
#include <thread>

#include "admin_access.h"
#include "daemon.h"
#include "terminal_output.h"
#include "tether/admin/accept.h"
#include "tether/admin/release.h"

namespace tether::daemon {
namespace {

/// nullopt: there is no terminal.
std::optional<bool> ask_on_terminal(const std::string& question) {
  if (::isatty(STDIN_FILENO) == 0) return std::nullopt;
  say(question + " [y/N] ");
  std::string line;
  std::getline(std::cin, line);
  return line == "y" || line == "Y" || line == "yes";
}

int exit_status_of(CommandEnd end) {
  switch (end) {
    case CommandEnd::Done:
      return kStopped;
    case CommandEnd::NotDone:
      return kCouldNotStart;
    case CommandEnd::NotAsked:
      break;
  }
  return kBadSettings;
}

/// What a command named `name` does on this terminal and with the daemon that listens there. The client outlives it.
CommandEnds ends_of(const AdminClient& client, const std::string& name, const std::string& question) {
  // Whoever reads the output may go: what was agreed to is watched to its end.
  std::signal(SIGPIPE, SIG_IGN);
  CommandEnds ends;
  ends.status = [&client] { return client.status(); };
  ends.agree = [&client, name](const std::string& body) { return client.command(name, body); };
  ends.ask = [question] { return ask_on_terminal(question); };
  ends.say = say;
  ends.complain = complain;
  ends.pause = [] { std::this_thread::sleep_for(std::chrono::seconds(1)); };
  return ends;
}

}  // namespace

int run_release_deletions(const AdminSettings& admin, bool yes) {
  const AdminClient client = client_of(admin);
  const auto ends = ends_of(client, kReleaseCommand, "Let this go?");
  return exit_status_of(release_deletions(ends, yes));
}

int run_accept_identity(const AdminSettings& admin, bool yes) {
  const AdminClient client = client_of(admin);
  const auto ends = ends_of(client, kAcceptCommand, "Let it take the place of what is in service?");
  return exit_status_of(accept_identity(ends, yes));
}

}  // namespace tether::daemon
