#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tether::protocol {

/// One of the six kinds of artifact that the control plane deploys, with every name that it goes by on the wire. A kind
/// that is not in this table still passes through: its name is then a plain string with `rank_of` last.
struct ArtifactKind {
  std::string_view name;           ///< In listings, documents and towards the gateway: `RestApi`.
  std::string_view event_prefix;   ///< `api` in `api.deployed`.
  std::string_view id_member;      ///< `apiId` in that event's payload.
  std::string_view resource_type;  ///< In a `deployment.ack`.
  std::string_view keys_path;      ///< Where its API keys are listed, below the REST base; empty: nowhere.
};

inline constexpr std::array<ArtifactKind, 6> kArtifactKinds = {{
    {"RestApi", "api", "apiId", "api", "/apis/api-keys"},
    {"LlmProvider", "llmprovider", "providerId", "llmprovider", "/llm-providers/api-keys"},
    {"LlmProxy", "llmproxy", "proxyId", "llmproxy", "/llm-proxies/api-keys"},
    {"Mcp", "mcpproxy", "proxyId", "mcpproxy", ""},
    {"WebSubApi", "websub", "apiId", "websub", "/websub-apis/api-keys"},
    {"WebBrokerApi", "webbroker", "apiId", "webbroker", "/webbroker-apis/api-keys"},
}};

const ArtifactKind* find_kind(std::string_view name);
const ArtifactKind* find_kind_by_prefix(std::string_view event_prefix);

/// What an ack calls this kind; for one that is not in the table, its name in lower case.
std::string resource_type_of(std::string_view kind_name);

// The other kinds of resource, by the names that the gateway knows them by.
inline constexpr std::string_view kSecret = "Secret";
inline constexpr std::string_view kHmacSecret = "HmacSecret";
inline constexpr std::string_view kSubscriptionPlan = "SubscriptionPlan";
inline constexpr std::string_view kApiKey = "ApiKey";
inline constexpr std::string_view kApplication = "Application";
inline constexpr std::string_view kSubscription = "Subscription";
inline constexpr std::array kOtherKinds = {kApiKey, kApplication,  kHmacSecret,
                                           kSecret, kSubscription, kSubscriptionPlan};

/// All of these and those, the kinds of artifact first.
std::vector<std::string_view> known_kinds();

/// The place of a kind in the order in which resources can be applied, small first; removals go in reverse. Secrets,
/// plans, providers, proxies, other artifacts, then what belongs to an artifact (section 5.8 of PROTOCOL.md).
int rank_of(std::string_view kind_name);

}  // namespace tether::protocol
