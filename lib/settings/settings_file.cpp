#include "tether/settings/settings_file.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <set>
#include <sstream>
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

/// Takes in a document and keeps where it began.
class Beginning : public YAML::EventHandler {
 public:
  int line = 0;

  void OnDocumentStart(const YAML::Mark& mark) override { line = mark.line + 1; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

/// The line on which a second document begins, or nullopt. Not by YAML::LoadAll: of a text that begins with a comma it
/// makes documents without end.
std::optional<int> second_document(const std::string& text) {
  std::istringstream in(text);
  YAML::Parser parser(in);
  Beginning document;
  if (!parser.HandleNextDocument(document) || !parser.HandleNextDocument(document)) return std::nullopt;
  return document.line;
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
    if (const auto line = second_document(*text)) {
      out.mistakes.push_back(path + ":" + std::to_string(*line) + ": a second YAML document begins, should be one");
    } else {
      Walk(path, out).root(YAML::Load(*text));
    }
  } catch (const YAML::Exception& e) {
    out.mistakes.push_back(path + ":" + std::to_string(e.mark.line + 1) + ": not YAML: " + e.msg);
  } catch (const std::exception&) {
    out.mistakes.push_back(path + ":1: not YAML that can be read");
  }
  return out;
}

}  // namespace tether
