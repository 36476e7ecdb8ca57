#include "tether/terminal/findings.h"

#include "tether/terminal/database_command.h"
#include "tether/terminal/words.h"

namespace tether::terminal {
namespace {

constexpr int kUnauthorized = 401;
constexpr int kForbidden = 403;
constexpr int kNotFound = 404;
constexpr int kTooMany = 429;
constexpr int kServerError = 500;

/// What tls:: says of a pin, a client certificate or a version names the setting that it is about.
bool names_a_setting(const std::string& message) {
  return message.find("control_plane.") != std::string::npos;
}

std::string advice_for(const http::Problem& problem, const Hop& hop = {}) {
  switch (problem.fault) {
    case http::Fault::Dns:
      return "See whether the name in " + hop.setting +
             " is right, and whether this machine can look up others (/etc/resolv.conf).";
    case http::Fault::Refused:
      return std::string("See whether the ") + (hop.is_proxy ? "proxy" : "control plane") +
             " runs there, and whether the port in " + hop.setting + " is its own.";
    case http::Fault::Timeout:
      return "Something on the way drops it, or the other side hangs: see firewalls and routes in between.";
    case http::Fault::Tls:
      if (names_a_setting(problem.message)) {
        return "See whether that setting is what the control plane wants, and whether it is the control plane that "
               "answers there.";
      }
      return "If its certificate is of an authority of your own, name that by TETHER_CONTROL_PLANE_CA_FILE. If it is "
             "for another name, use that one in TETHER_CONTROL_PLANE_URL. If it has ended, have it renewed. "
             "Verification cannot be switched off.";
    default:
      return "See the control plane's own log, and what stands between it and this machine.";
  }
}

Finding failed(const http::Problem& problem) {
  return {false, problem.message, advice_for(problem)};
}

constexpr const char* kPastTheProxy =
    " If the control plane is to be reached directly, except it by TETHER_CONTROL_PLANE_NO_PROXY.";

Finding failed(const http::Problem& problem, const Hop& hop) {
  if (!hop.is_proxy) return failed(problem);
  return {false, "the proxy (" + hop.setting + "): " + problem.message, advice_for(problem, hop) + kPastTheProxy};
}

std::string advice_for_tunnel(const ControlPlaneSettings& control_plane, const http::Problem& problem) {
  const proxy::Proxy& proxy = *control_plane.proxy.through;
  if (problem.message.find("(407)") != std::string::npos) {
    if (proxy.credentials.empty()) {
      return "Write USER:PASSWORD for it into a file that is closed to other users, and name that by "
             "TETHER_CONTROL_PLANE_PROXY_CREDENTIALS_FILE.";
    }
    return "See whether user and password in " + control_plane.proxy.credentials_file.value_or(proxy.setting) +
           " are those that the proxy knows, and whether it takes basic authentication.";
  }
  switch (problem.fault) {
    case http::Fault::Refused:
      return "See in the proxy's own log why: it has to allow CONNECT to " + control_plane.address.authority() +
             ", and has to be able to reach that itself." + kPastTheProxy;
    case http::Fault::Http:
      return "See whether what " + proxy.setting +
             " names is an HTTP proxy, and is spoken to without TLS at that port.";
    default:
      return "See whether the proxy lets this machine in, and its own log." + std::string(kPastTheProxy);
  }
}

Finding finding_of_status(const ControlPlaneAddress& address, int status) {
  const std::string what =
      "asked " + address.authority() + " for its deployments: it answers " + std::to_string(status);
  if (status == kUnauthorized || status == kForbidden) {
    return {false, what + ", and does not take the token",
            "Make a new token for this gateway there and put it in the place of the old one. A control plane whose "
            "database is away answers so, too."};
  }
  if (status == kNotFound) {
    return {false, what + ", and knows no such path",
            "See whether the path in TETHER_CONTROL_PLANE_URL is the control plane's: REST is asked below " +
                (address.rest_base.empty() ? "/" : address.rest_base) + "."};
  }
  if (status == kTooMany) return {false, what + ", too many requests", "Try again in some minutes."};
  if (status >= kServerError) {
    return {false, what, "It has trouble of its own: see its log. The daemon asks again by itself."};
  }
  return {false, what, "See whether it is a control plane at all that listens there, or something before it."};
}

}  // namespace

Finding finding_of_daemon(const Result<std::string>& readyz) {
  if (readyz) return {true, "one runs here and is ready", ""};
  if (readyz.error().kind == ErrorKind::Retry) {
    return {true, "none answers (" + readyz.error().message + "): what follows is tried without one", ""};
  }
  return {false, "one runs here and is not ready: " + readyz.error().message, "`tetherd status` says what to do."};
}

Finding finding_of_store(const Result<store::CheckReport>& report) {
  if (!report) {
    const bool is_none = report.error().kind == ErrorKind::Reject;
    return {false, report.error().message,
            is_none ? "Where no daemon has run yet this is as it should be. If one has, give its state_dir "
                      "(TETHER_STATE_DIR)."
                    : "Do this as the daemon's user or as root, with the daemon's own program and state_dir "
                      "(TETHER_STATE_DIR)."};
  }
  const std::string what = report->file;
  if (!report->damage.empty()) {
    return {false, what + " is damaged: " + report->damage.front(), "`tetherd db check` says more, and what to do."};
  }
  if (!report->no_key.empty() && report->encrypted > 0) {
    return {false, what + " is sound, but its key is not at hand: " + report->no_key,
            "Give the key back (store.key_file, TETHER_STORE_KEY_FILE), or do this as the daemon's user and with its "
            "settings."};
  }
  if (report->unreadable > 0) {
    return {false,
            what + " is sound, but its key does not open " + std::to_string(report->unreadable) + " of " +
                count_of(report->encrypted, "encrypted content"),
            "Give the key back that it was made with, or let the daemon fetch them again."};
  }
  if (!report->no_room.empty()) {
    return {false, what + " is sound, but nothing more can be stored: " + report->no_room,
            "Make room there, or have it mounted writable. What is stored is served meanwhile."};
  }
  return {true, what + " is sound: " + size_in_words(report->bytes) + ", " + count_of(report->resources, "resource"),
          ""};
}

Finding finding_of_token(bool has_token, const std::string& described, const std::string& why_none) {
  if (has_token) return {true, "there is one: " + described, ""};
  return {false, why_none.empty() ? "there is none" : why_none,
          "Put the gateway's token into a file and name that by TETHER_REGISTRATION_TOKEN_FILE."};
}

Hop first_hop(const ControlPlaneSettings& control_plane) {
  const auto& proxy = control_plane.proxy.through;
  if (proxy) return {proxy->host, proxy->authority(), proxy->setting, /*is_proxy=*/true};
  return {control_plane.address.host, control_plane.address.authority()};
}

Finding finding_of_way(const ControlPlaneSettings& control_plane) {
  const std::string what = control_plane.address.authority() + " is reached ";
  const auto& proxy = control_plane.proxy.through;
  if (proxy && !proxy->why_unusable.empty()) {
    return {false, proxy->why_unusable,
            "Name an HTTP proxy by TETHER_CONTROL_PLANE_PROXY for the daemon alone, or none there if the control plane "
            "is to be reached directly."};
  }
  if (proxy) {
    return {true,
            what + "by the proxy " + proxy->authority() + " (" + proxy->setting + "), with" +
                (proxy->credentials.empty() ? "out" : "") + " credentials",
            ""};
  }
  const std::string& why = control_plane.proxy.why_direct;
  return {true, what + "directly: " + (why.empty() ? "no proxy is set" : why), ""};
}

Finding finding_of_lookup(const Hop& hop, const std::variant<std::vector<std::string>, http::Problem>& found) {
  if (const auto* problem = std::get_if<http::Problem>(&found)) return failed(*problem, hop);
  std::string out;
  for (const auto& address : std::get<std::vector<std::string>>(found)) out += (out.empty() ? "" : ", ") + address;
  return {true, (hop.is_proxy ? "the proxy " : "") + hop.host + " is " + out, ""};
}

Finding finding_of_connect(const Hop& hop, const std::optional<http::Problem>& problem) {
  if (problem) return failed(*problem, hop);
  return {true, std::string("connected to ") + (hop.is_proxy ? "the proxy " : "") + hop.authority, ""};
}

Finding finding_of_tunnel(const ControlPlaneSettings& control_plane, const std::optional<http::Problem>& problem) {
  if (problem) return {false, problem->message, advice_for_tunnel(control_plane, *problem)};
  return {true, "the proxy has opened a way to " + control_plane.address.authority(), ""};
}

Finding finding_of_tls(const std::variant<http::TlsFacts, http::Problem>& shaken, Instant now) {
  if (const auto* problem = std::get_if<http::Problem>(&shaken)) return failed(*problem);
  const auto& facts = std::get<http::TlsFacts>(shaken);
  const std::string what =
      facts.version + ", certificate verified, valid until " + format_rfc3339_ms(facts.valid_until);
  const bool ends_soon = facts.valid_until.ns - now.ns < std::chrono::nanoseconds(kCertificateWarning).count();
  return {true, what, ends_soon ? "Renew the control plane's certificate: without a valid one there is no link." : ""};
}

Finding finding_of_list(const ControlPlaneAddress& address, const http::RestOutcome& outcome) {
  if (const auto* problem = std::get_if<http::Problem>(&outcome)) return failed(*problem);
  const auto& answer = std::get<http::RestAnswer>(outcome);
  if (!answer.is_success()) return finding_of_status(address, answer.status);
  return {true, "asked " + address.authority() + " for its deployments: the token is taken", ""};
}

Finding finding_of_gateway(const std::string& socket, const delivery::StateOutcome& outcome) {
  if (const auto* state = std::get_if<protocol::GatewayState>(&outcome)) {
    return {true, "it listens on " + socket + " and has " + count_of(state->resources, "resource"), ""};
  }
  const auto& problem = std::get<delivery::GatewayProblem>(outcome);
  switch (problem.failure) {
    case delivery::GatewayFailure::WrongUser:
      return {false, problem.text, "Name who may listen there by TETHER_GATEWAY_USER, if that one may."};
    case delivery::GatewayFailure::UnsafeFolder:
      return {
          false, problem.text,
          "Give that folder to root, to this daemon's user or to the gateway's (TETHER_GATEWAY_USER), and close it to "
          "the writing of others; or put the socket elsewhere (TETHER_GATEWAY_SOCKET)."};
    case delivery::GatewayFailure::Status:
      return {false, socket + ": it answers " + std::to_string(problem.status) + " when asked for its state",
              "See its log. What it should answer is in docs/gateway-protocol.md."};
    case delivery::GatewayFailure::BadAnswer:
      return {false, socket + ": what it answers when asked for its state cannot be read",
              "See whether a gateway listens there, and docs/gateway-protocol.md for what it should answer."};
    default:
      return {
          false, problem.text,
          "Start the gateway, see whether TETHER_GATEWAY_SOCKET is where it listens, and whether this user may write "
          "to that socket and enter its folder."};
  }
}

}  // namespace tether::terminal
