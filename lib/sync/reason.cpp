#include "tether/sync/reason.h"

#include "tether/protocol/sensitive.h"

namespace tether::sync {
namespace {

void replace_all(std::string& text, const std::string& value) {
  static constexpr std::string_view kPlaceholder = "[redacted]";
  if (value.size() < kMinSensitiveChars) return;
  for (auto at = text.find(value); at != std::string::npos; at = text.find(value, at + kPlaceholder.size())) {
    text.replace(at, value.size(), kPlaceholder);
  }
}

/// Cut on a character's boundary.
std::string shortened(const std::string& reason) {
  if (reason.size() <= kMaxReasonChars) return reason;
  std::size_t end = kMaxReasonChars;
  while (end > 0 && (static_cast<unsigned char>(reason[end]) & 0xC0U) == 0x80U) --end;
  return reason.substr(0, end);
}

std::vector<std::string> sensitive_in(const Body& body) {
  return protocol::sensitive_values(body.owner_kind, body.document);
}

}  // namespace

std::string presentable_reason(Records& records, const Key& key, const Version& refused, const std::string& reason) {
  std::string text = reason;
  const auto body = records.body(key, refused.body);
  if (body) {
    for (const auto& value : sensitive_in(*body)) replace_all(text, value);
    for (const Reference& reference : body->references) {
      const auto other = records.resource(reference.kind, reference.name);
      const auto content = other ? records.body({reference.kind, reference.name}, other->body) : std::nullopt;
      if (!content) continue;
      for (const auto& value : sensitive_in(*content)) replace_all(text, value);
    }
  }
  return shortened(text);
}

}  // namespace tether::sync
