#include "tether/protocol/json.h"

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

namespace tether::protocol::json {
namespace {

/// Takes the parser's events and writes each part of the outermost value (members, elements, or the scalar itself) down
/// as compact text of its own. nlohmann's parser keeps no recursion, so depth costs nothing until it is refused.
class Splitter {
 public:
  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  explicit Splitter(int max_depth) : max_depth_(max_depth) {}

  bool null() { return scalar(Type::Null, "null"); }
  bool boolean(bool value) { return scalar(Type::Boolean, value ? "true" : "false"); }
  bool number_integer(number_integer_t value) { return scalar(Type::Number, std::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) { return scalar(Type::Number, std::to_string(value)); }
  // The text as it stands in the input: a double would lose digits.
  bool number_float(number_float_t, const string_t& text) { return scalar(Type::Number, text); }
  bool string(string_t& value) {
    append_quoted(begin(Type::String), value);
    return true;
  }
  bool binary(binary_t&) { return false; }  // Not in JSON text.

  bool start_object(std::size_t) { return open(Type::Object, '{'); }
  bool start_array(std::size_t) { return open(Type::Array, '['); }
  bool end_object() { return close('}'); }
  bool end_array() { return close(']'); }

  bool key(string_t& name) {
    if (depth_ == 1) {
      parts_.push_back({std::move(name), {}});
      return true;
    }
    std::string& out = parts_.back().value.text;
    separate(out);
    append_quoted(out, name);
    out += ':';
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) { return false; }

  bool too_deep() const { return too_deep_; }
  Type type() const { return type_; }
  std::vector<Object::Member> take_parts() { return std::move(parts_); }

 private:
  /// Where the value that now begins is written.
  std::string& begin(Type type) {
    if (depth_ == 0) type_ = type;
    if (depth_ == 0 || (depth_ == 1 && type_ == Type::Array)) parts_.emplace_back();
    Value& part = parts_.back().value;
    if (depth_ <= 1) part.type = type;
    separate(part.text);
    return part.text;
  }

  bool scalar(Type type, std::string_view text) {
    begin(type) += text;
    return true;
  }

  bool open(Type type, char bracket) {
    if (depth_ == 0) {
      type_ = type;
    } else {
      begin(type) += bracket;
    }
    too_deep_ = ++depth_ > max_depth_;
    return !too_deep_;
  }

  bool close(char bracket) {
    if (--depth_ > 0) parts_.back().value.text += bracket;
    return true;
  }

  static void separate(std::string& out) {
    if (!out.empty() && out.back() != '[' && out.back() != '{' && out.back() != ':') out += ',';
  }

  int max_depth_;
  int depth_ = 0;
  bool too_deep_ = false;
  Type type_ = Type::Null;
  std::vector<Object::Member> parts_;
};

bool needs_escape(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
}

void append_escape(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(c));
      out += escape.data();
  }
}

struct Parts {
  Type type = Type::Null;
  std::vector<Object::Member> parts;
};

Result<Parts> split(std::string_view text, int max_depth) {
  Splitter splitter(max_depth);
  // The parser takes a NUL for the end of the text.
  const bool has_nul = text.find('\0') != std::string_view::npos;
  if (has_nul || !nlohmann::json::sax_parse(text.begin(), text.end(), &splitter)) {
    if (splitter.too_deep()) {
      return fail(ErrorKind::Reject, "nested deeper than " + std::to_string(max_depth));
    }
    return fail(ErrorKind::Reject, "not JSON");
  }
  return Parts{splitter.type(), splitter.take_parts()};
}

Result<Parts> split(std::string_view text, int max_depth, Type wanted) {
  auto parts = split(text, max_depth);
  if (!parts) return parts;
  if (parts->type != wanted) {
    return fail(ErrorKind::Reject, wanted == Type::Object ? "not a JSON object" : "not a JSON array");
  }
  return parts;
}

}  // namespace

std::string Value::decoded() const {
  if (type != Type::String) return {};
  const auto parsed = nlohmann::json::parse(text, /*cb=*/nullptr, /*allow_exceptions=*/false);
  const auto* decoded = parsed.get_ptr<const std::string*>();
  return decoded == nullptr ? std::string() : *decoded;
}

Object::Object(std::vector<Member> members) {
  for (Member& member : members) {
    std::erase_if(members_, [&member](const Member& earlier) { return earlier.name == member.name; });
    members_.push_back(std::move(member));
  }
}

const Value* Object::find(std::string_view name) const {
  for (const Member& member : members_) {
    if (member.name == name) return &member.value;
  }
  return nullptr;
}

void Object::set(std::string_view name, Value value) {
  for (Member& member : members_) {
    if (member.name == name) {
      member.value = std::move(value);
      return;
    }
  }
  members_.push_back({std::string(name), std::move(value)});
}

void Object::rename(std::string_view from, std::string_view to) {
  if (from == to || find(from) == nullptr) return;
  std::erase_if(members_, [to](const Member& member) { return member.name == to; });
  for (Member& member : members_) {
    if (member.name == from) member.name = to;
  }
}

std::string Object::text() const {
  std::string out = "{";
  for (const Member& member : members_) {
    if (out.size() > 1) out += ',';
    append_quoted(out, member.name);
    out += ':';
    out += member.value.text;
  }
  out += '}';
  return out;
}

Result<Value> parse(std::string_view text, int max_depth) {
  auto parts = split(text, max_depth);
  if (!parts) return tl::unexpected<Error>(std::move(parts.error()));
  const bool is_object = parts->type == Type::Object;
  if (!is_object && parts->type != Type::Array) return std::move(parts->parts.front().value);
  std::string out(1, is_object ? '{' : '[');
  for (const Object::Member& part : parts->parts) {
    if (out.size() > 1) out += ',';
    if (is_object) {
      append_quoted(out, part.name);
      out += ':';
    }
    out += part.value.text;
  }
  out += is_object ? '}' : ']';
  return Value{parts->type, std::move(out)};
}

Result<Object> parse_object(std::string_view text, int max_depth) {
  auto parts = split(text, max_depth, Type::Object);
  if (!parts) return tl::unexpected<Error>(std::move(parts.error()));
  if (parts->parts.size() > kMaxMembers) {
    return fail(ErrorKind::Reject, "an object of more than " + std::to_string(kMaxMembers) + " members");
  }
  return Object(std::move(parts->parts));
}

Result<std::vector<Value>> parse_array(std::string_view text, int max_depth) {
  auto parts = split(text, max_depth, Type::Array);
  if (!parts) return tl::unexpected<Error>(std::move(parts.error()));
  std::vector<Value> elements;
  elements.reserve(parts->parts.size());
  for (Object::Member& part : parts->parts) elements.push_back(std::move(part.value));
  return elements;
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  std::size_t begin = 0;  // Of the run that can be copied as it is.
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!needs_escape(text[i])) continue;
    out += text.substr(begin, i - begin);
    append_escape(out, text[i]);
    begin = i + 1;
  }
  out += text.substr(begin);
  out += '"';
}

std::string quoted(std::string_view text) {
  std::string out;
  append_quoted(out, text);
  return out;
}

Value string_value(std::string_view text) {
  return {Type::String, quoted(text)};
}

bool same(const Value& a, const Value& b) {
  if (a.type != b.type) return false;
  if (a.text == b.text) return true;
  const auto left = nlohmann::json::parse(a.text, /*cb=*/nullptr, /*allow_exceptions=*/false);
  const auto right = nlohmann::json::parse(b.text, /*cb=*/nullptr, /*allow_exceptions=*/false);
  return !left.is_discarded() && left == right;
}

}  // namespace tether::protocol::json
