#include <algorithm>
#include <nlohmann/json.hpp>

#include "control_plane.h"
#include "tether/protocol/kinds.h"

/// What the control plane answers to REST requests, as bytes.
namespace tether::sim {
namespace {

using nlohmann::json;

constexpr std::int64_t kSecond = 1'000'000'000;
/// One document in so many spoils each batch that it is in.
constexpr std::uint64_t kSpoilers = 100;

/// What stands after the first slash of a scope.
std::string rest_of(const std::string& scope) {
  return scope.substr(scope.find('/') + 1);
}

std::string prefix_of(const std::string& kind) {
  if (kind == "LlmProvider") return "llm-provider-";
  if (kind == "LlmProxy") return "llm-proxy-";
  return kind == "Mcp" ? "mcp-proxy-" : "api-";
}

std::string list_of(const std::vector<std::string>& rows, const sync::SendRequest& request) {
  const sync::Call call = request.call;
  std::string text = "[";
  for (const auto& row : rows) text += (text.size() > 1 ? "," : "") + row;
  text += "]";
  if (call == sync::Call::Deployments) return R"({"deployments":)" + text + "}";
  if (call == sync::Call::HmacSecrets) {
    return R"({"artifactId":")" + rest_of(request.scope) + R"(","secrets":)" + text + "}";
  }
  if (call == sync::Call::Secrets) return R"({"list":)" + text + R"(,"count":)" + std::to_string(rows.size()) + "}";
  return text;
}

}  // namespace

std::vector<std::string> ids_in(const std::string& body) {
  std::vector<std::string> ids;
  const auto parsed = json::parse(body);
  for (const auto& member : parsed) {
    for (const auto& id : member) ids.push_back(id.get<std::string>());
  }
  return ids;
}

std::string secret_of(const std::string& path) {
  return path.substr(9, path.size() - 15);  // /secrets/…/value
}

Instant since_of(const std::string& path) {
  const auto at = path.find("since=");
  if (at == std::string::npos) return {};
  std::string text = path.substr(at + 6);
  for (auto colon = text.find("%3A"); colon != std::string::npos; colon = text.find("%3A")) text.replace(colon, 3, ":");
  return parse_rfc3339(text).value_or(Instant{});
}

bool is_listing(sync::Call call) {
  return call == sync::Call::Deployments || call == sync::Call::Keys || call == sync::Call::Plans ||
         call == sync::Call::Secrets || call == sync::Call::Subscriptions || call == sync::Call::HmacSecrets;
}

/// Those that something deployed refers to: nobody is told of others.
std::set<std::string> ControlPlane::named_secrets(const Tables& tables) const {
  std::set<std::string> named;
  for (const auto& [id, row] : tables.rows) {
    if (!row.deployed) continue;
    const auto& secrets = deployments_.at(row.deployment_id).secrets;
    named.insert(secrets.begin(), secrets.end());
  }
  return named;
}

std::vector<std::string> ControlPlane::rows_for(const Tables& tables, const sync::SendRequest& request, TimePoint now,
                                                int& status) {
  std::vector<std::string> rows;
  const std::string rest = rest_of(request.scope);
  if (request.call == sync::Call::Deployments) {
    const Instant since = since_of(request.path);
    for (const auto& [id, row] : tables.rows) {
      const Instant at{row.at.ns + (now < row.rewritten ? row.more_ns : 0)};
      if (at <= since) continue;
      rows.push_back(json{
          {"artifactId", id},
          {"deploymentId", row.deployment_id},
          {"kind", row.kind},
          {"state", row.deployed ? "DEPLOYED" : "UNDEPLOYED"},
          {"deployedAt", format_rfc3339(at)},
          {"etag", "e"}}.dump());
    }
  } else if (request.call == sync::Call::Keys) {
    for (const auto& [uuid, key] : tables.keys) {
      const auto row = tables.rows.find(key.artifact_id);
      if (row == tables.rows.end() || !row->second.deployed || row->second.kind != rest) continue;
      const std::string at = format_rfc3339({key.updated.ns / 1000 * 1000});
      rows.push_back(json{
          {"uuid", uuid},
          {"name", key.name},
          {"maskedApiKey", key.masked},
          {"apiKeyHashes", {{"sha256", key.masked}}},
          {"artifactUuid", key.artifact_id},
          {"status", key.active ? "active" : "revoked"},
          {"createdAt", at},
          {"updatedAt", at},
          {"expiresAt", nullptr},
          {"externalRefId",
           nullptr}}.dump());
    }
  } else if (request.call == sync::Call::Plans) {
    for (const auto& [id, plan] : tables.plans) {
      rows.push_back(
          json{{"id", id}, {"handle", id}, {"planName", plan.name}, {"stopOnQuotaReach", true}, {"status", plan.status}}
              .dump());
    }
  } else if (request.call == sync::Call::Subscriptions) {
    const auto row = tables.rows.find(rest);
    if (!tables.artifacts.contains(rest)) status = 404;
    if (status == 200 && (row == tables.rows.end() || row->second.failed)) status = 403;
    for (const auto& [id, subscription] : tables.subscriptions) {
      if (subscription.artifact_id != rest || status != 200) continue;
      json object = {
          {"id", id}, {"apiId", rest}, {"subscriptionToken", subscription.token}, {"status", subscription.status}};
      if (!subscription.plan.empty()) object["subscriptionPlanId"] = subscription.plan;
      rows.push_back(object.dump());
    }
  } else if (request.call == sync::Call::HmacSecrets) {
    for (const auto& [id, secret] : tables.hmac_secrets) {
      if (secret.artifact_id == rest) rows.push_back(json{{"name", secret.name}, {"secret", secret.value}}.dump());
    }
  } else if (request.call == sync::Call::Secrets) {
    for (const auto& handle : named_secrets(tables)) {
      const auto& secret = tables.secrets.at(handle);
      rows.push_back(json{{"uuid", handle},
                          {"handle", handle},
                          {"type", "GENERIC"},
                          {"hash", secret.hash},
                          {"updatedAt", format_rfc3339(secret.updated)}}
                         .dump());
    }
  }
  return rows;
}

Answer ControlPlane::answer_from(const Tables& tables, const sync::SendRequest& request, TimePoint now) {
  sweep(now);
  Answer answer;
  answer.date = Instant{clock(now).ns / kSecond * kSecond};
  if (is_listing(request.call)) {
    answer.body = list_of(rows_for(tables, request, now, answer.status), request);
  } else if (request.call == sync::Call::FetchBatch) {
    const auto ids = ids_in(request.body);
    const auto spoils = [](const std::string& id) { return Random::part(1, id) % kSpoilers == 0; };
    if (ids.size() > 1 && std::any_of(ids.begin(), ids.end(), spoils)) {
      answer.status = 500;
      return answer;
    }
    answer.entries.emplace();
    for (const auto& id : ids) {
      const auto found = deployments_.find(id);
      if (found == deployments_.end() || tables_.forgotten.contains(id)) continue;
      const std::string& artifact = found->second.artifact_id;
      if (!tables.artifacts.contains(artifact)) continue;
      answer.entries->emplace_back(id + "/" + prefix_of(kind_of(artifact)) + artifact + ".yaml",
                                   found->second.document);
    }
  } else if (request.call == sync::Call::Exists) {
    json rows = json::array();
    for (const auto& id : ids_in(request.body)) {
      rows.push_back({{"artifactId", id}, {"exists", tables.artifacts.contains(id)}});
    }
    answer.body = json{{"artifacts", rows}}.dump();
  } else if (request.call == sync::Call::SecretValue) {
    const std::string handle = secret_of(request.path);
    answer.status = named_secrets(tables).contains(handle) ? 200 : 404;
    if (answer.status == 200) answer.body = json{{"value", tables.secrets.at(handle).value}}.dump();
  } else if (request.call == sync::Call::Manifest) {
    answer.status = 204;
  } else {
    answer.status = 503;
  }
  return answer;
}

Answer ControlPlane::answer_late(const sync::SendRequest& request, TimePoint now, Duration lag) {
  // A copy was kept before each change: the state at a moment is the first copy after it.
  for (const auto& [when, tables] : replica_) {
    if (when > now - lag) return answer_from(tables, request, now);
  }
  return answer(request, now);
}

Answer ControlPlane::answer_without(const sync::SendRequest& request, TimePoint now,
                                    const std::set<std::string>& artifacts) {
  Answer truth = answer(request, now);
  auto rows = rows_for(tables_, request, now, truth.status);
  std::erase_if(rows, [&](const std::string& row) {
    return artifacts.contains(json::parse(row).at("artifactId").get<std::string>());
  });
  truth.body = list_of(rows, request);
  return truth;
}

Answer ControlPlane::lie(const sync::SendRequest& request, TimePoint now, bool nothing, Random& random) {
  Answer truth = answer(request, now);
  if (!is_listing(request.call) || truth.status != 200) return truth;
  auto rows = rows_for(tables_, request, now, truth.status);
  if (nothing) {
    rows.clear();
  } else if (!rows.empty()) {
    rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(random.below(rows.size())));
  }
  truth.body = list_of(rows, request);
  return truth;
}

bool spoil_row(const sync::SendRequest& request, Answer& answer, Random& random) {
  if (!is_listing(request.call) || answer.status != 200) return false;
  std::string name = R"("id":)";
  if (request.call == sync::Call::Deployments) name = R"("artifactId":)";
  if (request.call == sync::Call::HmacSecrets) name = R"("name":)";
  if (request.call == sync::Call::Keys) name = R"("uuid":)";
  if (request.call == sync::Call::Secrets) name = R"("handle":)";
  std::vector<std::size_t> places;
  for (auto at = answer.body.find(name); at != std::string::npos; at = answer.body.find(name, at + 1)) {
    places.push_back(at);
  }
  if (places.empty()) return false;
  answer.body[places[random.below(places.size())] + 1] = '_';
  answer.true_at.reset();
  answer.is_readable = false;
  return true;
}

}  // namespace tether::sim
