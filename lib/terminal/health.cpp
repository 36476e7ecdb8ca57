#include "tether/terminal/health.h"

#include "tether/base/controls.h"

namespace tether::terminal {

bool run_health(const HealthEnds& ends, bool ready) {
  const auto answer = ends.ask(ready ? "/readyz" : "/livez");
  if (answer) {
    // A daemon that is ready may have more to say: which agreement is stale.
    const auto more = ready ? answer->find(", but") : std::string::npos;
    ends.say(
        (ready ? "ready" : "alive") +
        (more == std::string::npos ? "\n" : without_controls(answer->substr(more, answer->find('\n') - more)) + "\n"));
    return true;
  }
  const bool nobody = answer.error().kind == ErrorKind::Retry;
  ends.complain((nobody ? "the daemon does not answer: " : (ready ? "not ready: " : "not alive: ")) +
                answer.error().message + "\n");
  return false;
}

}  // namespace tether::terminal
