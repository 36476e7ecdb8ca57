#include "rest_pool.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <system_error>

namespace tether::daemon {
namespace {

constexpr std::size_t kMegabyte = std::size_t{1024} * 1024;
constexpr std::size_t kStackBytes = 256 * kMegabyte;

std::size_t address_space_in_use() {
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

/// While this is there, a few threads can be made and no more: there is room for the stacks of three.
class FewThreads {
 public:
  FewThreads() {
    pthread_attr_t large;
    REQUIRE(::pthread_getattr_default_np(&stack_before_) == 0);
    REQUIRE(::pthread_attr_init(&large) == 0);
    REQUIRE(::pthread_attr_setstacksize(&large, kStackBytes) == 0);
    REQUIRE(::pthread_setattr_default_np(&large) == 0);
    ::pthread_attr_destroy(&large);
    REQUIRE(::getrlimit(RLIMIT_AS, &limit_before_) == 0);
    rlimit limit = limit_before_;
    limit.rlim_cur = address_space_in_use() + 3 * kStackBytes + kStackBytes / 2;
    REQUIRE(::setrlimit(RLIMIT_AS, &limit) == 0);
  }
  ~FewThreads() {
    ::setrlimit(RLIMIT_AS, &limit_before_);
    ::pthread_setattr_default_np(&stack_before_);
    ::pthread_attr_destroy(&stack_before_);
  }
  FewThreads(const FewThreads&) = delete;
  FewThreads& operator=(const FewThreads&) = delete;

 private:
  pthread_attr_t stack_before_{};
  rlimit limit_before_{};
};

}  // namespace

TEST_CASE("a pool for which there are too few threads ends those that were made, and says so") {
  sync::Engine engine{sync::EngineOptions{}, 1};
  Inbox inbox;
  Metrics metrics("0", {});
  const Redactor redactor;
  Logger log(LogOptions{}, redactor);
  const auto make_pool = [&] {
    const RestPool pool(RestPoolOptions{}, engine, inbox, metrics, redactor, log, [](const RestEnd&) {});
  };

  {
    const FewThreads few;
    CHECK_THROWS_AS(make_pool(), std::system_error);
  }
  CHECK_NOTHROW(make_pool());
}

}  // namespace tether::daemon
