#pragma once

#include <functional>
#include <optional>
#include <string>

#include "tether/base/result.h"
#include "tether/base/time.h"
#include "tether/terminal/screen.h"

namespace tether::terminal {

/// What the command does, besides choosing its words.
struct StatusEnds {
  std::function<Result<std::string>()> status;        ///< The body of `/status`.
  std::function<void(const std::string&)> say;        ///< On standard output, at once.
  std::function<void(const std::string&)> complain;   ///< On standard error.
  std::function<bool()> pause;                        ///< Until the next look; false: there is to be none.
  std::function<Instant()> now;                       ///< Our wall clock.
  std::function<std::optional<ScreenSize>()> screen;  ///< Asked for each; nullopt: standard output is no terminal.
};

struct StatusWishes {
  bool json = false;   ///< The document itself instead of words.
  bool watch = false;  ///< Again and again: on a terminal in the same place, else one after the other.
  bool colours = false;
};

/// `tetherd status`. True: the last look found all well.
bool run_status(const StatusEnds& ends, const StatusWishes& wishes);

}  // namespace tether::terminal
