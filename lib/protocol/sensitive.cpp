#include "tether/protocol/sensitive.h"

#include <algorithm>

#include "tether/protocol/json.h"

namespace tether::protocol {
namespace {

/// `data`, hashes in it, and the line around it.
constexpr int kMaxDepth = 8;

void add(const json::Object& object, std::string_view member, std::vector<std::string>& values) {
  const json::Value* value = object.find(member);
  if (value != nullptr && value->type == json::Type::String) values.push_back(value->decoded());
}

}  // namespace

bool may_hold_credentials(std::string_view kind) {
  return kind != kSubscriptionPlan && kind != kApplication;
}

std::vector<std::string> sensitive_values(std::string_view kind, std::string_view data) {
  std::vector<std::string> values;
  const auto object = json::parse_object(data, kMaxDepth);
  if (!object) return values;
  if (kind == kSecret) add(*object, "value", values);
  if (kind == kHmacSecret) add(*object, "secret", values);
  if (kind == kSubscription) add(*object, "subscriptionToken", values);
  if (kind == kApiKey) {
    if (const json::Value* hashes = object->find("apiKeyHashes")) {
      if (const auto by_algorithm = json::parse_object(hashes->text, kMaxDepth)) {
        for (const auto& hash : by_algorithm->members()) values.push_back(hash.value.decoded());
      }
    }
  }
  return values;
}

std::vector<std::string> sensitive_in_line(std::string_view kind, std::string_view line) {
  if (std::ranges::find(kSensitiveKinds, kind) == kSensitiveKinds.end()) return {};
  const auto object = json::parse_object(line, kMaxDepth);
  const json::Value* data = object ? object->find("data") : nullptr;
  return data == nullptr ? std::vector<std::string>() : sensitive_values(kind, data->text);
}

}  // namespace tether::protocol
