#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tether/base/result.h"

namespace tether::protocol {

/// The gateway's side of the Unix socket (docs/gateway-protocol.md): what it has.
struct GatewayState {
  std::string instance;  ///< New at each gateway start.
  std::string epoch;     ///< Empty: null, a fresh gateway.
  std::int64_t revision = 0;
  std::int64_t resources = 0;
  friend bool operator==(const GatewayState&, const GatewayState&) = default;
};

struct RejectedLine {
  std::string kind;
  std::string id;
  std::string reason;  ///< As received, whole: who shows it clears it of secrets first, and only then cuts it.
};

/// The 200 answer to a PUT or PATCH.
struct PushAnswer {
  std::string epoch;
  std::int64_t revision = 0;
  std::vector<RejectedLine> rejected;
};

inline constexpr std::size_t kMaxGatewayAnswerBytes = std::size_t{16} * 1024 * 1024;

/// Reject: not such a body; the message names the member.
Result<GatewayState> parse_gateway_state(std::string_view body);
Result<PushAnswer> parse_push_answer(std::string_view body);

/// First lines, with their newline.
std::string write_put_header(std::string_view epoch, std::int64_t revision, std::int64_t count);
std::string write_patch_header(std::string_view from_epoch, std::int64_t from, std::string_view epoch,
                               std::int64_t revision, std::int64_t count);

/// One resource, as the store offers it. For artifacts `document`, `handle`, `deployment_id` and `deployed_at` are set;
/// for the rest `data`, one compact JSON object.
struct ResourceLine {
  std::string kind;
  std::string id;
  bool artifact = false;
  std::string handle;
  std::string deployment_id;
  std::string deployed_at;  ///< UTC with exactly three decimals.
  std::string document;
  std::string data;
};
/// One NDJSON line with its newline; `patch` adds `"op":"put"`. The document must be UTF-8 (see is_utf8).
std::string write_resource_line(const ResourceLine& line, bool patch);
std::string write_delete_line(std::string_view kind, std::string_view id);

}  // namespace tether::protocol
