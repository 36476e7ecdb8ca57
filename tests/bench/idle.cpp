#include "idle.h"

#include <filesystem>
#include <fstream>

#include "bench.h"
#include "usage.h"

namespace tether::bench {
namespace {

constexpr Duration kLooked = std::chrono::seconds(30);

struct Used {
  double cpu_s = 0;
  double switches = 0;
};

Used used_by(pid_t pid) {
  Used used;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    double ns = 0;
    std::ifstream(thread.path() / "schedstat") >> ns;
    used.cpu_s += ns / 1e9;
    std::ifstream status(thread.path() / "status");
    for (std::string word; status >> word;) {
      double count = 0;
      if (word == "voluntary_ctxt_switches:" && status >> count) used.switches += count;
    }
  }
  return used;
}

}  // namespace

Result<Idle> measure_idle(const std::string& program) {
  Bench bench;
  const auto prepared = prepare(bench);
  if (!prepared) return wrap("bench", prepared.error());
  auto daemon = start_daemon(bench, program);
  if (!daemon) return wrap("tetherd", daemon.error());
  if (!wait_until_in_sync(bench)) return fail(ErrorKind::Retry, "it did not say that it is in sync");
  const auto nothing = [](const peers::Observed&, const peers::Desire&) { return false; };
  bench.control_plane->wait_until(nothing, std::chrono::seconds(3));  // the start is over
  const Used before = used_by((*daemon)->pid());
  const TimePoint began = Clock::now();
  bench.control_plane->wait_until(nothing, kLooked);
  const Used after = used_by((*daemon)->pid());
  const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
  const peers::Memory memory = (*daemon)->memory();
  return Idle{(after.cpu_s - before.cpu_s) / seconds, (after.switches - before.switches) / seconds,
              static_cast<double>(memory.rss_kb), static_cast<double>(memory.pss_kb),
              static_cast<double>(private_dirty_kb((*daemon)->pid()))};
}

}  // namespace tether::bench
