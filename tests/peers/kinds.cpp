#include "tether/peers/kinds.h"

#include <algorithm>
#include <array>

namespace tether::peers {
namespace {

constexpr std::array<Kind, 6> kKinds{{
    {"RestApi", "api", "apiId", "apis", "api", "api", true},
    {"LlmProvider", "llmprovider", "providerId", "llm-providers", "llm-provider", "llm-provider", true},
    {"LlmProxy", "llmproxy", "proxyId", "llm-proxies", "llm-proxy", "llm-proxy", true},
    {"Mcp", "mcpproxy", "proxyId", "mcp-proxies", "mcp-proxy", "mcp-proxy", false},
    {"WebSubApi", "websub", "apiId", "websub-apis", "api", "websub-api", true},
    {"WebBrokerApi", "webbroker", "apiId", "webbroker-apis", "api", "webbroker-api", true},
}};

}  // namespace

std::span<const Kind> kinds() {
  return kKinds;
}

const Kind* kind_named(std::string_view name) {
  const auto found = std::ranges::find(kKinds, name, &Kind::name);
  return found == kKinds.end() ? nullptr : &*found;
}

const Kind* kind_of_folder(std::string_view rest_folder) {
  const auto found = std::ranges::find(kKinds, rest_folder, &Kind::rest_folder);
  return found == kKinds.end() ? nullptr : &*found;
}

}  // namespace tether::peers
