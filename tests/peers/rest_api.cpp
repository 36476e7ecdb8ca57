#include "tether/peers/rest_api.h"

#include <algorithm>

#include "tether/peers/archives.h"
#include "tether/peers/kinds.h"
#include "tether/peers/texts.h"

namespace tether::peers {
namespace {

constexpr std::string_view kBase = "/api/internal/v1/";

std::vector<std::string> segments_of(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    segments.push_back(url_decoded(path.substr(0, slash)));
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return segments;
}

RestRoute get_route(const std::vector<std::string>& path) {
  if (path.size() == 1 && (path[0] == "deployments" || path[0] == "secrets" || path[0] == "subscription-plans")) {
    return {path[0], "", ""};
  }
  if (path.size() == 3 && path[0] == "secrets" && path[2] == "value") return {"secret-value", "", path[1]};
  if (path.size() == 3 && path[0] == "apis" && path[2] == "subscriptions") return {"subscriptions", "", path[1]};
  if (path.size() == 3 && path[0] == "websub-apis" && path[2] == "secrets") return {"websub-secrets", "", path[1]};
  const Kind* kind = path.size() == 2 ? kind_of_folder(path[0]) : nullptr;
  if (kind == nullptr) return {};
  if (path[1] != "api-keys") return {"artifact", std::string(kind->name), path[1]};
  return kind->keys_are_listed ? RestRoute{"api-keys", std::string(kind->name), ""} : RestRoute{};
}

RestRoute post_route(const std::vector<std::string>& path) {
  if (path.size() == 2 && path[0] == "deployments" && path[1] == "fetch-batch") return {"fetch-batch", "", ""};
  if (path.size() == 2 && path[0] == "artifacts" && path[1] == "exists") return {"exists", "", ""};
  if (path.size() == 3 && path[0] == "gateways" && path[2] == "manifest") return {"manifest", "", path[1]};
  return {};
}

/// A member that no client knows, in every object; not in maps whose member names are data.
void add_unknown_members(nlohmann::json& json) {
  if (json.is_object()) json["xFutureMember"] = {{"nested", true}};
  for (auto& [name, member] : json.items()) {
    if (name != "xFutureMember" && name != "apiKeyHashes" && member.is_structured()) add_unknown_members(member);
  }
}

/// The strings of `{"<member>": […]}`, or nothing if the body is not that.
std::optional<std::vector<std::string>> ids_in(const std::string& body, const char* member) {
  const auto json = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains(member) || !json[member].is_array()) return std::nullopt;
  std::vector<std::string> ids;
  for (const auto& id : json[member]) {
    if (!id.is_string()) return std::nullopt;
    ids.push_back(id);
  }
  return ids;
}

bool contains(const std::vector<std::string>& list, const std::string& what) {
  return std::ranges::find(list, what) != list.end();
}

}  // namespace

RestRoute route_of(const HttpRequest& request) {
  const std::string_view path = request.path;
  if (!path.starts_with(kBase)) return {};
  const auto segments = segments_of(path.substr(kBase.size()));
  if (request.method == "GET") return get_route(segments);
  return request.method == "POST" ? post_route(segments) : RestRoute{};
}

HttpResponse json_response(int status, const nlohmann::json& body) {
  HttpResponse response;
  response.status = status;
  response.body = body.dump();
  return response;
}

HttpResponse internal_error(int status, const std::string& description) {
  return json_response(
      status, {{"code", status}, {"message", std::string(status_reason(status))}, {"description", description}});
}

HttpResponse public_error(int status, const std::string& code, const std::string& message) {
  return json_response(status, {{"status", "error"}, {"code", code}, {"message", message}});
}

HttpResponse unauthorized_in_public() {
  return public_error(401, "UNAUTHORIZED", "Invalid or expired credentials.");
}

HttpResponse RestApi::answer(const HttpRequest& request, const RestRoute& route, const std::string& body) {
  if (route.call.empty()) return unauthorized_in_public();
  if (request.header("api-key").empty()) {
    return internal_error(401, "API key is required. Provide 'api-key' header.");
  }
  if (control_plane_.faults_.rest_unauthorized || !control_plane_.is_authorized(request)) {
    return internal_error(401, "Invalid or expired API key");
  }
  const Desire& desire = control_plane_.desire_;
  if (route.call == "deployments") return deployments(request);
  if (route.call == "fetch-batch") return fetch_batch(request, body);
  if (route.call == "exists") return exists(body);
  if (route.call == "artifact") return artifact(route);
  if (route.call == "subscriptions") return subscriptions(route);
  if (route.call == "secrets") return secrets(request);
  if (route.call == "secret-value") return secret_value(route);
  if (route.call == "websub-secrets") return websub_secrets(route);
  if (route.call == "manifest") return manifest(body);
  if (is_emptied(route.call)) return ok(nlohmann::json::array());
  if (route.call == "subscription-plans") return ok(desire.plans());
  return ok(desire.api_keys(route.kind, request.parameter("issuer")));
}

bool RestApi::is_emptied(const std::string& call) const {
  return contains(control_plane_.faults_.empty_lists, call);
}

HttpResponse RestApi::ok(nlohmann::json body) const {
  if (control_plane_.faults_.unknown_members) add_unknown_members(body);
  return json_response(200, body);
}

