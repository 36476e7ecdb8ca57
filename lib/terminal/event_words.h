#pragma once

#include <nlohmann/json.hpp>
#include <string>

/// An event of `/events` in words, as the sources of this library see it.
namespace tether::terminal {

/// What has become of it.
std::string stage_in_words(const nlohmann::json& event);

}  // namespace tether::terminal
