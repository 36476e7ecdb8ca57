#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tether/base/time.h"

/// Texts that a control plane makes: times in their several spellings, ids, digests.
namespace tether::peers {

Instant wall_clock_now();

/// `2026-08-22T11:02:03.4Z`: UTC, cut to `decimals` (0 to 9) fractional digits, trailing zeros removed; zeros are put
/// back up to `padded_to` digits.
std::string performed_at_text(Instant at, int decimals = 3, int padded_to = 0);

/// `2026-08-22T16:31:07+05:30`: whole seconds with this machine's offset.
std::string local_seconds_text(Instant at);

/// `2026-08-22T11:02:03.123456Z`: UTC with microseconds, trailing zeros removed.
std::string microseconds_text(Instant at);

/// `Sat, 22 Aug 2026 11:02:03 GMT`.
std::string http_date_text(Instant at);

/// How SQLite would hold an RFC 3339 text that was stored without being normalised: offset kept, trailing zeros of the
/// fraction removed. Comparing two of these as text is what the control plane does. Nullopt: not RFC 3339.
std::optional<std::string> stored_time_text(std::string_view rfc3339);

std::string random_uuid();
/// A UUID that looks like those that begin with a time (`0191d7b0-22aa-7c10-…`).
std::string timed_uuid(Instant at);
/// The same inputs give the same UUID.
std::string derived_uuid(std::string_view from);
/// 43 characters of unpadded base64url.
std::string random_token();

std::string sha256_hex(std::string_view data);
std::string hmac_sha256_hex(std::string_view key, std::string_view data);
std::string sha1_base64(std::string_view data);

/// `%2B` to `+`, `+` to a space.
std::string url_decoded(std::string_view text);

}  // namespace tether::peers