HttpResponse RestApi::deployments(const HttpRequest& request) {
  const auto since = request.parameter("since");
  if (since && !since->ends_with('Z')) control_plane_.violation("`since` was not UTC with Z: " + *since);
  auto rows = control_plane_.desire_.listing(since);
  if (!rows) {
    control_plane_.violation("`since` was not RFC 3339: " + request.query);
    return internal_error(400, "Invalid 'since' parameter. Expected ISO 8601 format (e.g., 2026-03-04T10:00:00Z)");
  }
  if (control_plane_.faults_.stale_list) *rows = control_plane_.frozen_listing_;
  if (is_emptied("deployments")) *rows = nlohmann::json::array();
  nlohmann::json kept = nlohmann::json::array();
  for (auto& row : *rows) {
    if (!contains(control_plane_.faults_.list_missing, row["artifactId"])) kept.push_back(std::move(row));
  }
  return ok({{"deployments", std::move(kept)}});
}

HttpResponse RestApi::fetch_batch(const HttpRequest& request, const std::string& body) {
  constexpr const char* kType = "application/x-tar+gzip";
  if (request.header("accept") != kType) {
    control_plane_.violation("fetch-batch was asked with Accept `" + request.header("accept") + "`");
    return internal_error(406, "Accept must be application/x-tar+gzip");
  }
  const auto ids = ids_in(body, "deploymentIds");
  if (!ids || ids->empty()) {
    control_plane_.violation("fetch-batch was asked for nothing");
    return internal_error(400, "At least one deployment ID is required");
  }
  const auto& missing = control_plane_.faults_.batch_missing;
  std::vector<ArchiveEntry> entries;
  for (const std::string& id : *ids) {
    const auto found = control_plane_.desire_.deployments().find(id);
    if (found == control_plane_.desire_.deployments().end() || contains(missing, id) || contains(missing, "*"))
      continue;
    const Deployment& deployment = found->second;
    const Kind& kind = *kind_named(control_plane_.desire_.artifacts().at(deployment.artifact_id).kind);
    entries.push_back(
        {id + "/" + std::string(kind.batch_prefix) + "-" + deployment.artifact_id + ".yaml", deployment.document});
  }
  HttpResponse response;
  response.content_type = kType;
  response.body = tar_gz(entries);
  return response;
}

HttpResponse RestApi::exists(const std::string& body) {
  const auto ids = ids_in(body, "artifactIds");
  if (!ids) return internal_error(400, "Invalid request body");
  nlohmann::json list = nlohmann::json::array();
  for (const std::string& id : *ids) {
    list.push_back({{"artifactId", id}, {"exists", control_plane_.desire_.artifacts().contains(id)}});
  }
  return ok({{"artifacts", std::move(list)}});
}

HttpResponse RestApi::artifact(const RestRoute& route) {
  const Desire& desire = control_plane_.desire_;
  const auto row = desire.rows().find(route.id);
  const bool is_wanted =
      row != desire.rows().end() && row->second.wanted && desire.artifacts().at(route.id).kind == route.kind;
  if (!is_wanted) return internal_error(404, "No active deployment found for this API on this gateway");
  HttpResponse response;
  response.content_type = "application/zip";
  response.body = zip({std::string(kind_named(route.kind)->zip_prefix) + "-" + route.id + ".yaml",
                       desire.deployments().at(row->second.deployment_id).document});
  return response;
}

HttpResponse RestApi::subscriptions(const RestRoute& route) {
  const Desire& desire = control_plane_.desire_;
  const auto artifact = desire.artifacts().find(route.id);
  if (artifact == desire.artifacts().end() || artifact->second.kind != "RestApi") {
    return internal_error(404, "API not found");
  }
  const auto row = desire.rows().find(route.id);
  if (row == desire.rows().end() || row->second.status == Status::Failed) {
    return internal_error(403, "API is not associated with this gateway");
  }
  return ok(is_emptied("subscriptions") ? nlohmann::json::array() : desire.subscriptions(route.id));
}

HttpResponse RestApi::secrets(const HttpRequest& request) {
  if (is_emptied("secrets")) return ok({{"list", nlohmann::json::array()}, {"count", 0}});
  const bool with_values = request.parameter("includeValues") == "true";
  auto list = control_plane_.desire_.secrets(request.parameter("updatedAfter"), with_values);
  if (!list) return internal_error(400, "Invalid 'updatedAfter' parameter");
  return ok(std::move(*list));
}

HttpResponse RestApi::secret_value(const RestRoute& route) {
  const auto& secrets = control_plane_.desire_.stored_secrets();
  const auto secret = secrets.find(route.id);
  if (secret == secrets.end() || !control_plane_.desire_.secret_is_referred_to(route.id)) {
    return internal_error(404, "Secret not found");
  }
  if (secret->second["status"] == "DEPRECATED") return internal_error(500, "Failed to read the secret");
  return ok({{"value", secret->second["value"]}});
}

HttpResponse RestApi::websub_secrets(const RestRoute& route) {
  if (!control_plane_.faults_.experimental) return internal_error(503, "WebSub is not available");
  return ok(control_plane_.desire_.hmac_secrets(route.id));
}

HttpResponse RestApi::manifest(const std::string& body) {
  auto json = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return internal_error(400, "Invalid request body");
  const std::string version = json.value("version", "");
  const int status = control_plane_.faults_.manifest_status;
  control_plane_.observed_.last_manifest = std::move(json);
  if (status != 204) {
    return internal_error(status, "Gateway version mismatch (registered=1.1, reported=" + version + ")");
  }
  control_plane_.desire_.set_gateway_version(version);
  HttpResponse response;
  response.status = 204;
  return response;
}

}  // namespace tether::peers
