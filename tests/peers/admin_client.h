#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "tether/base/time.h"

/// Asking a daemon's admin endpoint.
namespace tether::peers {

struct AdminAnswer {
  int status = 0;  ///< 0: nobody answered.
  std::string body;
};

/// One GET of a plain HTTP endpoint (`127.0.0.1:9469`). Asked again if it was hung up on without an answer: the daemon
/// hangs up on a connection that sends nothing for a second, and on a busy machine this one may be that slow.
AdminAnswer admin_get(const std::string& address, const std::string& path);

/// `/status` as JSON; null: nobody answered.
nlohmann::json admin_status(const std::string& address);

/// Asks `/status` until `holds` is true. Returns the last answer, or nullopt at the limit.
std::optional<nlohmann::json> wait_for_status(const std::string& address,
                                              const std::function<bool(const nlohmann::json&)>& holds,
                                              Duration limit = 20s);

/// A TCP port of 127.0.0.1 that was free a moment ago: for programs that cannot report the port they chose. Drawn from
/// below the ports that the kernel gives to connections, so that hardly anything else takes it before they do.
std::uint16_t free_port();

}  // namespace tether::peers
