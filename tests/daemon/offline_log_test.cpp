#include <catch2/catch.hpp>
#include <numeric>

#include "link_lines.h"
#include "tether/log/log.h"

using namespace tether;

namespace {

constexpr std::size_t kMegabyte = std::size_t{1024} * 1024;

/// A link that has lost its control plane, the log that the daemon writes of it, and the time of both.
class Offline {
 public:
  explicit Offline(LogLevel level) : log_(options(level), redactor_), link_(limits(), /*seed=*/1, now_) {
    link_.on_open(now_);
    link_.on_connection_ack(now_);
    link_.on_closed({link::NetworkError::Reset, 1006, "connection reset by peer"}, now_);
  }

  /// Every dial and every knock ends at once with what `failure` says of it.
  template <class Failure>
  void run(Duration time, Failure failure) {
    for (const TimePoint end = now_ + time; now_ < end; now_ = std::min(end, link_.next_deadline().value_or(end))) {
      link_.on_deadline(now_);
      for (auto commands = link_.take_commands(); !commands.empty(); commands = link_.take_commands()) {
        for (const auto& command : commands) {
          if (const auto* change = std::get_if<link::StateChanged>(&command)) daemon::say(log_, redactor_, *change);
          if (const auto* failed = std::get_if<link::AttemptFailed>(&command)) daemon::say(log_, redactor_, *failed);
          if (const auto* noted = std::get_if<link::Noted>(&command)) daemon::say(log_, *noted);
          if (std::holds_alternative<link::Dial>(command)) link_.on_dial_failed(failure(++failures_), now_);
          if (std::holds_alternative<link::Knock>(command)) {
            const link::DialFailure failed = failure(++failures_);
            link_.on_knock_failed(failed.reason, failed.message, now_);
          }
        }
      }
    }
  }

  std::size_t bytes() const { return bytes_; }
  std::size_t lines() const { return lines_; }
  std::size_t attempts() const {
    const auto counters = link_.snapshot().counters;
    return std::accumulate(counters.reconnect_attempts.begin(), counters.reconnect_attempts.end(), std::size_t{0});
  }

 private:
  LogOptions options(LogLevel level) {
    LogOptions out;
    out.level = level;
    out.sink = [this](std::string_view line) {
      bytes_ += line.size();
      ++lines_;
    };
    out.wall_clock = [this] { return Instant{1'800'000'000'000'000'000 + now_.time_since_epoch().count()}; };
    out.steady_clock = [this] { return now_; };
    return out;
  }
  static link::LinkLimits limits() {
    link::LinkLimits out;
    out.has_token = true;
    return out;
  }

  TimePoint now_{};
  std::size_t bytes_ = 0;
  std::size_t lines_ = 0;
  std::size_t failures_ = 0;
  Redactor redactor_;
  Logger log_;
  link::Link link_;
};

/// As long as they get.
std::string message(const std::string& why) {
  return "control-plane.of.a.company.with.a.long.name.example.com:8443: " + why + ", after " + std::string(150, '.');
}

link::DialFailure refused(std::size_t /*attempt*/) {
  return {link::NetworkError::Refused, 0, std::nullopt, message("connection refused")};
}

/// Never twice the same, which is a new warning each time.
link::DialFailure changing(std::size_t attempt) {
  const auto reason = static_cast<link::NetworkError>(attempt % link::kNetworkErrors);
  return {reason, 0, std::nullopt, message("failure " + std::to_string(attempt))};
}

}  // namespace

TEST_CASE("a day without the control plane is far under a megabyte of log, as the daemon writes it (R27)") {
  Offline day(LogLevel::Info);

  day.run(24h, refused);

  CHECK(day.attempts() > 250);  // it has really tried
  CHECK(day.lines() < 10);
  CHECK(day.bytes() < kMegabyte / 100);
}

TEST_CASE("nor do debug, or a failure that is another one each time, make a megabyte of it (R27)") {
  for (const LogLevel level : {LogLevel::Info, LogLevel::Debug}) {
    Offline day(level);

    day.run(24h, changing);

    CHECK(day.lines() >= day.attempts());
    CHECK(day.bytes() < kMegabyte);
  }
}
