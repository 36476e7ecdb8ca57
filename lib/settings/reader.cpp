#include "tether/settings/reader.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "tether/base/controls.h"
#include "tether/base/utf8.h"

namespace tether {

namespace {

constexpr std::size_t kMaxShownBytes = 100;

std::optional<std::uint64_t> parse_decimal(std::string_view text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.empty() || !std::ranges::all_of(text, is_digit)) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;  // YAML readers differ on whether this is octal.
  std::uint64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return out;
}

}  // namespace

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : without_controls(text.substr(0, kMaxShownBytes))) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + (text.size() > kMaxShownBytes ? "…\"" : "\"");
}

bool is_plain(std::string_view text) {
  return is_utf8(text) && std::ranges::none_of(text, is_control);
}

std::string should_be_plain(std::size_t max_bytes) {
  return "a text of at most " + std::to_string(max_bytes) + " bytes of UTF-8 without control characters";
}

SettingReader::SettingReader(const Environment& environment, const SettingsFile& file, std::string file_path,
                             std::vector<std::string>& mistakes)
    : environment_(environment), file_(file), file_path_(std::move(file_path)), mistakes_(mistakes) {}

std::optional<std::string> SettingReader::variable(std::string_view name) const {
  auto value = environment_(std::string(name));
  if (!value || value->empty()) return std::nullopt;
  return value;
}

std::optional<Given> SettingReader::given(const setting::Name& name) const {
  if (auto value = variable(name.variable)) return Given{std::string(name.variable), std::move(*value)};
  const std::string key(name.key);
  const auto in_file = file_.values.find(key);
  if (in_file == file_.values.end()) return std::nullopt;
  return Given{name_in_file(key, file_path_, in_file->second.line), in_file->second.text};
}

void SettingReader::mistake(const std::string& name, const std::string& what) {
  mistakes_.push_back(name + ": " + what);
}

void SettingReader::wrong(const Given& given, const std::string& should) {
  mistake(given.name, "holds " + in_quotes(given.text) + ", should be " + should);
}

std::optional<std::uint64_t> SettingReader::number(const setting::Name& name, std::uint64_t min, std::uint64_t max) {
  const auto it = given(name);
  if (!it) return std::nullopt;
  const auto value = parse_decimal(it->text);
  if (value && *value >= min && *value <= max) return value;
  wrong(*it, "a whole number from " + std::to_string(min) + " to " + std::to_string(max));
  return std::nullopt;
}

std::optional<bool> SettingReader::boolean(const setting::Name& name) {
  const auto it = given(name);
  if (!it) return std::nullopt;
  if (it->text == "true") return true;
  if (it->text == "false") return false;
  wrong(*it, "true or false");
  return std::nullopt;
}

std::optional<std::size_t> SettingReader::word(const setting::Name& name,
                                               std::initializer_list<std::string_view> words) {
  const auto it = given(name);
  if (!it) return std::nullopt;
  std::string should;
  std::size_t index = 0;
  for (const std::string_view word : words) {
    if (it->text == word) return index;
    ++index;
    if (!should.empty()) should += index == words.size() ? " or " : ", ";
    should += word;
  }
  wrong(*it, should);
  return std::nullopt;
}

std::optional<std::string> SettingReader::text(const setting::Name& name, std::size_t max_bytes) {
  const auto it = given(name);
  if (!it) return std::nullopt;
  if (it->text.size() <= max_bytes && is_plain(it->text)) return it->text;
  wrong(*it, should_be_plain(max_bytes));
  return std::nullopt;
}

}  // namespace tether
