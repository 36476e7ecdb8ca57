#include "tether/peers/gateway_config.h"

#include <algorithm>

#include "tether/peers/resource_line.h"

namespace tether::peers {
namespace {

constexpr std::size_t kViolationsPerBody = 20;

std::string text_at(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

/// Both names of an artifact that others may refer to: a provider is known by handle and by id.
std::vector<std::string> names_of(const nlohmann::json& resource) {
  std::vector<std::string> names{name_of(resource)};
  if (text_at(resource, "kind") == "LlmProvider") names.push_back("artifact:" + text_at(resource, "id"));
  return names;
}

/// What the first refusal that fits a `put` line says, or nothing.
std::string reason_for_put(const std::vector<Refusal>& refusals, const nlohmann::json& resource) {
  const auto fits = [&resource](const std::string& wanted, const char* member) {
    return wanted.empty() || text_at(resource, member) == wanted;
  };
  for (const Refusal& refusal : refusals) {
    const bool contains = refusal.document_contains.empty() ||
                          text_at(resource, "document").find(refusal.document_contains) != std::string::npos;
    if (fits(refusal.kind, "kind") && fits(refusal.id, "id") && fits(refusal.handle, "handle") && contains) {
      return refusal.reason;
    }
  }
  return "";
}

/// The same for a `delete` line, which has nothing but kind and id.
std::string reason_for_delete(const std::vector<Refusal>& refusals, const ResourceKey& key) {
  std::string reason;
  for (const Refusal& refusal : refusals) {
    const bool names_it = refusal.id == key.second && (refusal.kind.empty() || refusal.kind == key.first);
    if (names_it && refusal.document_contains.empty() && refusal.handle.empty()) reason = refusal.reason;
  }
  return reason;
}

}  // namespace

Result<ConfigHeader> read_config_header(const std::string& line, bool replaces) {
  const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  const auto is_count = [&json](const char* name) {
    return json.contains(name) && json[name].is_number_integer() && json[name] >= 0;
  };
  if (!json.is_object()) return fail(ErrorKind::Reject, "the first line is no JSON object");
  if (text_at(json, "epoch").empty()) return fail(ErrorKind::Reject, "the first line has no epoch");
  if (!is_count("revision") || !is_count("count")) {
    return fail(ErrorKind::Reject, "the first line has no revision or no count");
  }
  ConfigHeader header;
  header.replaces = replaces;
  header.epoch = json["epoch"];
  header.revision = json["revision"];
  header.count = json["count"];
  if (replaces) return header;
  if (!json.contains("from_epoch") || !is_count("from")) {
    return fail(ErrorKind::Reject, "the first line has no from_epoch or no from");
  }
  if (json["from_epoch"].is_string()) header.from_epoch = json["from_epoch"].get<std::string>();
  header.from = json["from"];
  return header;
}

ConfigChange::ConfigChange(ConfigHeader header, const GatewayConfig& now, const std::vector<Refusal>& refusals,
                           const std::vector<Refusal>& body_refusals)
    : header_(std::move(header)),
      now_(now),
      refusals_(refusals),
      body_refusals_(body_refusals),
      providers_(now.providers_heard_of) {}

void ConfigChange::violation(const std::string& sentence) {
  if (violations_.size() < kViolationsPerBody) violations_.push_back(sentence);
}

void ConfigChange::take_line(const std::string& line) {
  ++lines_;
  nlohmann::json json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  const std::string kind = json.is_object() ? text_at(json, "kind") : "";
  const std::string id = json.is_object() ? text_at(json, "id") : "";
  if (kind.empty() || id.empty()) {
    malformed_ = "line " + std::to_string(lines_) + " is no resource";
    return violation(malformed_);
  }
  const ResourceKey key{kind, id};
  if (!seen_.insert(key).second) violation("one body has two lines for " + kind + " " + id);

  const std::string op = text_at(json, "op");
  if (header_.replaces && json.contains("op")) violation("a line of a PUT has an op");
  if (!header_.replaces && op != "put" && op != "delete") {
    malformed_ = "line " + std::to_string(lines_) + " has no op";
    return violation(malformed_);
  }
  if (op == "delete") return take_delete(key);
  if (!header_.replaces) {
    json.erase("op");
    return take_put(json, json.dump());
  }
  take_put(json, line);
}

void ConfigChange::take_put(const nlohmann::json& resource, std::string line) {
  const ResourceKey key{text_at(resource, "kind"), text_at(resource, "id")};
  check_shape(resource);
  check_order_of_put(resource, key);
  if (told_to_refuse_.empty()) told_to_refuse_ = reason_for_put(body_refusals_, resource);
  const std::string reason = why_refused(resource);
  applied_.push_back(
      {/*removed=*/false, key.first, key.second, text_at(resource, "handle"), reason, text_at(resource, "deployedAt")});
  if (!reason.empty()) return;
  if (key.first == "LlmProvider") providers_.insert(text_at(resource, "handle"));
  puts_[key] = std::move(line);
}

void ConfigChange::take_delete(const ResourceKey& key) {
  check_order_of_delete(key);
  if (told_to_refuse_.empty()) told_to_refuse_ = reason_for_delete(body_refusals_, key);
  const std::string reason = reason_for_delete(refusals_, key);
  applied_.push_back({/*removed=*/true, key.first, key.second, "", reason});
  if (reason.empty()) deletes_.insert(key);
}

void ConfigChange::check_shape(const nlohmann::json& resource) {
  for (const std::string& fault : shape_faults(resource)) violation(fault);
}

/// Nothing may come before what it refers to, if both are in one body.
void ConfigChange::check_order_of_put(const nlohmann::json& resource, const ResourceKey& key) {
  for (const std::string& name : names_of(resource)) {
    if (name.empty()) continue;
    if (const auto early = awaited_.find(name); early != awaited_.end()) {
      violation(early->second + " came before what it refers to, " + name);
    }
    put_names_.insert(name);
  }
  for (const std::string& reference : references_of(resource)) {
    if (!put_names_.contains(reference)) awaited_.emplace(reference, key.first + " " + key.second);
  }
}

/// Removals in reverse: nothing may go before what refers to it.
void ConfigChange::check_order_of_delete(const ResourceKey& key) {
  const auto held = now_.resources.find(key);
  if (held == now_.resources.end()) return;
  const auto resource = nlohmann::json::parse(held->second, nullptr, /*allow_exceptions=*/false);
  for (const std::string& reference : references_of(resource)) {
    if (removed_names_.contains(reference)) {
      violation(key.first + " " + key.second + " was removed after what it refers to, " + reference);
    }
  }
  for (std::string& name : names_of(resource)) {
    if (!name.empty()) removed_names_.insert(std::move(name));
  }
}

std::string ConfigChange::why_refused(const nlohmann::json& resource) const {
  if (std::string reason = reason_for_put(refusals_, resource); !reason.empty()) return reason;
  if (!is_artifact_kind(text_at(resource, "kind"))) return "";
  if (std::string fault = document_fault(resource); !fault.empty()) return fault;
  if (text_at(resource, "kind") != "LlmProxy") return "";
  for (const std::string& provider : providers_of(resource)) {
    if (!providers_.contains(provider)) return "provider '" + provider + "' not found";
  }
  return "";
}

std::string ConfigChange::refused_whole() const {
  if (!malformed_.empty()) return malformed_;
  if (lines_ == header_.count) return "";
  return std::to_string(header_.count) + " lines were announced, " + std::to_string(lines_) + " came";
}

bool ConfigChange::starts_from(const GatewayConfig& config) const {
  return header_.replaces || (header_.from_epoch == config.epoch && header_.from == config.revision);
}

void ConfigChange::apply_to(GatewayConfig& config) {
  if (header_.replaces) config.resources.clear();
  config.providers_heard_of.merge(providers_);
  config.epoch = header_.epoch;
  config.revision = header_.revision;
  for (const ResourceKey& key : deletes_) config.resources.erase(key);
  for (auto& [key, line] : puts_) config.resources[key] = std::move(line);
}

nlohmann::json ConfigChange::rejected() const {
  nlohmann::json list = nlohmann::json::array();
  for (const Applied& line : applied_) {
    if (!line.reason.empty()) list.push_back({{"kind", line.kind}, {"id", line.id}, {"reason", line.reason}});
  }
  return list;
}

}  // namespace tether::peers
