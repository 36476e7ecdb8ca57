#include "latency.h"

#include <algorithm>
#include <csignal>

#include "bench.h"

namespace tether::bench {
namespace {

/// The events of the first seconds of a link are in doubt, because they may be history that a listing has spoken about:
/// changes of that time do not count.
constexpr Duration kWarmUp = std::chrono::seconds(3);

bool comes_to_hold(const peers::Gateway& gateway, const std::string& kind, const std::string& id,
                   const std::string& part) {
  return gateway.wait_until(
      [&](const peers::GatewayView& view) {
        const auto found = view.config.resources.find({kind, id});
        return found != view.config.resources.end() && found->second.find(part) != std::string::npos;
      },
      kLimit);
}

}  // namespace

Percentiles percentiles_of(std::vector<std::chrono::nanoseconds> times) {
  std::ranges::sort(times);
  const auto at = [&times](std::size_t hundredths) { return times[(times.size() - 1) * hundredths / 100]; };
  return {at(50), at(99), times.back()};
}

Result<Latency> measure_latency(const std::string& program, std::size_t changes) {
  Bench bench;
  const auto prepared = prepare(bench);
  if (!prepared) return wrap("bench", prepared.error());
  const auto api = bench.control_plane->deploy("RestApi", "petstore");
  // Each deployment brings the events of all keys of its API again: the keys are another one's.
  const auto keyed = bench.control_plane->deploy("RestApi", "keyed");
  auto daemon = start_daemon(bench, program);
  if (!daemon) return wrap("tetherd", daemon.error());
  if (!wait_until_in_sync(bench)) return fail(ErrorKind::Retry, "it did not say that it is in sync");

  std::vector<std::chrono::nanoseconds> with_fetch;
  std::vector<std::chrono::nanoseconds> with_content;
  const TimePoint counted_from = Clock::now() + kWarmUp;
  for (std::size_t i = 0; with_content.size() < changes; ++i) {
    TimePoint began = Clock::now();
    const bool counts = began >= counted_from;
    const auto deployed = bench.control_plane->redeploy(api.artifact_id);
    if (!comes_to_hold(*bench.gateway, "RestApi", api.artifact_id, deployed.deployment_id)) {
      return fail(ErrorKind::Retry, "a deployment did not arrive");
    }
    if (counts) with_fetch.push_back(Clock::now() - began);
    began = Clock::now();
    const auto key = bench.control_plane->change(
        [&](peers::Desire& desire) { return desire.create_key(keyed.artifact_id, "key-" + std::to_string(i)); });
    if (!key) return wrap("key", key.error());
    if (!comes_to_hold(*bench.gateway, "ApiKey", *key, "")) return fail(ErrorKind::Retry, "a key did not arrive");
    if (counts) with_content.push_back(Clock::now() - began);
  }
  (*daemon)->signal(SIGTERM);
  if ((*daemon)->wait_for_exit() != 0) return fail(ErrorKind::Retry, "it did not stop as asked");
  return Latency{percentiles_of(std::move(with_fetch)), percentiles_of(std::move(with_content))};
}

}  // namespace tether::bench
