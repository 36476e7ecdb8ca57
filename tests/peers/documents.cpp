#include "tether/peers/documents.h"

#include <algorithm>
#include <regex>

namespace tether::peers {
namespace {

std::string placeholder(const std::string& secret) {
  return "'{{ secret \"" + secret + "\" }}'";
}

std::string secret_policies(const SampleDocument& what, const std::string& indent) {
  std::string text;
  for (const std::string& secret : what.secrets) {
    text += indent + "- name: set-headers\n" + indent + "  version: v1\n" + indent + "  params:\n" + indent +
            "    request:\n" + indent + "      - {name: X-Backend-Key, value: " + placeholder(secret) + "}\n";
  }
  return text;
}

std::string rest_api(const SampleDocument& what) {
  std::string text = "  context: /" + what.handle +
                     "/$version\n"
                     "  vhosts:\n    main: _gateway_default_\n"
                     "  upstream:\n    main:\n      url: " +
                     what.backend + "\n";
  if (!what.credential.empty()) {
    text += "      auth: {type: api-key, header: Authorization, value: '" + what.credential + "'}\n";
  }
  if (!what.secrets.empty()) text += "  policies:\n" + secret_policies(what, "    ");
  text +=
      "  operations:\n"
      "    - {method: GET, path: /items}\n"
      "    - method: POST\n      path: /items\n"
      "      policies:\n        - {name: rate-limit, version: v1, params: {requests: 10, unit: minute}}\n";
  return text;
}

std::string llm_provider(const SampleDocument& what) {
  std::string text =
      "  context: /" + what.handle + "\n  template: openai\n  upstream:\n    url: " + what.backend + "\n";
  if (!what.secrets.empty()) {
    text += "    auth:\n      type: api-key\n      header: Authorization\n      value: 'Bearer {{ secret \"" +
            what.secrets.front() + "\" }}'\n";
  }
  text += "  accessControl:\n    mode: deny_all\n    exceptions:\n      - {path: /chat/completions, methods: [POST]}\n";
  if (what.v1alpha1) {
    text +=
        "  policies:\n    - name: api-key-auth\n      version: \"\"\n      paths:\n"
        "        - {path: /*, methods: ['*'], params: {in: header, key: X-API-Key}}\n";
  } else {
    text += "  globalPolicies:\n    - {name: api-key-auth, version: \"\", params: {in: header, key: X-API-Key}}\n";
  }
  return text;
}

std::string llm_proxy(const SampleDocument& what) {
  const std::string first = what.providers.empty() ? "openai-provider" : what.providers.front();
  std::string text = "  context: /" + what.handle + "\n  provider:\n    id: " + first + "\n";
  if (!what.secrets.empty()) {
    text +=
        "    auth:\n      type: api-key\n      header: X-API-Key\n      value: " + placeholder(what.secrets.front()) +
        "\n";
  }
  if (what.providers.size() > 1) {
    text += "  additionalProviders:\n";
    for (std::size_t i = 1; i < what.providers.size(); ++i) {
      text += "    - id: " + what.providers[i] +
              "\n      as: fallback\n      transformer: {type: openai-to-anthropic, version: v1, params: {}}\n";
    }
  }
  return text + (what.v1alpha1 ? "  policies: []\n" : "  globalPolicies: []\n  operationPolicies: []\n");
}

std::string mcp(const SampleDocument& what) {
  std::string text = "  context: /" + what.handle + "\n  vhost: null\n  upstream:\n    url: " + what.backend + "\n";
  text += what.secrets.empty()
              ? "    auth: null\n"
              : "    auth: {type: api-key, header: X-API-Key, value: " + placeholder(what.secrets.front()) + "}\n";
  return text +
         "  specVersion: \"2025-06-18\"\n  policies:\n    - executioncondition: null\n      name: mcp-auth\n"
         "      params:\n        issuers: [local]\n      version: v1\n";
}

std::string web_sub(const SampleDocument& what) {
  return "  context: /" + what.handle +
         "\n  vhosts:\n    main: _gateway_default_\n  hub: {}\n  channels:\n    orders:\n"
         "      on_subscription:\n        policies:\n"
         "          - {executioncondition: null, name: hub-auth, params: {}, version: v1}\n";
}

std::string web_broker(const SampleDocument& what) {
  return "  context: /" + what.handle +
         "\n  vhosts:\n    main: _gateway_default_\n"
         "  receiver: {name: ws, type: websocket, properties: {}, policies: []}\n"
         "  broker: {name: kafka, type: kafka, properties: {}, policies: []}\n"
         "  channels:\n    orders:\n      produceTo: {topic: orders}\n      consumeFrom: {topic: orders}\n";
}

std::string metadata(const SampleDocument& what) {
  constexpr const char* kProject = "3a5c8e10-7b42-4d9f-8e61-0c2b4d6f8a99";
  std::string text = "metadata:\n  name: " + what.handle + "\n";
  if (what.kind == "RestApi") {
    text += std::string("  labels:\n    project-id: ") + kProject +
            "\n  annotations:\n    gateway.api-platform.wso2.com/project-id: " + kProject + "\n";
  }
  if (what.kind == "Mcp") text += std::string("  labels:\n    projectId: ") + kProject + "\n";
  return text;
}

}  // namespace

std::string sample_document(const SampleDocument& what) {
  std::string text = std::string("apiVersion: gateway.api-platform.wso2.com/") + (what.v1alpha1 ? "v1alpha1" : "v1") +
                     "\nkind: " + what.kind + "\n" + metadata(what) + "spec:\n  displayName: " + what.handle +
                     "\n  version: v1.0\n";
  if (what.kind == "RestApi") text += rest_api(what);
  if (what.kind == "LlmProvider") text += llm_provider(what);
  if (what.kind == "LlmProxy") text += llm_proxy(what);
  if (what.kind == "Mcp") text += mcp(what);
  if (what.kind == "WebSubApi") text += web_sub(what);
  if (what.kind == "WebBrokerApi") text += web_broker(what);
  while (text.size() < what.at_least_bytes) {
    const std::size_t missing = what.at_least_bytes - text.size();
    text += "#" + std::string(std::min<std::size_t>(missing, 100), '.') + "\n";
  }
  return text;
}

std::vector<std::string> secrets_named_in(std::string_view document) {
  if (document.find("{{") == std::string_view::npos) return {};
  static const std::regex kPlaceholder(R"(\{\{\s*secret\s+\\?"([^"\\]+)\\?"\s*\}\})");
  std::vector<std::string> names;
  using Matches = std::regex_iterator<std::string_view::const_iterator>;
  for (Matches match(document.begin(), document.end(), kPlaceholder); match != Matches(); ++match) {
    const std::string name = (*match)[1].str();
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  }
  return names;
}

}  // namespace tether::peers
