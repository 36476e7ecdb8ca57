#include "tether/settings/settings_file.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <exception>
#include <set>
#include <string_view>

#include "tether/settings/names.h"
#include "tether/settings/read_file.h"
#include "tether/settings/settings.h"

namespace tether {

namespace {

constexpr std::size_t kMaxShownKeyBytes = 60;

bool is_known(std::string_view key) {
  return std::ranges::find(setting::kAll, key, &setting::Name::key) != setting::kAll.end();
}

bool is_section(std::string_view key) {
  return std::ranges::any_of(setting::kAll, [key](const setting::Name& name) {
    return name.key.size() > key.size() && name.key.starts_with(key) && name.key[key.size()] == '.';
  });
}

/// A key as it can stand in a line of output.
std::string shown(std::string key) {
  if (key.size() > kMaxShownKeyBytes) key.resize(kMaxShownKeyBytes);
  for (char& c : key) {
    if (c < ' ' || c > '~') c = '?';
  }
  return key;
}

class Walk {
 public:
  Walk(const std::string& path, SettingsFile& out) : path_(path), out_(out) {}

  void root(const YAML::Node& node) {
    if (node.IsNull()) return;  // An empty file.
    if (!node.IsMap()) {
      out_.mistakes.push_back(path_ + ":" + std::to_string(line_of(node)) + ": should hold sections of `key: value`");
      return;
    }
    map(node, "");
  }

 private:
  static int line_of(const YAML::Node& node) { return node.Mark().line + 1; }

  void mistake(const std::string& key, int line, const std::string& what) {
    out_.mistakes.push_back(name_in_file(shown(key), path_, line) + ": " + what);
  }

  void map(const YAML::Node& node, const std::string& prefix) {
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) {
        mistake(prefix + "?", line_of(entry.first), "is not the name of a setting");
        continue;
      }
      const std::string key = prefix + entry.first.Scalar();
      const int line = line_of(entry.first);
      if (!seen_.insert(key).second) {
        mistake(key, line, "is given twice");
      } else if (prefix.empty() && is_section(key)) {
        section(entry.second, key, line);
      } else if (is_known(key)) {
        value(entry.second, key, line);
      } else {
        mistake(key, line, unknown(key));
      }
    }
  }

  static std::string unknown(const std::string& key) {
    if (key == "control_plane.token") {
      return "unknown setting; a token does not stand in this file, control_plane.token_file names the file with it";
    }
    return "unknown setting";
  }

  void section(const YAML::Node& node, const std::string& key, int line) {
    if (node.IsNull()) return;
    if (!node.IsMap()) return mistake(key, line, "should hold `key: value` lines");
    map(node, key + ".");
  }

  void value(const YAML::Node& node, const std::string& key, int line) {
    if (node.IsNull() || (node.IsScalar() && node.Scalar().empty())) return;
    if (!node.IsScalar()) return mistake(key, line, "holds a list or a map, should hold one plain value");
    out_.values[key] = FileValue{node.Scalar(), line};
  }

  const std::string& path_;
  SettingsFile& out_;
  std::set<std::string> seen_;
};

}  // namespace

std::string name_in_file(const std::string& key, const std::string& path, int line) {
  return key + " (" + path + ":" + std::to_string(line) + ")";
}

SettingsFile read_settings_file(const std::string& path, const std::string& asked_by) {
  SettingsFile out;
  const auto text = read_file(path, kMaxSettingsFileBytes);
  if (!text) {
    out.mistakes.push_back(asked_by + ": cannot read the settings file " + path + ": " + text.error().message);
    return out;
  }
  // yaml-cpp throws for what is not YAML or nested too deeply. Aliases are shared nodes, never copies, and only two
  // levels are walked.
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(*text);
    if (documents.size() > 1) {
      out.mistakes.push_back(path + ":" + std::to_string(documents[1].Mark().line + 1) +
                             ": a second YAML document begins, should be one");
    } else if (!documents.empty()) {
      Walk(path, out).root(documents.front());
    }
  } catch (const YAML::Exception& e) {
    out.mistakes.push_back(path + ":" + std::to_string(e.mark.line + 1) + ": not YAML: " + e.msg);
  } catch (const std::exception&) {
    out.mistakes.push_back(path + ":1: not YAML that can be read");
  }
  return out;
}

}  // namespace tether
