#include "terminal_output.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include "daemon.h"

namespace tether::daemon {

void say(const std::string& text) {
  const bool written = std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
  if (written || errno == EPIPE) return;
  complain("cannot write its output: " + std::generic_category().message(errno) + "\n");
  std::_Exit(kCouldNotStart);
}

void write_to_error(const std::string& text) {
  std::fputs(text.c_str(), stderr);
}

void complain(const std::string& text) {
  write_to_error("tetherd: " + text);
}

}  // namespace tether::daemon
