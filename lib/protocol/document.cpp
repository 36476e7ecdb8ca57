#include "tether/protocol/document.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <optional>
#include <sstream>
#include <unordered_set>
#include <utility>

#include "tether/protocol/placeholders.h"

namespace tether::protocol {
namespace {

/// Thrown out of yaml-cpp's parser at a limit, because its events cannot be answered; never leaves this file.
struct LimitPassed {
  std::string message;
};

/// Handles in the order in which they came, without repeats.
class HandleList {
 public:
  void add(std::string_view handle) {
    if (handle.empty() || !seen_.emplace(handle).second) return;
    handles_.emplace_back(handle);
  }
  std::vector<std::string> take() { return std::move(handles_); }

 private:
  std::unordered_set<std::string> seen_;
  std::vector<std::string> handles_;
};

/// Follows the parser's events with the path to where they are, and picks up the facts. Nothing is built, and an alias
/// is one event whatever it stands for.
class FactReader : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    begin_node(mark);
    end_node(/*scalar=*/std::string_view());
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override { OnNull(mark, anchor); }

  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t, const std::string& value) override {
    begin_node(mark);
    if (!is_name()) {
      note_fact(value);
      bool has_placeholder = false;
      find_placeholders(value, [this, &has_placeholder](std::string_view handle) {
        secrets_.add(handle);
        has_placeholder = true;
      });
      if (is_credential() && !has_placeholder) facts_.credentials.push_back(value);
    }
    end_node(value);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
    open(mark, /*is_map=*/false);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
    open(mark, /*is_map=*/true);
  }
  void OnMapEnd() override { close(); }

  DocumentFacts take_facts() {
    // Providers are named by LlmProxy documents only; the same path in another kind means something else.
    auto providers = providers_.take();
    if (facts_.kind == "LlmProxy") facts_.providers = std::move(providers);
    facts_.secrets = secrets_.take();
    return std::move(facts_);
  }

 private:
  struct Level {
    bool is_map = false;
    bool expects_name = false;  ///< In a map: the next node is a name, not a value.
    std::string name;           ///< Of the value that is being read; empty in sequences.
  };

  void begin_node(const YAML::Mark& mark) {
    if (++nodes_ > kMaxDocumentNodes) {
      throw LimitPassed{"more than " + std::to_string(kMaxDocumentNodes) + " nodes at line " + line_of(mark)};
    }
  }

  /// A node is over; if it was a name, it says where the next one is.
  void end_node(std::string_view scalar) {
    if (levels_.empty() || !levels_.back().is_map) return;
    Level& level = levels_.back();
    level.name = level.expects_name ? std::string(scalar) : std::string();
    level.expects_name = !level.expects_name;
  }

  void open(const YAML::Mark& mark, bool is_map) {
    begin_node(mark);
    if (levels_.size() == static_cast<std::size_t>(kMaxDocumentDepth)) {
      throw LimitPassed{"nested deeper than " + std::to_string(kMaxDocumentDepth) + " at line " + line_of(mark)};
    }
    levels_.push_back({is_map, /*expects_name=*/is_map, {}});
  }

  void close() {
    levels_.pop_back();
    end_node(/*scalar=*/std::string_view());
  }

  bool is_name() const { return !levels_.empty() && levels_.back().is_map && levels_.back().expects_name; }

  void note_fact(const std::string& value) {
    if (is_at({"kind"})) facts_.kind = value;
    if (is_at({"metadata", "name"})) facts_.handle = value;
    if (is_at({"spec", "provider", "id"}) || is_at({"spec", "additionalProviders", "", "id"})) providers_.add(value);
  }

  /// Whether the present value is at this path; the empty name stands for a place in a sequence.
  bool is_at(std::initializer_list<std::string_view> path) const {
    if (path.size() != levels_.size()) return false;
    auto level = levels_.begin();
    for (const std::string_view name : path) {
      if (level->is_map == name.empty() || level->name != name) return false;
      ++level;
    }
    return true;
  }

  bool is_credential() const {
    const std::size_t depth = levels_.size();
    return depth >= 2 && levels_[depth - 1].name == "value" && levels_[depth - 2].name == "auth";
  }

  static std::string line_of(const YAML::Mark& mark) { return std::to_string(mark.line + 1); }

  std::vector<Level> levels_;
  std::size_t nodes_ = 0;
  DocumentFacts facts_;
  HandleList providers_;
  HandleList secrets_;
};

tl::unexpected<Error> refuse(const std::string& what) {
  return fail(ErrorKind::Reject, "document: " + what);
}

/// Runs the parser over the whole text; says what is wrong with it, if anything. yaml-cpp's own messages are left out
/// because they may quote the document.
std::optional<std::string> parse_into(FactReader& reader, std::string_view document) {
  try {
    std::istringstream in{std::string(document)};
    YAML::Parser parser(in);
    if (!parser.HandleNextDocument(reader)) return "empty";
    FactReader nothing_more;
    if (parser.HandleNextDocument(nothing_more)) return "more than one YAML document";
  } catch (const LimitPassed& limit) {
    return limit.message;
  } catch (const YAML::Exception& error) {
    return "not YAML at line " + std::to_string(error.mark.line + 1);
  }
  return std::nullopt;
}

}  // namespace

Result<DocumentFacts> read_document(std::string_view document) {
  if (!is_utf8(document)) return refuse("not UTF-8");
  FactReader reader;
  if (const auto problem = parse_into(reader, document)) return refuse(*problem);
  DocumentFacts facts = reader.take_facts();
  if (facts.kind.empty()) return refuse("kind is missing");
  if (facts.handle.empty()) return refuse("metadata.name is missing");
  return facts;
}

}  // namespace tether::protocol
