#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tether/terminal/screen.h"

/// A resource of `/resources` in words, as the sources of this library see it.
namespace tether::terminal {

/// Why it is not in service, or that it is.
std::string why(const nlohmann::json& resource);

/// Its place in a list: state, kind, name and id, and why unless it is in service.
Line list_line(const nlohmann::json& resource);

/// All that is known of it: what is wanted, what is here, what the gateway has, what is pending.
Lines detail_lines(const nlohmann::json& resource);

}  // namespace tether::terminal
