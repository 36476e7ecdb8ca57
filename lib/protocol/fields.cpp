#include "tether/protocol/fields.h"

#include <charconv>

namespace tether::protocol {

using json::Type;
using json::Value;

void Fields::blame(std::string_view name, std::string_view what) {
  if (failed()) return;
  problem_ = "member ";
  problem_ += name;
  problem_ += ' ';
  problem_ += what;
}

const Value* Fields::find(std::string_view name) const {
  const Value* value = object_.find(name);
  return value == nullptr || value->type == Type::Null ? nullptr : value;
}

const Value* Fields::require(std::string_view name, Type type, std::string_view type_name) {
  const Value* value = find(name);
  if (value == nullptr) {
    blame(name, "is missing");
    return nullptr;
  }
  if (value->type != type) {
    blame(name, "is not " + std::string(type_name));
    return nullptr;
  }
  return value;
}

std::string Fields::text(std::string_view name) {
  std::string text = any_text(name);
  if (text.empty()) blame(name, "is empty");
  return text;
}

std::string Fields::optional_text(std::string_view name) {
  return find(name) == nullptr ? std::string() : any_text(name);
}

std::string Fields::any_text(std::string_view name) {
  const Value* value = require(name, Type::String, "a string");
  return value == nullptr ? std::string() : value->decoded();
}

bool Fields::flag(std::string_view name) {
  const Value* value = require(name, Type::Boolean, "a boolean");
  return value != nullptr && value->text == "true";
}

std::int64_t Fields::count(std::string_view name) {
  const Value* value = require(name, Type::Number, "a number");
  if (value == nullptr) return 0;
  std::int64_t number = 0;
  const char* end = value->text.data() + value->text.size();
  const auto parsed = std::from_chars(value->text.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end || number < 0) {
    blame(name, "is not a whole number of 0 or more");
    return 0;
  }
  return number;
}

Instant Fields::time(std::string_view name) {
  const auto at = parse_rfc3339(any_text(name));
  if (!at) {
    blame(name, "is not an RFC 3339 time");
    return {};
  }
  return *at;
}

Instant Fields::optional_time(std::string_view name) {
  return find(name) == nullptr ? Instant{} : time(name);
}

json::Object Fields::object(std::string_view name) {
  const Value* value = require(name, Type::Object, "an object");
  if (value == nullptr) return {};
  auto object = json::parse_object(value->text, kMaxJsonDepth);
  if (!object) {
    blame(name, "is " + object.error().message);
    return {};
  }
  return std::move(*object);
}

std::vector<Value> Fields::array(std::string_view name) {
  const Value* value = require(name, Type::Array, "an array");
  if (value == nullptr) return {};
  auto elements = json::parse_array(value->text, kMaxJsonDepth);
  if (!elements) {
    blame(name, "is " + elements.error().message);
    return {};
  }
  return std::move(*elements);
}

}  // namespace tether::protocol
