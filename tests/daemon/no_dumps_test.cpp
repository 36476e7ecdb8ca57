#include "no_dumps.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

using namespace tether::daemon;

namespace {

constexpr int kForbidden = 0;
constexpr int kTraceable = 1;
constexpr int kLimitLeft = 2;

/// In a process of its own: the limit cannot be lifted again.
int state_after_forbidding() {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    forbid_core_dumps();
    rlimit limit{1, 1};
    ::getrlimit(RLIMIT_CORE, &limit);
    int state = kForbidden;
    if (::prctl(PR_GET_DUMPABLE) != 0) state |= kTraceable;
    if (limit.rlim_cur != 0 || limit.rlim_max != 0) state |= kLimitLeft;
    ::_exit(state);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("a process that forbids core dumps can neither be dumped nor traced by its own user") {
  CHECK(state_after_forbidding() == kForbidden);
}
