#include "release_deletions.h"

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <string>
#include <thread>

#include "daemon.h"
#include "tether/admin/admin_client.h"
#include "tether/admin/release.h"

namespace tether::daemon {
namespace {

std::optional<bool> ask_on_terminal() {
  if (::isatty(STDIN_FILENO) == 0) return std::nullopt;
  std::fputs("Let the control plane confirm this, and remove it? [y/N] ", stdout);
  std::fflush(stdout);
  std::string line;
  std::getline(std::cin, line);
  return line == "y" || line == "Y" || line == "yes";
}

}  // namespace

int run_release_deletions(const AdminSettings& admin, bool yes) {
  // Whoever reads the output may go: what was agreed to is watched to its end.
  std::signal(SIGPIPE, SIG_IGN);
  const AdminClient client(admin.host, admin.port);
  ReleaseEnds ends;
  ends.status = [&client] { return client.status(); };
  ends.agree = [&client](const std::string& body) { return client.release_deletions(body); };
  ends.ask = ask_on_terminal;
  ends.say = [](const std::string& text) {
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
  };
  ends.complain = [](const std::string& text) { std::fputs(("tetherd: " + text).c_str(), stderr); };
  ends.pause = [] { std::this_thread::sleep_for(std::chrono::seconds(1)); };
  switch (release_deletions(ends, yes)) {
    case ReleaseEnd::Done:
      return kStopped;
    case ReleaseEnd::NotDone:
      return kCouldNotStart;
    case ReleaseEnd::NotAsked:
      break;
  }
  return kBadSettings;
}

}  // namespace tether::daemon
