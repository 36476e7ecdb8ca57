// What REST answers from the control plane's database, and its snapshot.
#include <algorithm>

#include "tether/peers/desire.h"
#include "tether/peers/documents.h"
#include "tether/peers/kinds.h"
#include "tether/peers/texts.h"

namespace nlohmann {
template <>
struct adl_serializer<tether::Instant> {
  static void to_json(json& out, tether::Instant at) { out = at.ns; }
  static void from_json(const json& in, tether::Instant& at) { at.ns = in.get<std::int64_t>(); }
};
}  // namespace nlohmann

namespace tether::peers {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Artifact, id, kind, handle)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Deployment, id, artifact_id, document)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(StatusRow, deployment_id, wanted, status, performed_at, performed_at_text, reason)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(EventRow, number, written, envelope)

namespace {

void newest_first(nlohmann::json& list) {
  std::stable_sort(list.begin(), list.end(), [](const nlohmann::json& a, const nlohmann::json& b) {
    return a["createdAt"].get_ref<const std::string&>() > b["createdAt"].get_ref<const std::string&>();
  });
}

}  // namespace

std::optional<nlohmann::json> Desire::listing(const std::optional<std::string>& since) const {
  const auto after = since ? stored_time_text(*since) : std::optional<std::string>("");
  if (!after) return std::nullopt;
  nlohmann::json list = nlohmann::json::array();
  for (const Kind& kind : kinds()) {
    std::vector<const std::pair<const std::string, StatusRow>*> of_kind;
    for (const auto& item : rows_) {
      const bool is_after = !since || *stored_time_text(item.second.performed_at_text) > *after;
      if (is_after && artifacts_.at(item.first).kind == kind.name) of_kind.push_back(&item);
    }
    std::ranges::sort(of_kind,
                      [](const auto* a, const auto* b) { return a->second.performed_at > b->second.performed_at; });
    for (const auto* item : of_kind) {
      const auto& [artifact_id, row] = *item;
      list.push_back({{"artifactId", artifact_id},
                      {"deploymentId", row.deployment_id},
                      {"kind", kind.name},
                      {"state", row.wanted ? "DEPLOYED" : "UNDEPLOYED"},
                      {"deployedAt", row.performed_at_text},
                      {"etag", derived_uuid(row.deployment_id + row.performed_at_text)}});
    }
  }
  return list;
}

nlohmann::json Desire::api_keys(std::string_view kind, const std::optional<std::string>& issuer) const {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& [uuid, key] : keys_) {
    const std::string artifact_id = key["artifactUuid"];
    const auto row = rows_.find(artifact_id);
    const bool is_wanted = row != rows_.end() && row->second.wanted && artifacts_.at(artifact_id).kind == kind;
    if (is_wanted && (!issuer || key.value("issuer", "") == *issuer)) list.push_back(key);
  }
  newest_first(list);
  return list;
}

nlohmann::json Desire::plans() const {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& [id, plan] : plans_) list.push_back(plan);
  return list;
}

nlohmann::json Desire::subscriptions(const std::string& artifact_id) const {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& [id, subscription] : subscriptions_) {
    if (subscription["apiId"] == artifact_id) list.push_back(subscription);
  }
  return list;
}

bool Desire::secret_is_referred_to(const std::string& handle) const {
  return std::ranges::any_of(rows_, [this, &handle](const auto& item) {
    if (!item.second.wanted) return false;
    const auto names = secrets_named_in(deployments_.at(item.second.deployment_id).document);
    return std::ranges::find(names, handle) != names.end();
  });
}

std::optional<nlohmann::json> Desire::secrets(const std::optional<std::string>& updated_after, bool with_values) const {
  Instant after;
  if (updated_after) {
    const auto parsed = parse_rfc3339(*updated_after);
    if (!parsed) return std::nullopt;
    after = *parsed;
  }
  std::set<std::string> named;
  for (const auto& [id, row] : rows_) {
    if (!row.wanted) continue;
    for (std::string& name : secrets_named_in(deployments_.at(row.deployment_id).document)) {
      named.insert(std::move(name));
    }
  }
  nlohmann::json list = nlohmann::json::array();
  for (const auto& [handle, secret] : secrets_) {
    if (!named.contains(handle)) continue;
    const auto updated = parse_rfc3339(secret["updatedAt"].get<std::string>());
    if (updated_after && (!updated || *updated <= after)) continue;
    list.push_back(secret);
    if (!with_values) list.back().erase("value");
  }
  const std::size_t count = list.size();
  return nlohmann::json{{"list", std::move(list)}, {"count", count}};
}

nlohmann::json Desire::hmac_secrets(const std::string& artifact_id) const {
  nlohmann::json list = nlohmann::json::array();
  if (const auto found = hmac_secrets_.find(artifact_id); found != hmac_secrets_.end()) {
    for (const auto& [name, secret] : found->second) list.push_back({{"name", name}, {"secret", secret}});
  }
  return {{"artifactId", artifact_id}, {"secrets", std::move(list)}};
}

nlohmann::json Desire::to_json() const {
  return {{"gateway_id", gateway_id_},
          {"hash_key", hash_key_},
          {"gateway_version", gateway_version_},
          {"next_event", next_event_},
          {"artifacts", artifacts_},
          {"deployments", deployments_},
          {"rows", rows_},
          {"keys", keys_},
          {"plans", plans_},
          {"subscriptions", subscriptions_},
          {"applications", applications_},
          {"secrets", secrets_},
          {"hmac_secrets", hmac_secrets_},
          {"issued_times", issued_times_},
          {"events", events_}};
}

Result<Desire> Desire::from_json(const nlohmann::json& snapshot) {
  try {
    Desire desire(snapshot.at("gateway_id").get<std::string>());
    snapshot.at("hash_key").get_to(desire.hash_key_);
    snapshot.at("gateway_version").get_to(desire.gateway_version_);
    snapshot.at("next_event").get_to(desire.next_event_);
    snapshot.at("artifacts").get_to(desire.artifacts_);
    for (const auto& [id, artifact] : desire.artifacts_) {
      desire.ids_by_name_[artifact.kind + "/" + artifact.handle] = id;
    }
    snapshot.at("deployments").get_to(desire.deployments_);
    snapshot.at("rows").get_to(desire.rows_);
    snapshot.at("keys").get_to(desire.keys_);
    snapshot.at("plans").get_to(desire.plans_);
    snapshot.at("subscriptions").get_to(desire.subscriptions_);
    snapshot.at("applications").get_to(desire.applications_);
    snapshot.at("secrets").get_to(desire.secrets_);
    snapshot.at("hmac_secrets").get_to(desire.hmac_secrets_);
    snapshot.at("issued_times").get_to(desire.issued_times_);
    snapshot.at("events").get_to(desire.events_);
    return desire;
  } catch (const nlohmann::json::exception& error) {
    return fail(ErrorKind::Corrupt, std::string("snapshot: ") + error.what());
  }
}

}  // namespace tether::peers
