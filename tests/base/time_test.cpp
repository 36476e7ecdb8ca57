#include "tether/base/time.h"

#include <catch2/catch.hpp>

using namespace tether;

TEST_CASE("RFC 3339 times are read with any number of decimals and any offset") {
  const auto plain = parse_rfc3339("2026-08-22T11:02:03Z");
  REQUIRE(plain);

  CHECK(parse_rfc3339("2026-08-22T11:02:03.4Z")->ns == plain->ns + 400'000'000);
  CHECK(parse_rfc3339("2026-08-22T11:02:03.417Z")->ns == plain->ns + 417'000'000);
  CHECK(parse_rfc3339("2026-08-22T11:02:03.123456Z")->ns == plain->ns + 123'456'000);
  CHECK(parse_rfc3339("2026-08-22T11:02:03.1234567891Z")->ns == plain->ns + 123'456'789);
  CHECK(parse_rfc3339("2026-08-22T16:32:03+05:30")->ns == plain->ns);
  CHECK(parse_rfc3339("2026-08-22T09:02:03-02:00")->ns == plain->ns);
}

TEST_CASE("what is not an RFC 3339 time is refused") {
  for (const char* text : {"", "2026-08-22", "2026-08-22T11:02:03", "2026-13-22T11:02:03Z", "2026-02-30T11:02:03Z",
                           "2026-08-22T24:02:03Z", "2026-08-22T11:02:03.Z", "2026-08-22T11:02:03Zx",
                           "1969-08-22T11:02:03Z", "2026-08-22T11:02:03+25:00", "x026-08-22T11:02:03Z"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_rfc3339(text));
  }
}

TEST_CASE("an offset or a leap second that leads out of the years is refused") {
  CHECK(parse_rfc3339("1970-01-01T01:00:00+01:00")->ns == 0);
  CHECK_FALSE(parse_rfc3339("1970-01-01T00:59:59.9+01:00"));
  CHECK(parse_rfc3339("2261-12-31T22:59:59-01:00"));
  CHECK_FALSE(parse_rfc3339("2261-12-31T23:00:00-01:00"));
  CHECK_FALSE(parse_rfc3339("2261-12-31T23:59:60Z"));
}

TEST_CASE("times are written in UTC with exactly three decimals, truncated") {
  CHECK(format_rfc3339_ms(*parse_rfc3339("2026-08-22T11:02:03Z")) == "2026-08-22T11:02:03.000Z");
  CHECK(format_rfc3339_ms(*parse_rfc3339("2026-08-22T16:32:03.4+05:30")) == "2026-08-22T11:02:03.400Z");
  CHECK(format_rfc3339(*parse_rfc3339("2026-08-22T11:02:03Z")) == "2026-08-22T11:02:03Z");
  CHECK(format_rfc3339(*parse_rfc3339("2026-08-22T16:32:00.400+05:30")) == "2026-08-22T11:02:00.4Z");
  CHECK(format_rfc3339(*parse_rfc3339("2026-08-22T11:02:03.123456789Z")) == "2026-08-22T11:02:03.123456789Z");
  CHECK(format_rfc3339_ms(*parse_rfc3339("2026-08-22T11:02:03.999999Z")) == "2026-08-22T11:02:03.999Z");
}

TEST_CASE("an HTTP date is read, anything else is refused") {
  CHECK(parse_http_date("Sat, 22 Aug 2026 11:02:03 GMT")->ns == parse_rfc3339("2026-08-22T11:02:03Z")->ns);
  CHECK(parse_http_date("Mon, 22 Aug 2026 11:02:03 GMT")->ns == parse_rfc3339("2026-08-22T11:02:03Z")->ns);
  CHECK_FALSE(parse_http_date("Sat, 22 Aug 2026 11:02:03 UTC"));
  CHECK_FALSE(parse_http_date("Saturday, 22-Aug-26 11:02:03 GMT"));
  CHECK_FALSE(parse_http_date(""));
}

TEST_CASE("a Retry-After is read as seconds and as a date, up to an hour") {
  const Instant now = *parse_rfc3339("2026-08-22T11:02:03Z");
  CHECK(parse_retry_after("0", now) == 0s);
  CHECK(parse_retry_after("120", now) == 120s);
  CHECK(parse_retry_after("3600", now) == kMaxRetryAfter);
  CHECK(parse_retry_after("3601", now) == kMaxRetryAfter);
  CHECK(parse_retry_after("99999999999999999999", now) == kMaxRetryAfter);
  CHECK(parse_retry_after("Sat, 22 Aug 2026 11:03:03 GMT", now) == 60s);
  CHECK(parse_retry_after("Sat, 22 Aug 2026 12:02:03 GMT", now) == kMaxRetryAfter);
  CHECK(parse_retry_after("Sat, 22 Aug 2026 12:02:04 GMT", now) == kMaxRetryAfter);
  CHECK(parse_retry_after("Sat, 22 Aug 2026 10:00:00 GMT", now) == 0s);
  CHECK_FALSE(parse_retry_after("Sat, 22 Aug 2026 11:03:03 GMT", {}));
  for (const char* text : {"", "-5", "+5", " 5", "5 ", "12x", "1.5", "soon"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_retry_after(text, now));
  }
}
