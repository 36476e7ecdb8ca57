#include "tether/protocol/placeholders.h"

#include <optional>

namespace tether::protocol {
namespace {

constexpr std::string_view kSpace = " \t\n\f\r";

/// Takes things off the front of a text.
class Cursor {
 public:
  explicit Cursor(std::string_view rest) : rest_(rest) {}

  bool take(std::string_view literal) {
    if (!rest_.starts_with(literal)) return false;
    rest_.remove_prefix(literal.size());
    return true;
  }

  bool take_space() {
    const auto before = rest_.size();
    const auto end = rest_.find_first_not_of(kSpace);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end);
    return rest_.size() < before;
  }

  /// What comes before the next quote or backslash.
  std::string_view take_handle() {
    const auto end = rest_.find_first_of("\"\\");
    const auto handle = rest_.substr(0, end);
    rest_.remove_prefix(handle.size());
    return handle;
  }

  bool take_quote() {
    take("\\");
    return take("\"");
  }

  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

/// `\{\{\s*secret\s+\\?"([^"\\]+)\\?"\s*\}\}` at the front of the cursor.
std::optional<std::string_view> take_placeholder(Cursor& cursor) {
  if (!cursor.take("{{")) return std::nullopt;
  cursor.take_space();
  if (!cursor.take("secret") || !cursor.take_space() || !cursor.take_quote()) return std::nullopt;
  const auto handle = cursor.take_handle();
  if (handle.empty() || !cursor.take_quote()) return std::nullopt;
  cursor.take_space();
  if (!cursor.take("}}")) return std::nullopt;
  return handle;
}

}  // namespace

void find_placeholders(std::string_view text, const std::function<void(std::string_view handle)>& on_handle) {
  for (auto at = text.find("{{"); at != std::string_view::npos; at = text.find("{{", at)) {
    Cursor cursor(text.substr(at));
    const auto handle = take_placeholder(cursor);
    if (handle) on_handle(*handle);
    at = handle ? text.size() - cursor.rest().size() : at + 1;
  }
}

}  // namespace tether::protocol
