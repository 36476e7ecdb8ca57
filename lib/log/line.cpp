#include "tether/log/line.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>

#include "tether/base/utf8.h"

namespace tether {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
constexpr std::string_view kEllipsis = "\xE2\x80\xA6";     // U+2026
constexpr std::size_t kMaxEventBytes = 100;
constexpr std::size_t kMaxKeyBytes = 60;

void append_code(std::string& out, std::uint32_t code) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += "\\u00";
  out += kHex[(code >> 4U) & 0xFU];
  out += kHex[code & 0xFU];
}

void append_escaped(std::string& out, Utf8Character character, std::string_view bytes) {
  if (character.code == '"' || character.code == '\\') {
    out += '\\';
    out += static_cast<char>(character.code);
  } else if (character.code == '\n') {
    out += "\\n";
  } else if (character.code == '\t') {
    out += "\\t";
  } else if (character.code < 0x20 || (character.code >= 0x7F && character.code < 0xA0)) {
    append_code(out, character.code);
  } else {
    out += bytes;
  }
}

template <class Number>
std::string format_number(Number number) {
  std::array<char, 32> room{};
  const auto [end, error] = std::to_chars(room.data(), room.data() + room.size(), number);
  return error == std::errc{} ? std::string(room.data(), end) : "0";
}

/// A value as JSON, or as the text format's part after the `=`.
class ValueFormatter {
 public:
  ValueFormatter(LogFormat format, const Redactor& redactor) : format_(format), redactor_(redactor) {}

  std::string operator()(std::string_view text) const {
    // Cleared before it is cut: half a secret would not be known any more.
    std::string out = escape(cut_text(redactor_.redact(text), Logger::kMaxValueBytes));
    if (format_ == LogFormat::Text && is_bare(out)) return out;
    return '"' + out + '"';
  }
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(std::int64_t value) const { return format_number(value); }
  std::string operator()(std::uint64_t value) const { return format_number(value); }
  std::string operator()(double value) const { return std::isfinite(value) ? format_number(value) : "null"; }

 private:
  static bool is_bare(std::string_view text) {
    return !text.empty() && std::ranges::none_of(text, [](char c) { return c == ' ' || c == '=' || c == '\\'; });
  }

  LogFormat format_;
  const Redactor& redactor_;
};

/// A field's name in the line; those that the line itself uses are told apart by a `_`.
std::string name_of_field(std::string_view key) {
  std::string out = escape(cut_text(key, kMaxKeyBytes));
  for (const std::string_view own : {"time", "level", "event", "cut"}) {
    if (out == own) out += '_';
  }
  return out;
}

std::string format_head(LogFormat format, LogLevel level, const std::string& event) {
  const std::string name(to_string(level));
  if (format == LogFormat::Json) return R"("level":")" + name + R"(","event":")" + event + '"';
  return name + std::string(name.size() < 5 ? 2 : 1, ' ') + event;
}

std::string format_field(LogFormat format, const std::string& key, const std::string& value) {
  if (format == LogFormat::Json) return ",\"" + key + "\":" + value;
  return ' ' + key + '=' + value;
}

}  // namespace

std::string_view to_string(LogLevel level) {
  constexpr std::array<std::string_view, 4> kNames = {"debug", "info", "warn", "error"};
  return kNames.at(static_cast<std::size_t>(level));
}

std::string escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Utf8Character character = first_character(text);
    if (character.size == 0) {
      out += kReplacement;
      text.remove_prefix(1);
      continue;
    }
    append_escaped(out, character, text.substr(0, character.size));
    text.remove_prefix(character.size);
  }
  return out;
}

std::string cut_text(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return std::string(text);
  return std::string(text.substr(0, cut_between_characters(text, max_bytes))) + std::string(kEllipsis);
}

std::string format_line(LogFormat format, LogLevel level, std::string_view event, Logger::Fields fields,
                        const Redactor& redactor, std::size_t max_bytes) {
  const std::string cut_mark = format_field(format, "cut", "true");
  const ValueFormatter formatter(format, redactor);
  std::string out = format_head(format, level, escape(cut_text(redactor.redact(event), kMaxEventBytes)));
  bool is_cut = false;
  for (const LogField& field : fields) {
    const std::string value = std::visit(formatter, field.value);
    const std::string part = format_field(format, name_of_field(field.key), value);
    if (out.size() + part.size() + cut_mark.size() <= max_bytes) {
      out += part;
    } else {
      is_cut = true;
    }
  }
  if (is_cut) out += cut_mark;
  return out;
}

}  // namespace tether
