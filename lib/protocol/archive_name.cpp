#include "tether/protocol/archive_name.h"

#include <algorithm>
#include <array>

namespace tether::protocol {
namespace {

constexpr std::array<std::string_view, 4> kPrefixes = {"api-", "llm-provider-", "llm-proxy-", "mcp-proxy-"};
constexpr std::string_view kSuffix = ".yaml";
constexpr std::size_t kMaxIdChars = 255;
constexpr std::size_t kUuidChars = 36;

bool is_id_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= kMaxIdChars && text != "." && text != ".." &&
         std::ranges::all_of(text, is_id_char);
}

bool is_uuid(std::string_view text) {
  if (text.size() != kUuidChars) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (dash ? c != '-' : !hex) return false;
  }
  return true;
}

/// The id at the end of `<prefix>-<artifactId>`, or empty.
std::string_view artifact_id_of(std::string_view stem) {
  for (const std::string_view prefix : kPrefixes) {
    if (stem.starts_with(prefix)) return stem.substr(prefix.size());
  }
  if (stem.size() < kUuidChars + 2 || stem[stem.size() - kUuidChars - 1] != '-') return {};
  const auto id = stem.substr(stem.size() - kUuidChars);
  return is_uuid(id) ? id : std::string_view();
}

}  // namespace

std::optional<ArchiveName> parse_archive_name(std::string_view path) {
  const auto slash = path.find('/');
  if (slash == std::string_view::npos || !path.ends_with(kSuffix)) return std::nullopt;
  const auto deployment_id = path.substr(0, slash);
  auto stem = path.substr(slash + 1);
  if (stem.size() <= kSuffix.size()) return std::nullopt;
  stem.remove_suffix(kSuffix.size());
  const auto artifact_id = artifact_id_of(stem);
  if (!is_id(deployment_id) || !is_id(stem) || !is_id(artifact_id)) return std::nullopt;
  return ArchiveName{std::string(deployment_id), std::string(artifact_id)};
}

}  // namespace tether::protocol
