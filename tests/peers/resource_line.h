#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

/// One resource line of the socket protocol, read independently of the daemon.
namespace tether::peers {

bool is_artifact_kind(const std::string& kind);

/// What is wrong with a line's members and their forms, one sentence each; nothing if it is as the contract says.
std::vector<std::string> shape_faults(const nlohmann::json& resource);

/// What a gateway itself would find wrong with an artifact's document, or nothing.
std::string document_fault(const nlohmann::json& resource);

/// The handles of the providers that an LlmProxy's document names.
std::vector<std::string> providers_of(const nlohmann::json& resource);

/// The name by which other lines refer to this one (`secret:openai-key`, `provider:openai`, `artifact:<uuid>`,
/// `plan:<id>`), or nothing.
std::string name_of(const nlohmann::json& resource);

/// The names of what must be there before this line can be applied (protocol section 5.8).
std::vector<std::string> references_of(const nlohmann::json& resource);

}  // namespace tether::peers
