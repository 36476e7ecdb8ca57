#include "tether/peers/observed.h"

#include <algorithm>

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
  std::chrono::milliseconds longest{0};
  for (const auto& [number, link] : links) longest = std::max(longest, link.max_pong_delay);
  return longest;
}

Duration Observed::shortest_dial_gap() const {
  Duration shortest = Duration::max();
  for (std::size_t i = 1; i < dials.size(); ++i) shortest = std::min(shortest, dials[i] - dials[i - 1]);
  return shortest;
}

}  // namespace tether::peers
