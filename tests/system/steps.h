#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "scene.h"

/// Steps that several system tests take.
namespace tether::test {

/// Control plane, gateway and daemon, in sync.
void start_all(Scene& scene, std::map<std::string, std::string> settings = {});

/// Asks for a path of the admin endpoint until the answer has this status; nullopt with a failed check: it never had.
std::optional<peers::AdminAnswer> wait_for_answer(Scene& scene, const std::string& path, int status);

/// `count` deployments of RestApi, in service and acknowledged. Returns their artifact ids.
std::vector<std::string> serve(Scene& scene, std::size_t count, const std::string& prefix = "api");

/// Waits until the artifact's newest operation was acknowledged with success, and matched.
bool is_acknowledged(Scene& scene, const std::string& artifact_id);
/// How many acks came for the artifact, with this status.
std::size_t acks(Scene& scene, const std::string& artifact_id, const std::string& status = "success");

/// All types of events, `unknown` for one that nobody knows.
std::vector<std::string> every_event_type();
/// Makes the control plane send an event of each type, once. Nothing stays deployed of it.
void cause_every_event(Scene& scene);

/// A document that differs from the sample by its backend.
std::string document_with(const std::string& handle, const std::string& backend);

/// All that the gateway has, as JSON: the order of members is no difference.
std::map<peers::ResourceKey, nlohmann::json> lines_at(const Gateway& gateway);
/// The deployment that the gateway serves of an artifact; empty: none.
std::string served_deployment(const Gateway& gateway, const std::string& artifact_id);

/// The PUT and PATCH requests from the n-th request of all on.
std::vector<peers::GatewayRequest> pushes(const Gateway& gateway, std::size_t from = 0);
std::vector<peers::GatewayRequest> pushes_in(const std::vector<peers::GatewayRequest>& history, std::size_t from = 0);
/// How many of these requests had a line about the resource.
std::size_t times_sent(const std::vector<peers::GatewayRequest>& requests, const std::string& id);

/// The full listings of deployments that were answered.
std::size_t full_listings(const peers::Observed& seen);
/// Waits for so many more of them, asked from now on.
bool lists_again(Scene& scene, std::size_t times = 1);

}  // namespace tether::test
