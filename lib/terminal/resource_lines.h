#pragma once

#include <cstddef>
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

/// How many of its last events are told.
inline constexpr std::size_t kShownHistory = 10;
/// The last ones of `events`, an array of `/events`, that are about it, the oldest first, with what became of each.
Lines history_lines(const nlohmann::json& resource, const nlohmann::json& events);

}  // namespace tether::terminal
