#include "tether/protocol/sensitive.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "tether/protocol/document.h"
#include "tether/protocol/json.h"
#include "tether/protocol/kinds.h"

namespace tether::protocol {
namespace {

/// `data`, and hashes in it.
constexpr int kMaxDepth = 8;

void add(const json::Object& object, std::string_view member, std::vector<std::string>& values) {
  const json::Value* value = object.find(member);
  if (value != nullptr && value->type == json::Type::String) values.push_back(value->decoded());
}

bool is_of_a_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
}

/// False: nothing in this YAML goes by that name. It is spelled as it is, by itself, or with a backslash.
bool may_name(std::string_view document, std::string_view name) {
  for (auto at = document.find(name); at != std::string_view::npos; at = document.find(name, at + 1)) {
    const auto end = at + name.size();
    const bool begins = at == 0 || !is_of_a_word(document[at - 1]);
    if (begins && (end == document.size() || !is_of_a_word(document[end]))) return true;
  }
  return document.find('\\') != std::string_view::npos;
}

/// Most documents have none, and to look for the names costs a hundredth of reading them.
std::vector<std::string> credentials_in(std::string_view document) {
  if (!may_name(document, "auth") || !may_name(document, "value")) return {};
  auto facts = read_document(document);
  return facts ? std::move(facts->credentials) : std::vector<std::string>();
}

bool is_document(std::string_view kind) {
  return std::ranges::find(kOtherKinds, kind) == kOtherKinds.end();
}

}  // namespace

bool may_hold_credentials(std::string_view kind) {
  return kind != kSubscriptionPlan && kind != kApplication;
}

std::vector<std::string> sensitive_values(std::string_view kind, std::string_view content) {
  if (is_document(kind)) return credentials_in(content);
  std::vector<std::string> values;
  const auto object = json::parse_object(content, kMaxDepth);
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

}  // namespace tether::protocol
