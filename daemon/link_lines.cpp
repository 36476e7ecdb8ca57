#include "link_lines.h"

#include <chrono>
#include <optional>

namespace tether::daemon {
namespace {

LogLevel translate(link::Level level) {
  switch (level) {
    case link::Level::Debug:
      return LogLevel::Debug;
    case link::Level::Info:
      return LogLevel::Info;
    case link::Level::Warn:
      return LogLevel::Warn;
    case link::Level::Error:
      break;
  }
  return LogLevel::Error;
}

double seconds(std::optional<Duration> wait) {
  return wait ? std::chrono::duration<double>(*wait).count() : 0;
}

}  // namespace

void say(Logger& log, const Redactor& redactor, const link::StateChanged& change) {
  const auto level = translate(change.level);
  const auto from = link::name_of(change.from);
  const auto to = link::name_of(change.to);
  const std::string reason = redactor.redact(change.reason);
  if (change.next_attempt_in) {
    log.log(level, "link.state",
            {{"from", from}, {"to", to}, {"reason", reason}, {"next_attempt_s", seconds(change.next_attempt_in)}});
  } else {
    log.log(level, "link.state", {{"from", from}, {"to", to}, {"reason", reason}});
  }
}

void say(Logger& log, const Redactor& redactor, const link::AttemptFailed& failure) {
  log.log(translate(failure.level), "link.attempt_failed",
          {{"attempt", failure.attempt},
           {"reason", redactor.redact(failure.reason)},
           {"next_attempt_s", seconds(failure.next_attempt_in)}});
}

void say(Logger& log, const link::Noted& note) {
  log.log(translate(note.level), "link.notice", {{"message", note.text}});
}

}  // namespace tether::daemon
