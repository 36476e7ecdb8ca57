#include "gateway_words.h"

#include <algorithm>
#include <functional>
#include <unordered_set>

#include "tether/protocol/sensitive.h"

namespace tether::daemon {
namespace {

using delivery::GatewayProblem;

/// What is kept of an answer that is no success. Far more than is ever shown: what is too short for the redactor is
/// taken out later, and must not have been cut in two here.
constexpr std::size_t kMaxTextBytes = std::size_t{64} * 1024;

constexpr std::size_t kMaxHarmless = 100'000;

/// Every piece of a text that a value could begin with. Views of the text.
std::unordered_set<std::string_view> beginnings_in(std::string_view text) {
  std::unordered_set<std::string_view> beginnings;
  for (; text.size() >= Redactor::kMinSecretBytes; text.remove_prefix(1)) {
    beginnings.insert(text.substr(0, Redactor::kMinSecretBytes));
  }
  return beginnings;
}

/// Quoted in JSON, these look otherwise.
bool needs_escape(std::string_view text) {
  return std::ranges::any_of(text,
                             [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; });
}

}  // namespace

void GatewayWords::look_for_secrets_in(std::string_view text) {
  const auto beginnings = beginnings_in(text);
  if (beginnings.empty()) return;
  // A store that cannot be read leaves what is known; the next refusal looks again.
  static_cast<void>(store_.visit_sensitive([this, &beginnings](std::string_view kind, std::string_view content) {
    const std::size_t hash = std::hash<std::string_view>()(content);
    if (harmless_.contains(hash)) return;
    auto values = protocol::sensitive_values(kind, content);
    if (values.empty()) note_harmless(hash);
    for (std::string& value : values) {
      const std::string_view beginning = std::string_view(value).substr(0, Redactor::kMinSecretBytes);
      if (beginnings.contains(beginning) || needs_escape(beginning)) redactor_.add_secret(Secret(std::move(value)));
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
  look_for_secrets_in(problem.text);
  problem.text = redactor_.redact(problem.text, kMaxTextBytes);
}

void GatewayWords::clear(delivery::StateOutcome& outcome) {
  if (auto* problem = std::get_if<GatewayProblem>(&outcome)) clear(*problem);
}

void GatewayWords::clear(delivery::PushOutcome& outcome) {
  if (auto* problem = std::get_if<GatewayProblem>(&outcome.answer)) return clear(*problem);
  auto& rejected = std::get<protocol::PushAnswer>(outcome.answer).rejected;
  std::string all;
  for (const auto& line : rejected) all += line.reason + '\n';
  look_for_secrets_in(all);
  for (auto& line : rejected) line.reason = redactor_.redact(line.reason);
}

}  // namespace tether::daemon
