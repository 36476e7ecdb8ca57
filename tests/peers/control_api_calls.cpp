// The calls of the control plane's control port.
#include "tether/peers/control_api.h"
#include "tether/peers/documents.h"

namespace tether::peers {
namespace {

using nlohmann::json;

Result<json> ok(json body = json::object()) {
  return body;
}

template <class T>
Result<json> no_value(const Result<T>& result) {
  if (!result) return tl::unexpected<Error>(result.error());
  return json::object();
}

Result<json> ids_of(const Result<Deployed>& deployed) {
  if (!deployed) return tl::unexpected<Error>(deployed.error());
  return json{{"artifactId", deployed->artifact_id}, {"deploymentId", deployed->deployment_id}};
}

/// `artifact` in a body: an artifact's UUID or its handle; with `kind` if two kinds share the handle.
std::string artifact_of(const Desire& desire, const json& body, const char* member = "artifact") {
  const std::string name = body.at(member);
  for (const auto& [id, artifact] : desire.artifacts()) {
    if (artifact.handle == name && body.value("kind", artifact.kind) == artifact.kind) return id;
  }
  return name;
}

/// A given document, or one made up of the given wishes.
std::string document_of(const json& body) {
  if (body.contains("document")) return body["document"];
  SampleDocument sample;
  sample.kind = body.value("kind", sample.kind);
  sample.handle = body.value("handle", "");
  sample.secrets = body.value("secrets", sample.secrets);
  sample.providers = body.value("providers", sample.providers);
  sample.backend = body.value("backend", sample.backend);
  sample.at_least_bytes = body.value("bytes", sample.at_least_bytes);
  const bool is_plain =
      !body.contains("secrets") && !body.contains("providers") && !body.contains("backend") && !body.contains("bytes");
  return is_plain ? "" : sample_document(sample);
}

Result<Ending> ending_of(const std::string& name) {
  if (name == "server_shutdown") return Ending::ServerShutdown;
  if (name == "normal_closure") return Ending::NormalClosure;
  if (name == "tcp_close") return Ending::TcpClose;
  if (name == "tcp_reset") return Ending::TcpReset;
  return fail(ErrorKind::Reject, "how: server_shutdown, normal_closure, tcp_close or tcp_reset, not " + name);
}

json state_of(const ControlPlane& control_plane) {
  const Desire desire = control_plane.backup();
  const Observed seen = control_plane.observed();
  json state{{"gatewayId", desire.gateway_id()}, {"url", control_plane.websocket_url()},
             {"openLinks", seen.open_links()},   {"dials", seen.dials.size()},
             {"restCalls", seen.rest.size()},    {"eventsSent", seen.events_sent},
             {"acks", seen.acks.size()},         {"maxPongDelayMs", seen.max_pong_delay().count()},
             {"manifest", seen.last_manifest},   {"violations", seen.violations},
             {"faults", control_plane.faults()}, {"deployments", json::array()}};
  for (const auto& [id, row] : desire.rows()) {
    const Artifact& artifact = desire.artifacts().at(id);
    state["deployments"].push_back({{"artifactId", id},
                                    {"kind", artifact.kind},
                                    {"handle", artifact.handle},
                                    {"deploymentId", row.deployment_id},
                                    {"desired", row.wanted ? "DEPLOYED" : "UNDEPLOYED"},
                                    {"status", text_of(row.status)},
                                    {"reason", row.reason},
                                    {"performedAt", row.performed_at_text}});
  }
  return state;
}

json journal_of(const ControlPlane& control_plane, std::uint64_t since) {
  const Observed seen = control_plane.observed();
  json list = json::array();
  std::uint64_t number = seen.journal_first;
  for (const JournalEntry& entry : seen.journal) {
    const std::uint64_t current = number++;
    if (current < since) continue;
    list.push_back(
        {{"n", current}, {"at", format_rfc3339_ms(entry.at)}, {"what", entry.what}, {"detail", entry.detail}});
  }
  return {{"next", number}, {"events", std::move(list)}};
}

}  // namespace

void ControlApi::add_artifact_calls(ControlPlane& control_plane) {
  post("/deploy", [&control_plane](const json& body) {
    return ids_of(control_plane.change(
        [&body](Desire& desire) { return desire.deploy(body.at("kind"), body.at("handle"), document_of(body)); }));
  });
  post("/redeploy", [&control_plane](const json& body) {
    return ids_of(control_plane.change(
        [&body](Desire& desire) { return desire.redeploy(artifact_of(desire, body), body.value("document", "")); }));
  });
  post("/restore", [&control_plane](const json& body) {
    return ids_of(control_plane.change([&body](Desire& desire) { return desire.restore(body.at("deploymentId")); }));
  });
  post("/undeploy", [&control_plane](const json& body) {
    return no_value(
        control_plane.change([&body](Desire& desire) { return desire.undeploy(artifact_of(desire, body)); }));
  });
  post("/delete", [&control_plane](const json& body) {
    return no_value(control_plane.change([&body](Desire& desire) {
      if (body.contains("deploymentId")) return desire.delete_deployment(body["deploymentId"]);
      return desire.delete_artifact(artifact_of(desire, body));
    }));
  });
  post("/bulk", [&control_plane](const json& body) -> Result<json> {
    const std::string kind = body.value("kind", "RestApi");
    const std::string prefix = body.value("prefix", "bulk");
    return control_plane.change([&](Desire& desire) -> Result<json> {
      const std::size_t count = body.at("count");
      for (std::size_t i = 0; i < count; ++i) {
        const auto deployed = desire.deploy(kind, prefix + "-" + std::to_string(i), "");
        if (!deployed) return tl::unexpected<Error>(deployed.error());
      }
      return json{{"deployed", count}};
    });
  });
}

void ControlApi::add_entity_calls(ControlPlane& control_plane) {
  const auto change = [&control_plane](auto action) {
    return [&control_plane, action](const json& body) -> Result<json> {
      return control_plane.change([&](Desire& desire) -> Result<json> { return action(desire, body); });
    };
  };
  post("/keys", change([](Desire& desire, const json& body) -> Result<json> {
         const auto uuid = desire.create_key(artifact_of(desire, body), body.at("name"));
         if (!uuid) return tl::unexpected<Error>(uuid.error());
         return json{{"uuid", *uuid}};
       }));
  post("/keys/update", change([](Desire& desire, const json& body) {
         return no_value(desire.update_key(artifact_of(desire, body), body.at("name")));
       }));
  post("/keys/revoke", change([](Desire& desire, const json& body) {
         return no_value(desire.revoke_key(artifact_of(desire, body), body.at("name")));
       }));
  post("/applications", change([](Desire& desire, const json& body) {
         const auto keys = body.value("keys", std::vector<std::string>{});
         return ok({{"applicationUuid", desire.update_application(body.at("handle"), keys)}});
       }));
  post("/plans", change([](Desire& desire, const json& body) {
         return ok({{"id", desire.create_plan(body.at("handle"), body.value("members", json::object()))}});
       }));
  post("/plans/update", change([](Desire& desire, const json& body) {
         return no_value(desire.update_plan(body.at("id"), body.at("members")));
       }));
  post("/plans/delete",
       change([](Desire& desire, const json& body) { return no_value(desire.delete_plan(body.at("id"))); }));
  post("/subscriptions", change([](Desire& desire, const json& body) -> Result<json> {
         const auto id = desire.create_subscription(artifact_of(desire, body), body.value("plan", ""),
                                                    body.value("members", json::object()));
         if (!id) return tl::unexpected<Error>(id.error());
         return json{{"id", *id}};
       }));
  post("/subscriptions/update", change([](Desire& desire, const json& body) {
         return no_value(desire.update_subscription(body.at("id"), body.at("members")));
       }));
  post("/subscriptions/delete",
       change([](Desire& desire, const json& body) { return no_value(desire.delete_subscription(body.at("id"))); }));
  const auto put_secret = change([](Desire& desire, const json& body) {
    desire.put_secret(body.at("handle"), body.at("value"));
    return ok();
  });
  post("/secrets", put_secret);
  post("/secrets/rotate", put_secret);
  post("/secrets/deprecate",
       change([](Desire& desire, const json& body) { return no_value(desire.deprecate_secret(body.at("handle"))); }));
  post("/hmac-secrets", change([](Desire& desire, const json& body) {
         return no_value(desire.put_hmac_secret(artifact_of(desire, body), body.at("name"), body.at("secret")));
       }));
  post("/hmac-secrets/delete", change([](Desire& desire, const json& body) {
         return no_value(desire.delete_hmac_secret(artifact_of(desire, body), body.at("name")));
       }));
}

void ControlApi::add_process_calls(ControlPlane& control_plane) {
  get("/state", [&control_plane](const json&) { return ok(state_of(control_plane)); });
  get("/events", [&control_plane](const json& body) {
    return ok(journal_of(control_plane, std::strtoull(body.value("since", "0").c_str(), nullptr, 10)));
  });
  get("/tokens", [&control_plane](const json&) { return ok({{"tokens", control_plane.tokens()}}); });
  get("/faults", [&control_plane](const json&) { return ok(control_plane.faults()); });
  post("/faults", [&control_plane](const json& body) -> Result<json> {
    const auto changed = patched(control_plane.faults(), body);
    if (!changed) return tl::unexpected<Error>(changed.error());
    control_plane.change_faults([&changed](Faults& faults) { faults = *changed; });
    return json(*changed);
  });
  post("/send-frame", [&control_plane](const json& body) {
    control_plane.send_frame(body.contains("frame") ? body["frame"].dump() : body.at("text").get<std::string>());
    return ok();
  });
  post("/send-event", [&control_plane](const json& body) {
    control_plane.change([&body](Desire& desire) { desire.write_raw_event(body); });
    return ok();
  });
  post("/drop-connections", [&control_plane](const json& body) -> Result<json> {
    const auto how = ending_of(body.value("how", "tcp_reset"));
    if (!how) return tl::unexpected<Error>(how.error());
    control_plane.end_links(*how);
    return json::object();
  });
  post("/kill", [&control_plane](const json&) {
    control_plane.kill();
    return ok();
  });
  post("/revive", [&control_plane](const json&) { return no_value(control_plane.revive()); });
  post("/sweep", [&control_plane](const json&) {
    control_plane.sweep_now();
    return ok();
  });
  post("/tokens/add", [&control_plane](const json&) { return ok({{"token", control_plane.add_token()}}); });
  post("/tokens/rotate", [&control_plane](const json&) { return ok({{"token", control_plane.rotate_token()}}); });
  post("/tokens/revoke", [&control_plane](const json& body) {
    control_plane.revoke_token(body.at("token"));
    return ok();
  });
  post("/delete-gateway", [&control_plane](const json&) {
    control_plane.delete_gateway();
    return ok();
  });
  post("/swap-database", [&control_plane](const json& body) {
    control_plane.swap_database(body.at("gatewayId"));
    return ok();
  });
}

}  // namespace tether::peers
