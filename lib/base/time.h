#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tether/base/result.h"

namespace tether {

using namespace std::chrono_literals;

/// Steady time: to wait by. Never written down.
using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;

/// An instant that somebody named (the control plane's, or our own wall clock's): nanoseconds since 1970, UTC. To write
/// down and to order by, never to wait by. `ns == 0` means "none".
struct Instant {
  std::int64_t ns = 0;

  constexpr bool is_set() const { return ns != 0; }
  constexpr std::int64_t ms() const { return ns / 1'000'000; }          ///< Truncated, as the control plane does.
  constexpr std::int64_t second() const { return ns / 1'000'000'000; }  ///< The times of events have whole ones.
  friend constexpr auto operator<=>(Instant, Instant) = default;        // NOLINT(modernize-use-nullptr)
  friend constexpr Instant operator+(Instant a, std::chrono::nanoseconds d) { return {a.ns + d.count()}; }
  friend constexpr Instant operator-(Instant a, std::chrono::nanoseconds d) { return {a.ns - d.count()}; }
  friend constexpr std::chrono::nanoseconds operator-(Instant a, Instant b) {
    return std::chrono::nanoseconds(a.ns - b.ns);
  }
};

constexpr Instant from_ms(std::int64_t ms) {
  return {ms * 1'000'000};
}

/// Reads RFC 3339 with 0 to any number of fractional digits (those past nanoseconds are dropped) and any offset.
/// Years 1970 to 2261, in UTC too. Reject: anything else.
Result<Instant> parse_rfc3339(std::string_view text);

/// `2026-08-22T11:02:03.417Z`: UTC with exactly three decimals, truncated.
std::string format_rfc3339_ms(Instant at);

/// `2026-08-22T11:02:03.4Z`: UTC with as many decimals as it takes (none to nine), as Go writes its times.
std::string format_rfc3339(Instant at);

/// Reads an HTTP `Date` header (`Sat, 22 Aug 2026 11:02:03 GMT`), be its weekday what it may. Reject: anything else.
Result<Instant> parse_http_date(std::string_view text);

/// Longest `Retry-After` that is obeyed; a longer one is cut to it, so that one wrong header cannot take us away for
/// a day.
inline constexpr Duration kMaxRetryAfter = 1h;

/// Reads an HTTP `Retry-After` header (RFC 9110 section 10.2.3): seconds, or a date, counted from `now` (unset: dates
/// mean nothing). 0 to kMaxRetryAfter, a date that has passed is 0; nothing for anything else.
std::optional<Duration> parse_retry_after(std::string_view text, Instant now);

}  // namespace tether
