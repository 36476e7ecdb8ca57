#include "tether/net/loop.h"

#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <csignal>
#include <memory>
#include <thread>
#include <vector>

#include "client.h"

using namespace tether;
using namespace tether::net;
using namespace tether::net::testing;

TEST_CASE("work posted from another thread runs on the loop thread, in order") {
  Loop loop;
  std::vector<int> seen;
  bool on_loop_thread = true;
  const auto loop_thread = std::this_thread::get_id();

  std::thread other([&] {
    for (int i = 0; i < 100; ++i) {
      loop.post([&seen, &on_loop_thread, loop_thread, i] {
        seen.push_back(i);
        on_loop_thread = on_loop_thread && std::this_thread::get_id() == loop_thread;
      });
    }
  });
  REQUIRE(run_until(loop, [&] { return seen.size() == 100; }));
  other.join();

  CHECK(std::is_sorted(seen.begin(), seen.end()));
  CHECK(on_loop_thread);
}

TEST_CASE("a timer calls back once, at its time and not before") {
  Loop loop;
  int calls = 0;
  Timer timer(loop, [&] { ++calls; });
  const TimePoint at = Clock::now() + 30ms;

  timer.arm(at);
  REQUIRE(run_until(loop, [&] { return calls > 0; }));
  CHECK(Clock::now() >= at);
  run_for(loop, 60ms);

  CHECK(calls == 1);
}

TEST_CASE("a timer that is armed again forgets the time before; a cancelled one forgets all") {
  Loop loop;
  int calls = 0;
  Timer again(loop, [&] { ++calls; });
  Timer cancelled(loop, [&] { calls += 100; });

  again.arm(Clock::now() - 1s);
  cancelled.arm(Clock::now() - 1s);
  again.arm(Clock::now() + 20ms);
  cancelled.cancel();
  REQUIRE(run_until(loop, [&] { return calls > 0; }));
  run_for(loop, 40ms);

  CHECK(calls == 1);
}

TEST_CASE("a timer may be destroyed in its own callback") {
  Loop loop;
  std::unique_ptr<Timer> timer;
  bool called = false;
  timer = std::make_unique<Timer>(loop, [&] {
    timer.reset();
    called = true;
  });
  timer->arm(Clock::now());

  CHECK(run_until(loop, [&] { return called; }));
}

TEST_CASE("signals call back instead of ending the process") {
  Loop loop;
  int terminations = 0;
  int reloads = 0;
  int user_signals = 0;
  loop.on_terminate([&] { ++terminations; });
  loop.on_reload([&] { ++reloads; });
  loop.on_user_signal([&] { ++user_signals; });

  std::raise(SIGTERM);
  REQUIRE(run_until(loop, [&] { return terminations == 1; }));
  std::raise(SIGINT);
  REQUIRE(run_until(loop, [&] { return terminations == 2; }));
  std::raise(SIGHUP);
  REQUIRE(run_until(loop, [&] { return reloads == 1; }));
  std::raise(SIGUSR1);
  REQUIRE(run_until(loop, [&] { return user_signals == 1; }));
}

TEST_CASE("a descriptor that can be read calls back, and stays open when its watch goes") {
  Loop loop;
  std::array<int, 2> pipe_ends{};
  REQUIRE(::pipe(pipe_ends.data()) == 0);
  int calls = 0;
  auto watch = std::make_unique<FdWatch>(loop, pipe_ends[0], [&] {
    char byte = 0;
    if (::read(pipe_ends[0], &byte, 1) == 1) ++calls;
  });

  REQUIRE(::write(pipe_ends[1], "ab", 2) == 2);
  CHECK(run_until(loop, [&] { return calls == 2; }));

  watch.reset();
  REQUIRE(::write(pipe_ends[1], "c", 1) == 1);
  run_for(loop, 20ms);
  CHECK(calls == 2);
  char byte = 0;
  CHECK(::read(pipe_ends[0], &byte, 1) == 1);
  ::close(pipe_ends[0]);
  ::close(pipe_ends[1]);
}
