#pragma once

#include <sys/un.h>

#include <climits>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tether/settings/names.h"
#include "tether/settings/settings.h"
#include "tether/settings/settings_file.h"

namespace tether {

/// What the system takes as a path, and as the path of a socket.
inline constexpr std::size_t kMaxPathBytes = PATH_MAX - 1;
inline constexpr std::size_t kMaxSocketPathBytes = sizeof(sockaddr_un::sun_path) - 1;

/// A setting that was given, in the environment or in the file.
struct Given {
  std::string name;  ///< As it was given: the variable, or `key (file:line)`.
  std::string text;
};

/// `"text"` as it can stand in a line of output: escaped, and cut if it is long.
std::string in_quotes(std::string_view text);

/// UTF-8 without control characters: what can stand in a manifest, a log line and the printed settings.
bool is_plain(std::string_view text);
/// What a text should be that is not plain, or too long.
std::string should_be_plain(std::size_t max_bytes);

/// Looks settings up, the environment before the file, reads their texts, and collects what is wrong with them. Every
/// `number`, `boolean`, … gives nullopt if the setting is not given or wrong, so that the default stays.
class SettingReader {
 public:
  SettingReader(const Environment& environment, const SettingsFile& file, std::string file_path,
                std::vector<std::string>& mistakes);

  std::optional<Given> given(const setting::Name& name) const;
  std::optional<std::string> variable(std::string_view name) const;

  std::optional<std::uint64_t> number(const setting::Name& name, std::uint64_t min, std::uint64_t max);
  std::optional<bool> boolean(const setting::Name& name);
  /// One of the words, as its index.
  std::optional<std::size_t> word(const setting::Name& name, std::initializer_list<std::string_view> words);
  /// Plain text of 1 to `max_bytes`.
  std::optional<std::string> text(const setting::Name& name, std::size_t max_bytes);

  /// `name: holds "…", should be …`
  void wrong(const Given& given, const std::string& should);
  void mistake(const std::string& name, const std::string& what);

 private:
  const Environment& environment_;
  const SettingsFile& file_;
  std::string file_path_;
  std::vector<std::string>& mistakes_;
};

}  // namespace tether
