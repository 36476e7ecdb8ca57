#include "tether/terminal/health.h"

namespace tether::terminal {

bool run_health(const HealthEnds& ends, bool ready) {
  const auto answer = ends.ask(ready ? "/readyz" : "/livez");
  if (answer) {
    ends.say(ready ? "ready\n" : "alive\n");
    return true;
  }
  const bool nobody = answer.error().kind == ErrorKind::Retry;
  ends.complain((nobody ? "the daemon does not answer: " : (ready ? "not ready: " : "not alive: ")) +
                answer.error().message + "\n");
  return false;
}

}  // namespace tether::terminal
