#include "tether/settings/settings_file.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <exception>
#include <map>
#include <set>
#include <sstream>
#include <string_view>
#include <vector>

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

struct Node {
  enum class Kind { Null, Scalar, List, Map };

  Kind kind = Kind::Null;
  std::string text;
  int line = 0;
  std::vector<const Node*> children;  ///< Map: key and value in turn. What an alias names is shared, never copied.
};

/// A document as the parser tells it, and where it began. Nodes may go round in circles; they live as long as it does.
class Document : public YAML::EventHandler {
 public:
  const Node& root() const { return *root_; }
  int line() const { return line_; }

  void OnDocumentStart(const YAML::Mark& mark) override { line_ = mark.line + 1; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(Node::Kind::Null, mark, anchor); }
  void OnAlias(const YAML::Mark&, YAML::anchor_t anchor) override { hang(anchored_.at(anchor)); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, const std::string& text) override {
    add(Node::Kind::Scalar, mark, anchor).text = text;
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open_.push_back(&add(Node::Kind::List, mark, anchor));
  }
  void OnSequenceEnd() override { open_.pop_back(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open_.push_back(&add(Node::Kind::Map, mark, anchor));
  }
  void OnMapEnd() override { open_.pop_back(); }

 private:
  Node& add(Node::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    Node& node = nodes_.emplace_back(Node{kind, "", mark.line + 1, {}});
    if (anchor != YAML::NullAnchor) anchored_[anchor] = &node;
    hang(&node);
    return node;
  }

  void hang(const Node* node) {
    if (open_.empty()) {
      root_ = node;
    } else {
      open_.back()->children.push_back(node);
    }
  }

  std::deque<Node> nodes_;
  Node nothing_;
  const Node* root_ = &nothing_;
  int line_ = 0;
  std::vector<Node*> open_;
  std::map<YAML::anchor_t, const Node*> anchored_;
};

class Walk {
 public:
  Walk(const std::string& path, SettingsFile& out) : path_(path), out_(out) {}

  void root(const Node& node) {
    if (node.kind == Node::Kind::Null) return;  // An empty file.
    if (node.kind != Node::Kind::Map) {
      out_.mistakes.push_back(path_ + ":" + std::to_string(node.line) + ": should hold sections of `key: value`");
      return;
    }
    map(node, "");
  }

 private:
  void mistake(const std::string& key, int line, const std::string& what) {
    out_.mistakes.push_back(name_in_file(shown(key), path_, line) + ": " + what);
  }

  void map(const Node& node, const std::string& prefix) {
    for (std::size_t i = 0; i + 1 < node.children.size(); i += 2) {
      const Node& name = *node.children[i];
      const Node& held = *node.children[i + 1];
      if (name.kind != Node::Kind::Scalar) {
        mistake(prefix + "?", name.line, "is not the name of a setting");
        continue;
      }
      const std::string key = prefix + name.text;
      const int line = name.line;
      if (!seen_.insert(key).second) {
        mistake(key, line, "is given twice");
      } else if (prefix.empty() && is_section(key)) {
        section(held, key, line);
      } else if (is_known(key)) {
        value(held, key, line);
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

  void section(const Node& node, const std::string& key, int line) {
    if (node.kind == Node::Kind::Null) return;
    if (node.kind != Node::Kind::Map) return mistake(key, line, "should hold `key: value` lines");
    map(node, key + ".");
  }

  void value(const Node& node, const std::string& key, int line) {
    const bool is_plain_value = node.kind == Node::Kind::Null || node.kind == Node::Kind::Scalar;
    if (!is_plain_value) return mistake(key, line, "holds a list or a map, should hold one plain value");
    if (!node.text.empty()) out_.values[key] = FileValue{node.text, line};
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
  // yaml-cpp throws for what is not YAML or nested too deeply. Not by YAML::Load, which does not say that there is
  // more, nor by YAML::LoadAll, which makes documents without end of a text that begins with a comma.
  try {
    std::istringstream in(*text);
    YAML::Parser parser(in);
    Document document;
    Document second;
    if (parser.HandleNextDocument(document) && parser.HandleNextDocument(second)) {
      out.mistakes.push_back(path + ":" + std::to_string(second.line()) +
                             ": a second YAML document begins, should be one");
    } else {
      Walk(path, out).root(document.root());
    }
  } catch (const YAML::Exception& e) {
    out.mistakes.push_back(path + ":" + std::to_string(e.mark.line + 1) + ": not YAML: " + e.msg);
  } catch (const std::exception&) {
    out.mistakes.push_back(path + ":1: not YAML that can be read");
  }
  return out;
}

}  // namespace tether
