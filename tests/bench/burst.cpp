#include "burst.h"

#include <csignal>

#include "bench.h"
#include "limits.h"
#include "tether/peers/admin_client.h"
#include "usage.h"

namespace tether::bench {
namespace {

constexpr std::size_t kEventsInTransaction = 100;

}  // namespace

Result<Burst> measure_burst(const std::string& program, std::size_t events) {
  Bench bench;
  const auto prepared = prepare(bench);
  if (!prepared) return wrap("bench", prepared.error());
  const auto ids = bench.control_plane->bulk_deploy("RestApi", events);
  bench.control_plane->change_faults([](peers::Faults& faults) { faults.replay = "none"; });
  auto daemon = start_daemon(bench, program);
  if (!daemon) return wrap("tetherd", daemon.error());
  if (!wait_until_in_sync(bench)) return fail(ErrorKind::Retry, "it did not say that it is in sync");
  // Later than the link's first second, of which events are in doubt.
  bench.control_plane->change_faults([](peers::Faults& faults) { faults.clock_offset_ms = 10'000; });
  const double commits = metric(bench, "tetherd_store_transactions_total");
  const double cpu_before = cpu_seconds((*daemon)->pid());
  const TimePoint began = Clock::now();
  bench.control_plane->change([&ids](peers::Desire& desire) {
    for (const auto& id : ids) static_cast<void>(desire.undeploy(id).has_value());
  });
  if (!wait_for_resources(*bench.gateway, 0)) return fail(ErrorKind::Retry, "not all of it arrived");
  const std::chrono::duration<double> took = Clock::now() - began;
  const double cpu = cpu_seconds((*daemon)->pid()) - cpu_before;
  Burst burst{static_cast<double>(events) / took.count(), cpu,
              metric(bench, "tetherd_store_transactions_total") - commits,
              metric(bench, "tetherd_events_dropped_total")};
  (*daemon)->signal(SIGTERM);
  if ((*daemon)->wait_for_exit() != 0) return fail(ErrorKind::Retry, "it did not stop as asked");
  const std::string stored = bench.folder.file("state") + "/tetherd.db";
  const auto counted = measure_upserts_of(stored, bench.folder.file("counted.db"), events);
  if (!counted) return tl::unexpected<Error>(counted.error());
  const std::size_t in_transaction = counted->rows * kEventsInTransaction / events;
  const auto upserts = measure_upserts_of(stored, bench.folder.file("upserts.db"), in_transaction);
  if (!upserts) return tl::unexpected<Error>(upserts.error());
  burst.rows = static_cast<double>(upserts->rows);
  burst.upserts_s = upserts->took_s;
  return burst;
}

}  // namespace tether::bench
