#include "first_sync.h"

#include <algorithm>
#include <csignal>

#include "bench.h"
#include "download.h"
#include "limits.h"
#include "usage.h"

namespace tether::bench {
namespace {

/// Longer than the daemon waits until it gives memory back.
constexpr Duration kQuiet = std::chrono::seconds(4);

/// The subscriptions of each API are listed after it says that it is in sync.
void wait_until_quiet(const Bench& bench) {
  std::size_t asked = 0;
  const auto more = [&asked](const peers::Observed& observed, const peers::Desire&) {
    return observed.rest.size() > asked;
  };
  do {
    asked = bench.control_plane->observed().rest.size();
  } while (bench.control_plane->wait_until(more, kQuiet));
}

}  // namespace

Result<FirstSync> measure_first_sync(const std::string& program, std::size_t resources) {
  Bench bench;
  const auto prepared = prepare(bench);
  if (!prepared) return wrap("bench", prepared.error());
  bench.control_plane->bulk_deploy("RestApi", resources);
  FirstSync result;
  result.resources = resources;

  // A first sync comes by lists: events of the same would be so much more work.
  bench.control_plane->change_faults([](peers::Faults& faults) { faults.replay = "none"; });
  const TimePoint started = Clock::now();
  auto daemon = start_daemon(bench, program);
  if (!daemon) return wrap("tetherd", daemon.error());
  if (!wait_for_resources(*bench.gateway, resources)) return fail(ErrorKind::Retry, "the first sync took too long");
  result.sync = Clock::now() - started;
  const std::size_t asked = bench.control_plane->observed().rest.size();
  result.sync_cpu_s = cpu_seconds((*daemon)->pid());
  if (!wait_until_in_sync(bench)) return fail(ErrorKind::Retry, "it did not say that it is in sync");
  wait_until_quiet(bench);
  const peers::Memory memory = (*daemon)->memory();
  result.peak_rss_kb = memory.peak_rss_kb;
  result.rss_kb = memory.rss_kb;
  result.pss_kb = memory.pss_kb;
  result.private_dirty_kb = private_dirty_kb((*daemon)->pid());
  (*daemon)->signal(SIGTERM);
  if ((*daemon)->wait_for_exit() != 0) return fail(ErrorKind::Retry, "it did not stop as asked");

  const auto download = download_with_curl(bench, asked);
  if (!download) return tl::unexpected<Error>(download.error());
  result.download = *download;

  bench.control_plane->kill();
  const auto emptied = bench.gateway->come_back(/*empty=*/true);
  if (!emptied) return wrap("gateway", emptied.error());
  const TimePoint restarted = Clock::now();
  daemon = start_daemon(bench, program);
  if (!daemon) return wrap("tetherd", daemon.error());
  if (!wait_for_resources(*bench.gateway, resources)) return fail(ErrorKind::Retry, "the store was not served");
  result.from_store = Clock::now() - restarted;
  std::uint64_t pushed = 0;
  for (const auto& request : bench.gateway->history()) pushed = std::max(pushed, request.body_bytes);
  const auto transfer = measure_transfer(pushed);
  if (!transfer) return tl::unexpected<Error>(transfer.error());
  result.transfer = *transfer;
  return result;
}

}  // namespace tether::bench
