#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tether/protocol/json.h"

namespace tether::protocol {

/// Deeper than this a frame, a row or an answer is refused.
inline constexpr int kMaxJsonDepth = 32;

/// Reads the members of one JSON object by name; internal. Remembers the first that is missing or of the wrong type, so
/// that a caller reads them all and asks once. A `null` counts as absent. Messages name the member, never its value.
class Fields {
 public:
  explicit Fields(const json::Object& object) : object_(object) {}

  /// A required string, not empty.
  std::string text(std::string_view name);
  /// Absent: empty.
  std::string optional_text(std::string_view name);
  /// A required string that may be empty.
  std::string any_text(std::string_view name);
  bool flag(std::string_view name);
  /// A required whole number that is not negative.
  std::int64_t count(std::string_view name);
  Instant time(std::string_view name);
  /// Unset if absent.
  Instant optional_time(std::string_view name);
  json::Object object(std::string_view name);
  std::vector<json::Value> array(std::string_view name);

  /// Makes this failure the reader's, if it is the first.
  void blame(std::string_view name, std::string_view what);
  bool failed() const { return !problem_.empty(); }
  /// Requires failed().
  tl::unexpected<Error> error() const { return fail(ErrorKind::Reject, problem_); }

 private:
  const json::Value* find(std::string_view name) const;
  const json::Value* require(std::string_view name, json::Type type, std::string_view type_name);

  const json::Object& object_;
  std::string problem_;
};

}  // namespace tether::protocol
