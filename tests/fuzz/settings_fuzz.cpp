#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "fuzz.h"
#include "temp_file.h"
#include "tether/base/check.h"
#include "tether/settings/settings.h"

using namespace tether;

namespace {

/// Stands in each environment as the token, and must come out nowhere.
constexpr std::string_view kPlanted = "planted-3f1c9a77";

using Variables = std::map<std::string, std::string>;

/// Takes lines of NAME=VALUE off the front of the input, up to a line `%`; what follows is the settings file. A NUL
/// ends a variable's value, as it does in a real environment.
Variables take_variables(std::string_view& input) {
  Variables variables;
  while (!input.empty()) {
    const auto end = input.find('\n');
    const std::string_view line = input.substr(0, end);
    input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
    if (line == "%") break;
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view value = line.substr(equals + 1);
    variables.emplace(line.substr(0, equals), value.substr(0, value.find('\0')));
  }
  return variables;
}

LoadedSettings load(const Variables& variables, const std::string& path) {
  const Environment environment = [&variables](const std::string& name) -> std::optional<std::string> {
    const auto it = variables.find(name);
    if (it == variables.end()) return std::nullopt;
    return it->second;
  };
  return load_settings(environment, path);
}

void check_mistakes(const LoadedSettings& loaded, bool is_planted_once) {
  check(loaded.settings.has_value() == loaded.mistakes.empty(), "there are settings or mistakes, never both");
  for (const std::string& mistake : loaded.mistakes) {
    const auto is_control = [](unsigned char c) { return c < ' ' || c == 0x7f; };
    check(!mistake.empty() && std::ranges::none_of(mistake, is_control), "a mistake is one line");
    check(!is_planted_once || mistake.find(kPlanted) == std::string::npos, "no mistake tells the token");
  }
}

/// What is printed as effective is read as the same, but for a token that came in a variable.
/// Most mutations change no setting: what equals the last one checked prints the same.
void check_printed(Settings settings, bool is_planted_once) {
  static const fuzz::TempFile file;
  static std::optional<std::pair<Settings, bool>> last;
  if (last && last->second == is_planted_once && last->first == settings) return;
  last.emplace(settings, is_planted_once);
  const std::string printed = print_effective(settings);
  check(!is_planted_once || printed.find(kPlanted) == std::string::npos, "the token is not printed");
  file.hold(printed);
  const LoadedSettings again = load({}, file.path());
  check(again.settings.has_value(), "what is printed is read");
  if (settings.control_plane.token.kind() != TokenSource::Kind::File) settings.control_plane.token = {};
  check(*again.settings == settings, "what is printed is read as the same");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::TempFile file;
  std::string_view rest = fuzz::as_text(data, size);
  const bool is_planted_once = rest.find(kPlanted) == std::string_view::npos;
  Variables variables = take_variables(rest);
  variables.emplace("TETHER_REGISTRATION_TOKEN", kPlanted);
  file.hold(rest);
  LoadedSettings loaded = load(variables, file.path());
  check_mistakes(loaded, is_planted_once);
  if (loaded.settings) check_printed(std::move(*loaded.settings), is_planted_once);
  return 0;
}
