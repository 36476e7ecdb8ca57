#pragma once

#include "tether/link/link.h"
#include "tether/log/log.h"

/// What the log says of the link.
namespace tether::daemon {

void say(Logger& log, const Redactor& redactor, const link::StateChanged& change);
void say(Logger& log, const Redactor& redactor, const link::AttemptFailed& failure);
void say(Logger& log, const link::Noted& note);

}  // namespace tether::daemon
