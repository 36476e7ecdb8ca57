#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tether/base/time.h"
#include "tether/log/log.h"

namespace tether {

/// Counts faults that come again and again, so that each is written once a window. Holds at most `max_faults`; the one
/// that was written longest ago makes room. Knows no clock.
class Repeats {
 public:
  /// Times that a fault came and was not written.
  struct Unwritten {
    LogLevel level = LogLevel::Info;
    std::string event;
    std::string key;
    std::uint64_t count = 0;
  };

  struct Decision {
    bool write = false;
    std::uint64_t unwritten = 0;            ///< With `write`: how often it came in between.
    std::optional<Unwritten> made_room_by;  ///< Another fault's count, forgotten for this one; to be written first.
  };

  Repeats(Duration window, std::size_t max_faults) : window_(window), max_faults_(max_faults) {}

  Decision on_fault(LogLevel level, std::string_view event, std::string_view key, TimePoint now);

  /// Forgets this fault, or all of the event; gives the counts that are not 0.
  std::vector<Unwritten> take(std::string_view event, std::optional<std::string_view> key);
  std::vector<Unwritten> take_all();

 private:
  using Id = std::pair<std::string, std::string>;  ///< Event and key.
  struct Fault {
    LogLevel level;
    TimePoint written;
    std::uint64_t unwritten = 0;
  };

  std::optional<Unwritten> make_room();
  template <class Matches>
  std::vector<Unwritten> take_if(const Matches& matches);

  Duration window_;
  std::size_t max_faults_;
  std::map<Id, Fault> faults_;
};

}  // namespace tether
