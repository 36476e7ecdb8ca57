#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "screen.h"
#include "stage.h"

namespace tether::demo {

/// Collects what the three say about themselves: the control plane's journal, tetherd's log, and what the gateway
/// prints. Each call gives what is new since the one before, in words.
class Timeline {
 public:
  explicit Timeline(Stage& stage) : stage_(stage) {}

  std::vector<Happening> news();

  // A process was started anew, so its words begin at the beginning.
  void control_plane_is_new() { next_entry_ = 0; }
  void gateway_is_new() { gateway_lines_ = 0; }

 private:
  void read_control_plane(std::vector<Happening>& news);
  void read_tetherd(std::vector<Happening>& news);
  void read_gateway(std::vector<Happening>& news);
  std::optional<Happening> of_entry(const nlohmann::json& entry);

  Stage& stage_;
  std::uint64_t next_entry_ = 0;
  std::size_t tetherd_lines_ = 0;
  std::size_t gateway_lines_ = 0;
  std::map<std::string, Instant> event_sent_;  ///< By artifact: when its newest deployment event left.
};

}  // namespace tether::demo
