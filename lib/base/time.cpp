#include "tether/base/time.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <optional>

namespace tether {
namespace {

/// Reads decimal digits off the front of a text; every call remembers whether one before it failed.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  int digits(std::size_t count) {
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (rest_.empty() || rest_.front() < '0' || rest_.front() > '9') {
        failed_ = true;
        return 0;
      }
      value = value * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    return value;
  }

  void expect(char c) {
    if (!take(c)) failed_ = true;
  }

  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  /// Any number of digits after a decimal point, as nanoseconds; what is finer is dropped.
  std::int64_t fraction_ns() {
    std::int64_t value = 0;
    std::int64_t scale = 100'000'000;
    std::size_t count = 0;
    for (; !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; rest_.remove_prefix(1), ++count) {
      value += (rest_.front() - '0') * scale;
      scale /= 10;
    }
    if (count == 0) failed_ = true;
    return value;
  }

  std::string_view word(std::size_t length) {
    if (rest_.size() < length) {
      failed_ = true;
      return {};
    }
    const auto word = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return word;
  }

  bool failed() const { return failed_; }
  bool done() const { return !failed_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

struct Fields {
  int year, month, day, hour, minute, second;
};

std::optional<Instant> to_instant(const Fields& f, std::int64_t fraction_ns, int offset_minutes) {
  using namespace std::chrono;
  const year_month_day date{year(f.year), month(static_cast<unsigned>(f.month)), day(static_cast<unsigned>(f.day))};
  const bool sane = date.ok() && f.year >= 1970 && f.year <= 2261 && f.hour <= 23 && f.minute <= 59 && f.second <= 60;
  if (!sane) return std::nullopt;
  const auto at = sys_days(date).time_since_epoch() + hours(f.hour) + minutes(f.minute - offset_minutes) +
                  seconds(f.second) + nanoseconds(fraction_ns);
  // An offset or a leap second can lead out of the years again, to where the text that we write is not read back.
  constexpr nanoseconds kEnd = sys_days(year_month_day(year(2262), January, day(1))).time_since_epoch();
  if (at < nanoseconds::zero() || at >= kEnd) return std::nullopt;
  return Instant{nanoseconds(at).count()};
}

/// How much of `2026-08-22T11:02:03.417000000` is before the microseconds.
constexpr std::size_t kToMilliseconds = 23;

/// UTC with nine decimals, without the `Z`.
std::string format_to_nanoseconds(Instant at) {
  using namespace std::chrono;
  const sys_time<nanoseconds> point{nanoseconds(at.ns)};
  const auto midnight = floor<days>(point);
  const year_month_day date(midnight);
  const hh_mm_ss time(point - midnight);
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%09d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()), static_cast<int>(time.subseconds().count()));
  return text.data();
}

}  // namespace

Result<Instant> parse_rfc3339(std::string_view text) {
  Reader in(text);
  Fields f{};
  f.year = in.digits(4);
  in.expect('-');
  f.month = in.digits(2);
  in.expect('-');
  f.day = in.digits(2);
  if (!in.take('T') && !in.take('t')) in.expect('T');
  f.hour = in.digits(2);
  in.expect(':');
  f.minute = in.digits(2);
  in.expect(':');
  f.second = in.digits(2);
  const std::int64_t fraction = in.take('.') ? in.fraction_ns() : 0;
  int offset = 0;
  if (!in.take('Z') && !in.take('z')) {
    const int sign = in.take('-') ? -1 : (in.expect('+'), 1);
    const int hours = in.digits(2);
    in.expect(':');
    const int minutes = in.digits(2);
    if (hours > 23 || minutes > 59) return fail(ErrorKind::Reject, "not an RFC 3339 time: its offset is out of range");
    offset = sign * (hours * 60 + minutes);
  }
  const auto at = in.done() ? to_instant(f, fraction, offset) : std::nullopt;
  if (!at) return fail(ErrorKind::Reject, "not an RFC 3339 time between 1970 and 2261");
  return *at;
}

std::string format_rfc3339_ms(Instant at) {
  return format_to_nanoseconds(at).substr(0, kToMilliseconds) + "Z";
}

std::string format_rfc3339(Instant at) {
  std::string text = format_to_nanoseconds(at);
  text.resize(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text + "Z";
}

Result<Instant> parse_http_date(std::string_view text) {
  static constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                               "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  Reader in(text);
  in.word(3);
  in.expect(',');
  in.expect(' ');
  Fields f{};
  f.day = in.digits(2);
  in.expect(' ');
  const auto month = in.word(3);
  for (std::size_t i = 0; i < kMonths.size(); ++i) {
    if (kMonths[i] == month) f.month = static_cast<int>(i) + 1;
  }
  in.expect(' ');
  f.year = in.digits(4);
  in.expect(' ');
  f.hour = in.digits(2);
  in.expect(':');
  f.minute = in.digits(2);
  in.expect(':');
  f.second = in.digits(2);
  in.expect(' ');
  const bool gmt = in.word(3) == "GMT";
  const auto at = in.done() && gmt ? to_instant(f, /*fraction_ns=*/0, /*offset_minutes=*/0) : std::nullopt;
  if (!at) return fail(ErrorKind::Reject, "not an HTTP date");
  return *at;
}

std::optional<Duration> parse_retry_after(std::string_view text, Instant now) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!text.empty() && std::all_of(text.begin(), text.end(), is_digit)) {
    std::int64_t seconds = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), seconds);
    const std::chrono::seconds limit = std::chrono::duration_cast<std::chrono::seconds>(kMaxRetryAfter);
    return read.ec == std::errc() ? std::chrono::seconds(std::min<std::int64_t>(seconds, limit.count())) : limit;
  }
  const auto until = parse_http_date(text);
  if (!until || !now.is_set()) return std::nullopt;
  return std::clamp<Duration>(*until - now, Duration::zero(), kMaxRetryAfter);
}

}  // namespace tether
