#include "tether/peers/observed.h"

#include <algorithm>
#include <cmath>

namespace tether::peers {

std::size_t Observed::open_links() const {
  return static_cast<std::size_t>(std::ranges::count_if(links, [](const auto& link) { return link.second.open; }));
}

std::size_t Observed::calls(std::string_view call) const {
  return static_cast<std::size_t>(std::ranges::count(rest, call, &RestCall::call));
}

std::size_t Observed::acks_with(std::string_view artifact_id, std::string_view status) const {
  return static_cast<std::size_t>(std::ranges::count_if(acks, [artifact_id, status](const ReceivedAck& ack) {
    return ack.payload.value("artifactId", "") == artifact_id && ack.payload.value("status", "") == status;
  }));
}

std::chrono::milliseconds Observed::max_pong_delay() const {
  return pong_delay_of_share(1);
}

std::chrono::milliseconds Observed::pong_delay_of_share(double share) const {
  std::vector<std::chrono::milliseconds> delays;
  for (const auto& [number, link] : links)
    delays.insert(delays.end(), link.pong_delays.begin(), link.pong_delays.end());
  if (delays.empty()) return {};
  std::ranges::sort(delays);
  const auto counted = static_cast<std::size_t>(std::ceil(share * static_cast<double>(delays.size())));
  return delays[std::clamp<std::size_t>(counted, 1, delays.size()) - 1];
}

Duration Observed::shortest_dial_gap() const {
  Duration shortest = Duration::max();
  for (std::size_t i = 1; i < dials.size(); ++i) shortest = std::min(shortest, dials[i] - dials[i - 1]);
  return shortest;
}

}  // namespace tether::peers
