#include "tether/terminal/troubles.h"

#include <algorithm>
#include <optional>

#include "tether/admin/command_json.h"
#include "tether/terminal/words.h"

namespace tether::terminal {
namespace {

using Troubles = std::vector<Trouble>;

bool flag(const Json& object, const char* member) {
  const auto found = object.find(member);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

std::optional<double> number_of(const Json& object, const char* member) {
  const auto found = object.find(member);
  if (found == object.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

/// `: why`, or nothing.
std::string reason(const Json& object, const char* member = "last_error") {
  const std::string text = shown_text(object, member);
  return text.empty() ? "" : ": " + text;
}

std::string next_attempt(const Json& control_plane) {
  const auto wait = control_plane.find("next_attempt_s");
  if (wait == control_plane.end() || !wait->is_number()) return "";
  const double seconds = wait->get<double>();
  if (seconds < 1) return " It is tried again at once.";
  const bool sooner = flag(control_plane, "looking_out");
  return " It is tried again in " + duration_in_words(seconds) +
         (sooner ? ", or sooner: the daemon looks out for the way back, and dials soon after it is there." : ".");
}

/// `the proxy HOST:PORT (SETTING)`: by these words a proxy is named, wherever it is.
bool blames_a_proxy(const std::string& error) {
  constexpr std::string_view kBegins = "the proxy ";
  const auto begin = error.find(kBegins);
  if (begin == std::string::npos) return false;
  const auto end = error.find(' ', begin + kBegins.size());
  return end != std::string::npos && error.compare(end, 2, " (") == 0;
}

/// What to do where there is no link.
std::string way_there(const Json& control_plane) {
  const std::string error = shown_text(control_plane, "last_error");
  const std::string url = shown_text(control_plane, "url");
  if (error.find("control_plane.server_key_pins") != std::string::npos) {
    return "If the control plane has a new key, add its pin to TETHER_CONTROL_PLANE_SERVER_KEY_PINS and start the "
           "daemon again. If it has not, it is somebody else who answers at " +
           url + ".";
  }
  if (blames_a_proxy(error) && error.find("(407)") != std::string::npos) {
    return "Give the proxy's USER:PASSWORD in the file that TETHER_CONTROL_PLANE_PROXY_CREDENTIALS_FILE names, and "
           "start the daemon again: it is read at the start.";
  }
  if (blames_a_proxy(error)) {
    return "See to that proxy: `tetherd doctor` tries the way to it, and by it to " + url +
           ". If none should be used, name the control plane in TETHER_CONTROL_PLANE_NO_PROXY and start the daemon "
           "again.";
  }
  return "`tetherd doctor` shows which step fails on the way to " + url + ".";
}

const Json& list(const Json& status, const char* member) {
  static const Json kNone = Json::array();
  const auto found = status.find(member);
  return found != status.end() && found->is_array() ? *found : kNone;
}

std::string name_of(const Json& resource) {
  const std::string handle = shown_text(resource, "handle");
  const std::string id = shown_text(resource, "id");
  return shown_text(resource, "kind") + " " + (handle.empty() || handle == id ? id : handle + " (" + id + ")");
}

std::vector<std::string> named(const Json& resources) {
  std::vector<std::string> out;
  for (const Json& resource : resources) {
    if (out.size() == kMaxNamed) {
      out.push_back("… and " + std::to_string(resources.size() - kMaxNamed) + " more: tetherd resources");
      break;
    }
    const std::string next = shown_text(resource, "next_try");
    out.push_back(name_of(resource) + reason(resource, "reason") +
                  (next.empty() ? "" : "; tried again at " + next + " at the latest"));
  }
  return out;
}

std::optional<Trouble> of_link(const Json& control_plane) {
  const std::string state = shown_text(control_plane, "state");
  const std::string served = " The gateway keeps what it has.";
  if (state == "connected") {
    const std::string advice = shown_text(control_plane, "advice");
    if (advice.empty()) return std::nullopt;
    return Trouble{"The control plane refuses the token that is configured now.", "To do: " + advice + "."};
  }
  if (state == "standalone") {
    return Trouble{"There is no registration token, so the control plane is not dialled" + reason(control_plane) + ".",
                   "Put the gateway's token into the file that TETHER_REGISTRATION_TOKEN_FILE names, which is watched, "
                   "or set TETHER_REGISTRATION_TOKEN and start the daemon again." +
                       served};
  }
  if (state == "rejected") {
    return Trouble{"The control plane has refused the token" + for_how_long(control_plane) + reason(control_plane) +
                       "." + next_attempt(control_plane),
                   "Make a new token there and put it where the settings say it is (TETHER_REGISTRATION_TOKEN_FILE or "
                   "TETHER_REGISTRATION_TOKEN). A changed file is seen at once." +
                       served};
  }
  if (state == "disconnected") {
    return Trouble{"The link to the control plane has just gone" + reason(control_plane) + ".",
                   "Look again: it is dialled anew, unless the daemon is stopping." + served};
  }
  const std::string what = state == "connecting" ? "There has been no link to the control plane since the start"
                                                 : "The link to the control plane is lost";
  return Trouble{what + for_how_long(control_plane) + reason(control_plane) + "." + next_attempt(control_plane),
                 way_there(control_plane) + served};
}

std::optional<Trouble> of_identity(const Json& control_plane) {
  const std::string serving = shown_text(control_plane, "gateway_id");
  const Json staged = control_plane.value("staged", Json());
  const std::string other =
      staged.is_object() ? shown_text(staged, "gateway_id") : shown_text(control_plane, "other_gateway_id");
  if (other.empty()) return std::nullopt;
  Trouble out;
  out.what = "The control plane names another gateway id, " + other + ", than the one in service, " + serving + ".";
  if (staged.is_object()) {
    out.what += " What it wants is kept beside it: " + count_of(shown_number(staged, "deployed"), "deployed artifact") +
                ", " + std::to_string(shown_number(staged, "documents")) +
                " of them here. It waits for: " + shown_text(staged, "waits_for") + ".";
  }
  out.advice = staged.is_object() && flag(staged, "needs_operator")
                   ? "If it should be served, `tetherd accept-identity` shows both and lets it take over. If not, give "
                     "the token of the gateway in service."
                   : "It takes over by itself once it is complete. If it should not, give the token of the gateway in "
                     "service.";
  return out;
}

std::optional<Trouble> of_gateway(const Json& gateway) {
  const std::string state = shown_text(gateway, "state");
  const std::string socket = shown_text(gateway, "socket");
  if (state == "away") {
    return Trouble{"The gateway is away" + for_how_long(gateway) + reason(gateway) + ".",
                   "Start it, if it does not run. It has to listen on " + socket +
                       " (TETHER_GATEWAY_SOCKET) as a user that TETHER_GATEWAY_USER allows, in a folder that no other "
                       "user may write to, and this daemon's user has to be able to write to that socket."};
  }
  if (state == "connecting") {
    return Trouble{"The gateway has not been asked yet" + reason(gateway) + ".", "Look again in some seconds."};
  }
  if (state == "refusing") {
    return Trouble{"The gateway refuses what it is sent" + for_how_long(gateway) + reason(gateway) + ".",
                   "See in the gateway's own log why. It is tried again by and by."};
  }
  return std::nullopt;
}

std::optional<Trouble> of_held_push(const Json& gateway) {
  const Json push = gateway.value("held_push", Json());
  if (!push.is_object()) return std::nullopt;
  return Trouble{"A push to the gateway is held: it has " + count_of(shown_number(push, "has"), "resource") +
                     " that the store does not know, and would get " + std::to_string(shown_number(push, "would_get")) +
                     " in their place.",
                 "If that is right, `tetherd release-deletions` lets it go. If not, see what the control plane lacks."};
}

std::optional<Trouble> of_store(const Json& store) {
  if (!flag(store, "degraded")) return std::nullopt;
  return Trouble{"Nothing can be stored" + reason(store) + ".",
                 "Make room on the disk, or give the daemon's user its state folder (TETHER_STATE_DIR) back. What is "
                 "stored is served meanwhile, and what changes is asked for again."};
}

std::optional<Trouble> of_quarantined(const Json& status) {
  const Json& resources = list(status, "quarantined");
  if (resources.empty()) return std::nullopt;
  return Trouble{"The gateway refuses " + count_of(static_cast<std::int64_t>(resources.size()), "resource") +
                     ", whose last good version stays in service:",
                 "Correct it in the control plane and deploy it again, or correct the gateway.", named(resources)};
}

void add_holds(const Json& status, Troubles& out) {
  for (const Json& hold : list(status, "holds")) {
    Json lacking = Json::array();
    for (const Json& resource : list(status, "held")) {
      if (shown_text(resource, "listing") == shown_text(hold, "listing")) {
        lacking.push_back({{"kind", resource.value("kind", Json())},
                           {"id", resource.value("id", Json())},
                           {"handle", resource.value("handle", Json())}});
      }
    }
    const bool is_held = shown_text(hold, "state") == "held";
    out.push_back({"The control plane's listing " + shown_text(hold, "listing") + " lacks " +
                       std::to_string(shown_number(hold, "would_go")) + " of " +
                       std::to_string(shown_number(hold, "in_service")) + ", and they are not removed; " +
                       shown_text(hold, "reason") + ":",
                   is_held ? "If they are meant to go, `tetherd release-deletions` lets them. If not, see what has "
                             "happened to the control plane."
                           : "Wait: the control plane is asked again, and what it still lacks goes.",
                   named(lacking)});
  }
}

std::optional<Trouble> of_waiting(const Json& status) {
  const Json& resources = list(status, "waiting");
  if (resources.empty()) return std::nullopt;
  return Trouble{count_of(static_cast<std::int64_t>(resources.size()), "resource") +
                     (resources.size() == 1 ? " is" : " are") + " wanted and not in service yet:",
                 "A document is fetched again by itself. What something refers to has to be deployed to this gateway.",
                 named(resources)};
}

std::optional<Trouble> of_certificate(const Json& control_plane, const char* member, const std::string& whose,
                                      const std::string& advice, Instant now) {
  const auto ends = parse_rfc3339(shown_text(control_plane, member));
  if (!ends || ends->ns - now.ns >= std::chrono::nanoseconds(kCertificateTrouble).count()) return std::nullopt;
  return Trouble{whose + (ends->ns < now.ns ? " has ended: " : " ends soon: ") + format_rfc3339_ms(*ends) + ".",
                 advice};
}

/// That nothing else is wrong does not prove that all is well.
std::optional<Trouble> of_staleness(const Json& side, const std::string& name) {
  if (!flag(side, "stale")) return std::nullopt;
  return Trouble{"That this daemon and the " + name + " agree has not been proven for longer than sync.stale_after_s.",
                 "`tetherd doctor` shows whether the " + name + " answers; the log says what it answers."};
}

/// Nothing is wrong, and it is not done either.
Trouble not_yet(const Json& status) {
  if (shown_text(status["gateway"], "state") == "behind") {
    return {"The gateway does not have all of it yet" + reason(status["gateway"]) + ".",
            "Look again: it is being sent."};
  }
  const Json& control_plane = status["control_plane"];
  const auto proven = number_of(control_plane, "last_proven_sync_age_s");
  const auto link = number_of(control_plane, "state_age_s");
  if (proven && link && *proven <= *link) {
    return {"Something that has come since the last comparison with the control plane is not settled yet.",
            "Look again: it is being asked or fetched."};
  }
  return {"What is stored has not been compared with the control plane under this link yet.",
          "Look again: it is being asked."};
}

}  // namespace

std::string for_how_long(const Json& side) {
  const auto age = side.find("state_age_s");
  const bool known = age != side.end() && age->is_number();
  return known ? " for " + duration_in_words(age->get<double>()) : "";
}

std::vector<Trouble> troubles_of(const Json& status, Instant now) {
  Troubles out;
  const auto add = [&out](std::optional<Trouble> trouble) {
    if (trouble) out.push_back(std::move(*trouble));
  };
  add(of_store(status["store"]));
  add(of_link(status["control_plane"]));
  add(of_identity(status["control_plane"]));
  add(of_gateway(status["gateway"]));
  add(of_held_push(status["gateway"]));
  add_holds(status, out);
  add(of_quarantined(status));
  add(of_waiting(status));
  add(of_certificate(status["control_plane"], "server_certificate_ends", "The control plane's certificate",
                     "Renew it there: without a valid one there is no link.", now));
  add(of_certificate(status["control_plane"], "client_certificate_ends", "The certificate of this daemon",
                     "Put a new one in its place; a changed file is seen at once.", now));
  if (out.empty()) {
    add(of_staleness(status["control_plane"], "control plane"));
    add(of_staleness(status["gateway"], "gateway"));
  }
  if (out.empty() && !flag(status, "in_sync")) out.push_back(not_yet(status));
  return out;
}

}  // namespace tether::terminal
