#include "tether/protocol/kinds.h"

#include <utility>

namespace tether::protocol {

const ArtifactKind* find_kind(std::string_view name) {
  for (const ArtifactKind& kind : kArtifactKinds) {
    if (kind.name == name) return &kind;
  }
  return nullptr;
}

const ArtifactKind* find_kind_by_prefix(std::string_view event_prefix) {
  for (const ArtifactKind& kind : kArtifactKinds) {
    if (kind.event_prefix == event_prefix) return &kind;
  }
  return nullptr;
}

std::string resource_type_of(std::string_view kind_name) {
  if (const ArtifactKind* kind = find_kind(kind_name)) return std::string(kind->resource_type);
  std::string lower(kind_name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::vector<std::string_view> known_kinds() {
  std::vector<std::string_view> out;
  out.reserve(kArtifactKinds.size() + kOtherKinds.size());
  for (const ArtifactKind& kind : kArtifactKinds) out.push_back(kind.name);
  out.insert(out.end(), kOtherKinds.begin(), kOtherKinds.end());
  return out;
}

int rank_of(std::string_view kind_name) {
  // An application names keys, a subscription names a plan and an application: each comes after what it names.
  static constexpr std::array<std::pair<std::string_view, int>, 12> kRanks = {{
      {kSecret, 0},
      {kSubscriptionPlan, 1},
      {"LlmProvider", 2},
      {"LlmProxy", 3},
      {"RestApi", 4},
      {"Mcp", 4},
      {"WebSubApi", 4},
      {"WebBrokerApi", 4},
      {kHmacSecret, 5},
      {kApiKey, 6},
      {kApplication, 7},
      {kSubscription, 8},
  }};
  for (const auto& [name, rank] : kRanks) {
    if (name == kind_name) return rank;
  }
  return 9;
}

}  // namespace tether::protocol
