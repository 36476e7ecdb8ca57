#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "tether/base/result.h"

namespace tether::terminal {

/// What the command does, besides choosing its words.
struct EventsEnds {
  /// The body of `/events` after that count. Retry: nobody answers. Reject: it says why it cannot.
  std::function<Result<std::string>(std::uint64_t after)> ask;
  std::function<void(const std::string&)> say;
  std::function<void(const std::string&)> complain;
  std::function<bool()> pause;  ///< Until the next look; false: there is to be none.
};

struct EventsWishes {
  std::size_t count = 20;  ///< The last ones so many; with `follow` those that come after them, too.
  bool follow = false;     ///< Each again when something has become of it.
  bool json = false;       ///< A JSON object a line.
  bool colours = false;
};

/// `tetherd events`. False: the daemon does not answer (any more).
bool run_events(const EventsEnds& ends, const EventsWishes& wishes);

}  // namespace tether::terminal
