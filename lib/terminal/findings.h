#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "tether/terminal/doctor.h"

/// What the doctor makes of what came of a step. Words of the other side are left out: they may quote a secret, which
/// nobody knows here.
namespace tether::terminal {

struct Finding {
  bool good = false;
  std::string what;    ///< What was tried, and what came of it.
  std::string advice;  ///< What to do about it; may be empty.
};

Finding finding_of_daemon(const Result<std::string>& readyz);
Finding finding_of_store(const Result<store::CheckReport>& report);
/// `described`: by TokenSource::describe.
Finding finding_of_token(bool has_token, const std::string& described, const std::string& why_none);

/// Whom this machine has to reach itself: the proxy, or without one the control plane.
struct Hop {
  std::string host;
  std::string authority;
  std::string setting = "TETHER_CONTROL_PLANE_URL";  ///< Which names it.
  bool is_proxy = false;
};
Hop first_hop(const ControlPlaneSettings& control_plane);

/// Whether it is reached by a proxy, by which one, and why.
Finding finding_of_way(const ControlPlaneSettings& control_plane);
Finding finding_of_lookup(const Hop& hop, const std::variant<std::vector<std::string>, http::Problem>& found);
Finding finding_of_connect(const Hop& hop, const std::optional<http::Problem>& problem);
/// Of CONNECT. Requires a proxy.
Finding finding_of_tunnel(const ControlPlaneSettings& control_plane, const std::optional<http::Problem>& problem);
Finding finding_of_tls(const std::variant<http::TlsFacts, http::Problem>& shaken, Instant now);
Finding finding_of_list(const ControlPlaneAddress& address, const http::RestOutcome& outcome);
Finding finding_of_gateway(const std::string& socket, const delivery::StateOutcome& outcome);

}  // namespace tether::terminal
