#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "tether/base/result.h"
#include "tether/delivery/outcome.h"
#include "tether/http/control_plane_client.h"
#include "tether/http/reachability.h"
#include "tether/settings/settings.h"
#include "tether/settings/unknown_variables.h"
#include "tether/store/upkeep.h"
#include "tether/terminal/screen.h"

namespace tether::terminal {

/// What each step does. None of it changes anything anywhere: there is no WebSocket, whose opening would take part of a
/// gateway's events, no manifest and no push.
struct DoctorEnds {
  std::function<Result<std::string>()> daemon;  ///< The body of `/readyz` of a running one.
  std::function<Result<store::CheckReport>()> store;
  std::function<bool()> has_token;
  std::function<std::string()> why_no_token;  ///< One sentence, or empty.
  std::function<std::variant<std::vector<std::string>, http::Problem>()> look_up;
  std::function<std::optional<http::Problem>()> connect;  ///< To the proxy, if there is one, as the lookup is of it.
  std::function<std::optional<http::Problem>()> tunnel;   ///< The whole way by that proxy, by CONNECT.
  std::function<std::variant<http::TlsFacts, http::Problem>()> shake_hands;
  std::function<http::RestOutcome()> list;  ///< The deployments that changed since now, with the token.
  std::function<delivery::StateOutcome()> gateway;
  std::function<Instant()> now;

  std::function<void(const std::string&)> say;
  std::function<void(const std::string& what)> begin;  ///< A step begins that may take long.
  std::function<void()> end;                           ///< It is over.
};

/// `tetherd doctor`: every step from the settings to the gateway, each with what was tried, what came of it and what to
/// do. One that needs another one is left out if that failed. It works without a daemon. True: nothing is wrong.
bool run_doctor(const DoctorEnds& ends, const LoadedSettings& loaded, const std::vector<UnknownVariable>& unknown,
                bool colours);

/// How long before its end a server's certificate is warned of.
inline constexpr std::chrono::hours kCertificateWarning{14 * 24};

}  // namespace tether::terminal
