#include "no_dumps.h"

#include <sys/prctl.h>
#include <sys/resource.h>

namespace tether::daemon {

void forbid_core_dumps() {
  // Either would do; a core_pattern that pipes to a program ignores the limit, and a program that was started with the
  // right to more could raise it.
  prctl(PR_SET_DUMPABLE, 0);
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
}

}  // namespace tether::daemon
