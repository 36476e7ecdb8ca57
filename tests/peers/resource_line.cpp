#include "tether/peers/resource_line.h"

#include <yaml-cpp/yaml.h>

#include <array>
#include <regex>

#include "tether/peers/documents.h"
#include "tether/peers/kinds.h"

namespace tether::peers {
namespace {

std::string text_at(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

nlohmann::json data_of(const nlohmann::json& resource) {
  const auto found = resource.find("data");
  return found != resource.end() && found->is_object() ? *found : nlohmann::json::object();
}

struct DataShape {
  const char* kind;
  std::vector<const char*> required;  ///< Non-empty strings in `data`.
  std::vector<const char*> id;        ///< Members of `data` that make up the line's id, joined by `/`.
};

const std::vector<DataShape>& data_shapes() {
  static const std::vector<DataShape> kShapes{
      {"ApiKey", {"uuid", "name", "artifactUuid", "status"}, {"uuid"}},
      {"SubscriptionPlan", {"id", "handle", "planName", "status"}, {"id"}},
      {"Subscription", {"id", "apiId", "subscriptionToken", "status"}, {"id"}},
      {"Application", {"applicationId", "applicationUuid"}, {"applicationUuid"}},
      {"Secret", {"handle", "type", "hash", "updatedAt"}, {"handle"}},
      {"HmacSecret", {"artifactId", "name", "secret"}, {"artifactId", "name"}},
  };
  return kShapes;
}

void check_artifact(const nlohmann::json& resource, std::vector<std::string>& faults) {
  static const std::regex kDeployedAt(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)");
  for (const char* name : {"handle", "deploymentId", "deployedAt", "document"}) {
    if (text_at(resource, name).empty()) faults.push_back(std::string("an artifact line has no ") + name);
  }
  const std::string deployed_at = text_at(resource, "deployedAt");
  if (!std::regex_match(deployed_at, kDeployedAt)) {
    faults.push_back("deployedAt is not UTC with exactly three decimals: " + deployed_at);
  }
  constexpr std::array<std::string_view, 7> kMembers{"op",           "kind",       "id",      "handle",
                                                     "deploymentId", "deployedAt", "document"};
  for (const auto& item : resource.items()) {
    if (std::ranges::find(kMembers, item.key()) == kMembers.end()) {
      faults.push_back("an artifact line has an unknown member: " + item.key());
    }
  }
}

void check_data(const nlohmann::json& resource, const std::string& kind, std::vector<std::string>& faults) {
  const auto shape = std::ranges::find_if(data_shapes(), [&kind](const DataShape& s) { return s.kind == kind; });
  if (shape == data_shapes().end()) return faults.push_back("the kind is unknown: " + kind);
  if (!resource.contains("data") || !resource["data"].is_object())
    return faults.push_back("a " + kind + " has no data");
  const nlohmann::json data = data_of(resource);
  for (const char* name : shape->required) {
    if (text_at(data, name).empty()) faults.push_back("the data of a " + kind + " has no " + name);
  }
  std::string id;
  for (const char* name : shape->id) id += (id.empty() ? "" : "/") + text_at(data, name);
  if (id != text_at(resource, "id")) faults.push_back("the id of a " + kind + " is not that of its data");
  if (kind == "ApiKey" && !(data.contains("apiKeyHashes") && data["apiKeyHashes"].is_object())) {
    faults.push_back("the apiKeyHashes of an ApiKey is no object");
  }
}

}  // namespace

bool is_artifact_kind(const std::string& kind) {
  return kind_named(kind) != nullptr;
}

std::vector<std::string> shape_faults(const nlohmann::json& resource) {
  std::vector<std::string> faults;
  const std::string kind = text_at(resource, "kind");
  if (is_artifact_kind(kind)) {
    check_artifact(resource, faults);
  } else {
    check_data(resource, kind, faults);
  }
  return faults;
}

std::string document_fault(const nlohmann::json& resource) {
  const std::string document = text_at(resource, "document");
  const std::string kind = text_at(resource, "kind");
  const bool names_kind =
      document.find("kind: " + kind) != std::string::npos || document.find("\"kind\":") != std::string::npos;
  if (!names_kind) return "the document is no " + kind;
  if (document.find(text_at(resource, "handle")) == std::string::npos) return "metadata.name is not the handle";
  return "";
}

std::vector<std::string> providers_of(const nlohmann::json& resource) {
  std::vector<std::string> handles;
  try {
    const YAML::Node spec = YAML::Load(text_at(resource, "document"))["spec"];
    if (spec["provider"] && spec["provider"]["id"]) handles.push_back(spec["provider"]["id"].as<std::string>());
    for (const auto& provider : spec["additionalProviders"]) handles.push_back(provider["id"].as<std::string>());
  } catch (const YAML::Exception&) {
    return {};
  }
  return handles;
}

std::string name_of(const nlohmann::json& resource) {
  const std::string kind = text_at(resource, "kind");
  if (kind == "Secret") return "secret:" + text_at(resource, "id");
  if (kind == "SubscriptionPlan") return "plan:" + text_at(resource, "id");
  if (kind == "LlmProvider") return "provider:" + text_at(resource, "handle");
  return is_artifact_kind(kind) ? "artifact:" + text_at(resource, "id") : "";
}

std::vector<std::string> references_of(const nlohmann::json& resource) {
  std::vector<std::string> names;
  const std::string kind = text_at(resource, "kind");
  const nlohmann::json data = data_of(resource);
  if (kind == "ApiKey") names.push_back("artifact:" + text_at(data, "artifactUuid"));
  if (kind == "Subscription") {
    names.push_back("artifact:" + text_at(data, "apiId"));
    if (data.contains("subscriptionPlanId")) names.push_back("plan:" + text_at(data, "subscriptionPlanId"));
  }
  if (!is_artifact_kind(kind)) return names;
  for (const std::string& secret : secrets_named_in(text_at(resource, "document"))) names.push_back("secret:" + secret);
  if (kind == "LlmProxy") {
    for (const std::string& provider : providers_of(resource)) names.push_back("provider:" + provider);
  }
  return names;
}

}  // namespace tether::peers
