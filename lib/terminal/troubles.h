#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tether/base/time.h"

/// What of a daemon's status a person should know of, as the sources of this library see it.
namespace tether::terminal {

/// Something that is not as it should be, and what to do about it. Each is one or more sentences.
struct Trouble {
  std::string what;
  std::string advice;
  std::vector<std::string> of = {};  ///< What it is about, one line each.
};

/// How many resources are named for one trouble; the others are counted.
inline constexpr std::size_t kMaxNamed = 10;

/// How long before its end a certificate is one.
inline constexpr std::chrono::hours kCertificateTrouble{14 * 24};

/// ` for 4 min`: how long this side has been in its state; empty if it is not known.
std::string for_how_long(const nlohmann::json& side);

/// All there is in a status that was read (admin/command_json.h) at `now`, what a person should do first before the
/// rest. Not being in sync is one, unless another one says why.
std::vector<Trouble> troubles_of(const nlohmann::json& status, Instant now);

}  // namespace tether::terminal
