#include "tether/admin/operator_command.h"

#include <string>

namespace tether {

std::optional<CommandEnd> hand_over(const CommandEnds& ends, bool yes, const std::string& body, const char* not_done) {
  const auto answer = yes ? std::optional(true) : ends.ask();
  if (!answer) {
    ends.complain("standard input is no terminal: --yes agrees without being asked\n");
    return CommandEnd::NotAsked;
  }
  if (!*answer) {
    ends.say("nothing is done\n");
    return CommandEnd::NotDone;
  }
  if (const auto taken = ends.agree(body); !taken) {
    ends.complain(std::string(not_done) + ": " + taken.error().message + "\n");
    return CommandEnd::NotDone;
  }
  return std::nullopt;
}

}  // namespace tether
