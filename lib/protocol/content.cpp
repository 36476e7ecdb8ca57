#include <array>
#include <span>
#include <utility>

#include "tether/protocol/fields.h"
#include "tether/protocol/kinds.h"
#include "tether/protocol/rest.h"

namespace tether::protocol {
namespace {

// What the events and the REST answers both give, by REST names. `billingPlan` of a plan is in its events only.
constexpr std::array<std::string_view, 8> kKeyMembers = {"name",      "artifactUuid", "apiKeyHashes", "status",
                                                         "expiresAt", "issuer",       "maskedApiKey", "externalRefId"};
constexpr std::array<std::string_view, 8> kPlanMembers = {
    "id", "handle", "planName", "stopOnQuotaReach", "throttleLimitCount", "throttleLimitUnit", "expiryTime", "status"};
constexpr std::array<std::string_view, 6> kSubscriptionMembers = {
    "id", "apiId", "applicationId", "subscriptionToken", "subscriptionPlanId", "status"};

/// The members to compare; empty: all.
std::span<const std::string_view> compared_members(std::string_view kind) {
  if (kind == kApiKey) return kKeyMembers;
  if (kind == kSubscriptionPlan) return kPlanMembers;
  if (kind == kSubscription) return kSubscriptionMembers;
  return {};
}

bool is_time(std::string_view member) {
  return member == "expiresAt" || member == "expiryTime";
}

const json::Value* find_set(const json::Object& object, std::string_view name) {
  const json::Value* value = object.find(name);
  return value == nullptr || value->type == json::Type::Null ? nullptr : value;
}

bool same_member(const json::Object& a, const json::Object& b, std::string_view name) {
  const json::Value* left = find_set(a, name);
  const json::Value* right = find_set(b, name);
  if (left == nullptr || right == nullptr) return left == right;
  if (is_time(name)) {
    const auto left_at = parse_rfc3339(left->decoded());
    const auto right_at = parse_rfc3339(right->decoded());
    if (left_at && right_at) return *left_at == *right_at;
  }
  return json::same(*left, *right);
}

}  // namespace

bool same_content(std::string_view kind, std::string_view data_a, std::string_view data_b) {
  if (data_a == data_b) return true;
  const auto members = compared_members(kind);
  if (members.empty()) {
    return json::same({json::Type::Object, std::string(data_a)}, {json::Type::Object, std::string(data_b)});
  }
  const auto a = json::parse_object(data_a, kMaxJsonDepth);
  const auto b = json::parse_object(data_b, kMaxJsonDepth);
  if (!a || !b) return false;
  for (const std::string_view name : members) {
    if (!same_member(*a, *b, name)) return false;
  }
  return true;
}

std::string merge_data(std::string_view stored, std::string_view update) {
  const auto base = json::parse_object(stored, kMaxJsonDepth);
  const auto newer = json::parse_object(update, kMaxJsonDepth);
  if (!newer) return std::string(stored);
  if (!base) return newer->text();
  json::Object merged = *base;
  for (const auto& member : newer->members()) merged.set(member.name, member.value);
  return merged.text();
}

}  // namespace tether::protocol
