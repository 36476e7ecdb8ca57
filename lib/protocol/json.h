#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "tether/base/result.h"
#include "tether/base/time.h"

/// JSON as this library needs it; internal. A value is kept as its own compact text, so that what passes through keeps
/// the order of its members and every digit of its numbers.
namespace tether::protocol::json {

/// More members than this an object that is read by name may not have. The largest that the control plane sends has
/// about 20; the limit keeps looking them up one by one cheap.
inline constexpr std::size_t kMaxMembers = 1000;

enum class Type { Null, Boolean, Number, String, Array, Object };

struct Value {
  Type type = Type::Null;
  std::string text;  ///< Compact, one line.

  /// The text that a string stands for; empty for any other type.
  std::string decoded() const;
};

/// The members of one object, in order.
class Object {
 public:
  struct Member {
    std::string name;
    Value value;
  };

  Object() = default;
  /// Of a name that comes twice the last counts.
  explicit Object(std::vector<Member> members);

  /// Null if there is none.
  const Value* find(std::string_view name) const;
  const std::vector<Member>& members() const { return members_; }

  /// Replaces the member's value, or adds it at the end.
  void set(std::string_view name, Value value);
  /// Gives a member another name in its place; one that already has the new name goes.
  void rename(std::string_view from, std::string_view to);

  /// Compact, one line.
  std::string text() const;

 private:
  std::vector<Member> members_;
};

// Reject: not JSON (UTF-8 included), nested deeper than `max_depth` (the outermost brackets are depth 1), of another
// type, or an object of more than kMaxMembers. Messages never quote the input.
Result<Value> parse(std::string_view text, int max_depth);
Result<Object> parse_object(std::string_view text, int max_depth);
Result<std::vector<Value>> parse_array(std::string_view text, int max_depth);

/// `text`, which must be UTF-8, as a JSON string.
void append_quoted(std::string& out, std::string_view text);
std::string quoted(std::string_view text);
Value string_value(std::string_view text);

/// Whether two values mean the same: the order of members and the spelling of a number don't matter.
bool same(const Value& a, const Value& b);

}  // namespace tether::protocol::json
