#include "steps.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "desired.h"
#include "tether/peers/documents.h"
#include "tether/peers/kinds.h"

namespace tether::test {
namespace {

constexpr Duration kSlowListing = 5s;

}  // namespace

void start_all(Scene& scene, std::map<std::string, std::string> settings) {
  scene.start_control_plane();
  scene.start_gateway();
  scene.start_daemon(std::move(settings));
  REQUIRE(scene.wait_until_in_sync().is_object());
}

std::optional<peers::AdminAnswer> wait_for_answer(Scene& scene, const std::string& path, int status) {
  peers::AdminAnswer answer;
  const auto has_it = scene.wait_for([&scene, &answer, &path, status](const nlohmann::json&) {
    answer = peers::admin_get(scene.admin(), path);
    return answer.status == status;
  });
  return has_it.is_object() ? std::optional(answer) : std::nullopt;
}

std::vector<std::string> serve(Scene& scene, std::size_t count, const std::string& prefix) {
  auto ids = scene.control_plane().bulk_deploy("RestApi", count, prefix);
  REQUIRE(gateway_comes_to_agree(scene));
  for (const auto& id : ids) REQUIRE(is_acknowledged(scene, id));
  REQUIRE(scene.wait_until_in_sync().is_object());
  return ids;
}

bool is_acknowledged(Scene& scene, const std::string& artifact_id) {
  return scene.control_plane().wait_until(
      [&artifact_id](const peers::Observed&, const peers::Desire& desire) {
        const auto& row = desire.rows().at(artifact_id);
        return row.status == (row.wanted ? peers::Status::Deployed : peers::Status::Undeployed);
      },
      kPatience);
}

std::size_t acks(Scene& scene, const std::string& artifact_id, const std::string& status) {
  return scene.control_plane().observed().acks_with(artifact_id, status);
}

std::vector<std::string> every_event_type() {
  std::vector<std::string> types{"apikey.created",
                                 "apikey.updated",
                                 "apikey.revoked",
                                 "application.updated",
                                 "subscription.created",
                                 "subscription.updated",
                                 "subscription.deleted",
                                 "subscriptionPlan.created",
                                 "subscriptionPlan.updated",
                                 "subscriptionPlan.deleted",
                                 "websub.hmacsecret.created",
                                 "websub.hmacsecret.updated",
                                 "websub.hmacsecret.deleted",
                                 "unknown"};
  for (const auto& kind : peers::kinds()) {
    for (const char* what : {".deployed", ".undeployed", ".deleted"}) {
      types.push_back(std::string(kind.event_prefix) + what);
    }
  }
  return types;
}

void cause_every_event(Scene& scene) {
  auto& control_plane = scene.control_plane();
  std::map<std::string, std::string> ids;
  for (const auto& kind : peers::kinds()) {
    peers::SampleDocument sample;
    sample.kind = kind.name;
    sample.handle = "each-" + std::string(kind.event_prefix);
    sample.providers = {"each-llmprovider"};
    ids[sample.kind] = control_plane.deploy(sample.kind, sample.handle, peers::sample_document(sample)).artifact_id;
  }
  for (const auto& [kind, id] : ids) REQUIRE(is_acknowledged(scene, id));
  control_plane.change([&api = ids["RestApi"], &hub = ids["WebSubApi"]](peers::Desire& desire) {
    const auto key = desire.create_key(api, "mobile-app");
    CHECK(desire.update_key(api, "mobile-app"));
    desire.update_application("each-app", {*key});
    CHECK(desire.revoke_key(api, "mobile-app"));
    const auto plan = desire.create_plan("each-plan");
    CHECK(desire.update_plan(plan, {{"throttleLimitCount", 5}}));
    const auto subscription = desire.create_subscription(api, plan);
    CHECK(desire.update_subscription(*subscription, {{"status", "INACTIVE"}}));
    CHECK(desire.delete_subscription(*subscription));
    CHECK(desire.delete_plan(plan));
    CHECK(desire.put_hmac_secret(hub, "orders", "one"));
    CHECK(desire.put_hmac_secret(hub, "orders", "two"));
    CHECK(desire.delete_hmac_secret(hub, "orders"));
  });
  for (const auto& [kind, id] : ids) control_plane.undeploy(id);
  for (const auto& [kind, id] : ids) REQUIRE(is_acknowledged(scene, id));
  for (const auto& [kind, id] : ids) control_plane.delete_artifact(id);
  control_plane.send_frame(R"({"type":"future.thing","payload":{},"correlationId":"c-1"})");
}

std::string document_with(const std::string& handle, const std::string& backend) {
  peers::SampleDocument sample;
  sample.handle = handle;
  sample.backend = backend;
  return peers::sample_document(sample);
}

std::map<peers::ResourceKey, nlohmann::json> lines_at(const Gateway& gateway) {
  std::map<peers::ResourceKey, nlohmann::json> lines;
  for (const auto& [key, text] : gateway.resources()) lines[key] = nlohmann::json::parse(text);
  return lines;
}

std::string served_deployment(const Gateway& gateway, const std::string& artifact_id) {
  for (const auto& [key, line] : lines_at(gateway)) {
    if (key.second == artifact_id && line.contains("deploymentId")) return line["deploymentId"];
  }
  return {};
}

std::vector<peers::GatewayRequest> pushes_in(const std::vector<peers::GatewayRequest>& history, std::size_t from) {
  std::vector<peers::GatewayRequest> found;
  for (std::size_t i = from; i < history.size(); ++i) {
    if (history[i].method != "GET") found.push_back(history[i]);
  }
  return found;
}

std::vector<peers::GatewayRequest> pushes(const Gateway& gateway, std::size_t from) {
  return pushes_in(gateway.history(), from);
}

std::size_t times_sent(const std::vector<peers::GatewayRequest>& requests, const std::string& id) {
  return static_cast<std::size_t>(std::ranges::count_if(requests, [&id](const peers::GatewayRequest& request) {
    return std::ranges::any_of(request.applied, [&id](const peers::Applied& line) { return line.id == id; });
  }));
}

std::size_t full_listings(const peers::Observed& seen) {
  return static_cast<std::size_t>(std::ranges::count_if(seen.rest, [](const peers::RestCall& call) {
    return call.call == "deployments" && call.query.empty() && call.status == 200;
  }));
}

bool lists_again(Scene& scene, std::size_t times) {
  // One may be under way, asked before now.
  const std::size_t awaited = full_listings(scene.control_plane().observed()) + times + 1;
  return scene.control_plane().wait_until(
      [awaited](const peers::Observed& seen, const peers::Desire&) { return full_listings(seen) >= awaited; },
      kPatience + times * kSlowListing);
}

}  // namespace tether::test
