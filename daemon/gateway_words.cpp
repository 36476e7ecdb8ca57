#include "gateway_words.h"

#include <algorithm>
#include <functional>
#include <unordered_map>
#include <utility>

#include "tether/protocol/sensitive.h"

namespace tether::daemon {
namespace {

using delivery::GatewayProblem;

/// What is kept of an answer that is no success. Far more than is ever shown: what is too short for the redactor is
/// taken out later, and must not have been cut in two here.
constexpr std::size_t kMaxTextBytes = std::size_t{64} * 1024;
/// Likewise of the reason for one line, and of all different reasons in an answer: each of their bytes is looked up.
constexpr std::size_t kMaxReasonBytes = std::size_t{4} * 1024;
constexpr std::size_t kMaxReasonsBytes = std::size_t{256} * 1024;
constexpr std::string_view kLeftOut = "the reason is left out: too many others came with it";

constexpr std::size_t kMaxHarmless = 100'000;

/// Every piece of some texts that a value could begin with. Views of them.
class Beginnings {
 public:
  /// Of what begins in the first `max_bytes`.
  void add(std::string_view text, std::size_t max_bytes) {
    text = text.substr(0, max_bytes + Redactor::kMinSecretBytes - 1);
    for (; text.size() >= Redactor::kMinSecretBytes; text.remove_prefix(1)) {
      pieces_.push_back(text.substr(0, Redactor::kMinSecretBytes));
    }
  }
  /// After the last add().
  void sort() { std::ranges::sort(pieces_); }

  bool empty() const { return pieces_.empty(); }
  bool contain(std::string_view piece) const { return std::ranges::binary_search(pieces_, piece); }

 private:
  std::vector<std::string_view> pieces_;
};

/// Quoted in JSON, these look otherwise.
bool needs_escape(std::string_view text) {
  return std::ranges::any_of(text,
                             [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; });
}

}  // namespace

void GatewayWords::look_for_secrets_in(const std::vector<std::string_view>& texts, std::size_t max_bytes) {
  Beginnings beginnings;
  for (const auto text : texts) beginnings.add(text, max_bytes);
  if (beginnings.empty()) return;
  beginnings.sort();
  // A store that cannot be read leaves what is known; the next refusal looks again.
  static_cast<void>(store_.visit_sensitive([this, &beginnings](std::string_view kind, std::string_view content) {
    const std::size_t hash = std::hash<std::string_view>()(content);
    if (harmless_.contains(hash)) return;
    auto values = protocol::sensitive_values(kind, content);
    if (values.empty()) note_harmless(hash);
    for (std::string& value : values) {
      const std::string_view beginning = std::string_view(value).substr(0, Redactor::kMinSecretBytes);
      if (beginnings.contain(beginning) || needs_escape(beginning)) redactor_.add_secret(Secret(std::move(value)));
    }
  }));
}

void GatewayWords::note_harmless(std::size_t hash) {
  if (harmless_.size() >= kMaxHarmless) harmless_.clear();
  harmless_.insert(hash);
}

void GatewayWords::clear(GatewayProblem& problem) {
  // Other failures are told in our own words.
  if (problem.failure != delivery::GatewayFailure::Status) return;
  look_for_secrets_in({problem.text}, kMaxTextBytes);
  problem.text = redactor_.redact_beginning(problem.text, kMaxTextBytes);
}

void GatewayWords::clear(delivery::StateOutcome& outcome) {
  if (auto* problem = std::get_if<GatewayProblem>(&outcome)) clear(*problem);
}

void GatewayWords::clear(delivery::PushOutcome& outcome) {
  if (auto* problem = std::get_if<GatewayProblem>(&outcome.answer)) return clear(*problem);
  clear(std::get<protocol::PushAnswer>(outcome.answer).rejected);
}

void GatewayWords::clear(std::vector<protocol::RejectedLine>& rejected) {
  // One reason is often that of many lines.
  std::unordered_map<std::string_view, std::string> cleared;
  std::vector<std::string_view> looked_in;
  std::size_t room = kMaxReasonsBytes;
  for (const auto& line : rejected) {
    if (cleared.contains(line.reason)) continue;
    const std::size_t size = std::min(line.reason.size(), kMaxReasonBytes);
    if (size > room) continue;
    room -= size;
    looked_in.emplace_back(line.reason);
    cleared.try_emplace(line.reason);
  }
  look_for_secrets_in(looked_in, kMaxReasonBytes);
  for (auto& [reason, text] : cleared) text = redactor_.redact_beginning(reason, kMaxReasonBytes);

  std::vector<std::string> texts;  // The lines' own are what the others are found by.
  texts.reserve(rejected.size());
  for (const auto& line : rejected) {
    const auto known = cleared.find(line.reason);
    texts.emplace_back(known == cleared.end() ? kLeftOut : std::string_view(known->second));
  }
  for (std::size_t i = 0; i < rejected.size(); ++i) rejected[i].reason = std::move(texts[i]);
}

}  // namespace tether::daemon
