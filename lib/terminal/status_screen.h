#pragma once

#include <string>

#include "tether/base/result.h"
#include "tether/base/time.h"
#include "tether/terminal/screen.h"

namespace tether::terminal {

/// A daemon's status in words.
struct StatusScreen {
  Lines lines;
  bool all_well = false;  ///< In sync, and nothing else is wrong.
};

/// From the body of `/status`, read at `now` by our wall clock: what is connected, in sync since when, what is wrong
/// and what to do about it. Reject: it is none of this version. An error of the asking is handed on.
Result<StatusScreen> status_screen(const Result<std::string>& body, Instant now);

}  // namespace tether::terminal
