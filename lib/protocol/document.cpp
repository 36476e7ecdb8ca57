#include "tether/protocol/document.h"

#include <yaml.h>

#include <initializer_list>
#include <new>
#include <optional>
#include <unordered_set>
#include <utility>

#include "tether/protocol/placeholders.h"

namespace tether::protocol {
namespace {

/// What is wrong with the document, if anything.
using Problem = std::optional<std::string>;

std::string at_line(const yaml_mark_t& mark) {
  return " at line " + std::to_string(mark.line + 1);
}

std::string_view text_of(const yaml_char_t* bytes, std::size_t length) {
  return {reinterpret_cast<const char*>(bytes), length};
}

/// libyaml compares each of these directives with all before it, and each tag with all of them.
bool has_too_many_tag_directives(std::string_view document) {
  constexpr std::string_view kDirective = "%TAG";
  std::size_t count = 0;
  for (auto at = document.find(kDirective); at != std::string_view::npos; at = document.find(kDirective, at + 1)) {
    if (++count > kMaxTagDirectives) return true;
  }
  return false;
}

/// libyaml's events of one document.
class Events {
 public:
  explicit Events(std::string_view document) {
    if (yaml_parser_initialize(&parser_) == 0) throw std::bad_alloc();
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(document.data()), document.size());
  }
  ~Events() {
    if (is_event_) yaml_event_delete(&event_);
    yaml_parser_delete(&parser_);
  }
  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;

  /// Null: it is no YAML, at `end`. Valid until the next one.
  const yaml_event_t* next() {
    if (std::exchange(is_event_, false)) yaml_event_delete(&event_);
    is_event_ = yaml_parser_parse(&parser_, &event_) != 0;
    if (!is_event_ && parser_.error == YAML_MEMORY_ERROR) throw std::bad_alloc();
    return is_event_ ? &event_ : nullptr;
  }
  const yaml_mark_t& end() const { return parser_.problem_mark.line > 0 ? parser_.problem_mark : parser_.mark; }

 private:
  yaml_parser_t parser_{};
  yaml_event_t event_{};
  bool is_event_ = false;
};

/// A plain scalar that stands for no value.
bool is_null(const yaml_event_t& event, std::string_view value) {
  const auto& scalar = event.data.scalar;
  if (scalar.style != YAML_PLAIN_SCALAR_STYLE || scalar.tag != nullptr) return false;
  return value.empty() || value == "~" || value == "null" || value == "Null" || value == "NULL";
}

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

/// Follows the events with the path to where they are, and picks up the facts. Nothing is built, and an alias is one
/// event whatever it stands for.
class FactReader {
 public:
  Problem take(const yaml_event_t& event) {
    switch (event.type) {
      case YAML_ALIAS_EVENT: {
        const bool is_known = anchors_.contains(reinterpret_cast<const char*>(event.data.alias.anchor));
        return is_known ? leaf(event, {}) : "not YAML" + at_line(event.start_mark);
      }
      case YAML_SCALAR_EVENT:
        note_anchor(event.data.scalar.anchor);
        return scalar(event, text_of(event.data.scalar.value, event.data.scalar.length));
      case YAML_SEQUENCE_START_EVENT:
        note_anchor(event.data.sequence_start.anchor);
        return open(event, /*is_map=*/false);
      case YAML_MAPPING_START_EVENT:
        note_anchor(event.data.mapping_start.anchor);
        return open(event, /*is_map=*/true);
      case YAML_SEQUENCE_END_EVENT:
      case YAML_MAPPING_END_EVENT:
        levels_.pop_back();
        end_node({});
        return std::nullopt;
      default:
        return std::nullopt;
    }
  }

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

  void note_anchor(const yaml_char_t* anchor) {
    if (anchor != nullptr) anchors_.emplace(reinterpret_cast<const char*>(anchor));
  }

  Problem begin_node(const yaml_event_t& event) {
    if (++nodes_ <= kMaxDocumentNodes) return std::nullopt;
    return "more than " + std::to_string(kMaxDocumentNodes) + " nodes" + at_line(event.start_mark);
  }

  Problem leaf(const yaml_event_t& event, std::string_view value) {
    auto problem = begin_node(event);
    end_node(value);
    return problem;
  }

  Problem scalar(const yaml_event_t& event, std::string_view value) {
    if (is_null(event, value)) return leaf(event, {});
    if (!is_name()) {
      note_fact(value);
      bool has_placeholder = false;
      find_placeholders(value, [this, &has_placeholder](std::string_view handle) {
        secrets_.add(handle);
        has_placeholder = true;
      });
      if (is_credential() && !has_placeholder) facts_.credentials.emplace_back(value);
    }
    return leaf(event, value);
  }

  /// A node is over; if it was a name, it says where the next one is.
  void end_node(std::string_view scalar) {
    if (levels_.empty() || !levels_.back().is_map) return;
    Level& level = levels_.back();
    level.name = level.expects_name ? std::string(scalar) : std::string();
    level.expects_name = !level.expects_name;
  }

  Problem open(const yaml_event_t& event, bool is_map) {
    if (auto problem = begin_node(event)) return problem;
    if (levels_.size() == static_cast<std::size_t>(kMaxDocumentDepth)) {
      return "nested deeper than " + std::to_string(kMaxDocumentDepth) + at_line(event.start_mark);
    }
    levels_.push_back({is_map, /*expects_name=*/is_map, {}});
    return std::nullopt;
  }

  bool is_name() const { return !levels_.empty() && levels_.back().is_map && levels_.back().expects_name; }

  void note_fact(std::string_view value) {
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

  std::vector<Level> levels_;
  std::size_t nodes_ = 0;
  DocumentFacts facts_;
  HandleList providers_;
  HandleList secrets_;
  std::unordered_set<std::string> anchors_;
};

tl::unexpected<Error> refuse(const std::string& what) {
  return fail(ErrorKind::Reject, "document: " + what);
}

/// Runs the parser over the whole text. libyaml's own messages are left out: the line is enough.
Problem parse_into(FactReader& reader, std::string_view document) {
  if (document.empty()) return "empty";
  if (has_too_many_tag_directives(document)) {
    return "more than " + std::to_string(kMaxTagDirectives) + " times %TAG";
  }
  Events events(document);
  bool has_begun = false;
  while (const yaml_event_t* event = events.next()) {
    if (event->type == YAML_STREAM_END_EVENT) return has_begun ? Problem() : "empty";
    if (event->type == YAML_DOCUMENT_START_EVENT && std::exchange(has_begun, true))
      return "more than one YAML document";
    if (auto problem = reader.take(*event)) return problem;
  }
  return "not YAML" + at_line(events.end());
}

}  // namespace

Result<DocumentFacts> read_document(std::string_view document) {
  if (!is_utf8(document)) return refuse("not UTF-8");
  FactReader reader;
  if (const Problem problem = parse_into(reader, document)) return refuse(*problem);
  DocumentFacts facts = reader.take_facts();
  if (facts.kind.empty()) return refuse("kind is missing");
  if (facts.handle.empty()) return refuse("metadata.name is missing");
  return facts;
}

}  // namespace tether::protocol
