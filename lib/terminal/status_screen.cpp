#include "tether/terminal/status_screen.h"

#include <optional>

#include "tether/admin/command_json.h"
#include "tether/terminal/troubles.h"
#include "tether/terminal/words.h"

namespace tether::terminal {
namespace {

std::optional<double> seconds(const Json& object, const char* member) {
  const auto found = object.find(member);
  if (found == object.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

bool is_true(const Json& object, const char* member) {
  const auto found = object.find(member);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

/// When both sides were last proven to agree.
std::string proven(const Json& side) {
  const auto age = seconds(side, "last_proven_sync_age_s");
  const std::string stale = is_true(side, "stale") ? ", which is stale" : "";
  return (age ? "last proven " + duration_in_words(*age) + " ago" : "never proven so far") + stale;
}

Line row(const std::string& name, const std::string& text, Tone tone = Tone::Plain) {
  constexpr std::size_t kNameWidth = 16;
  std::string out = name;
  out.resize(std::max(kNameWidth, name.size() + 1), ' ');
  return {out + text, tone};
}

void add_control_plane(const Json& control_plane, Lines& out) {
  const std::string state = shown_text(control_plane, "state");
  const bool connected = state == "connected";
  const std::string id = shown_text(control_plane, "gateway_id");
  out.push_back(row("control plane", state + for_how_long(control_plane) + ", " + shown_text(control_plane, "url"),
                    connected ? Tone::Good : Tone::Bad));
  if (!id.empty()) out.push_back(row("", "gateway id " + id));
  const bool agrees = is_true(control_plane, "in_sync");
  out.push_back(row("", (agrees ? "in sync, " : "not in sync, ") + proven(control_plane)));
}

std::string state_of_gateway(const Json& gateway) {
  const std::string state = shown_text(gateway, "state");
  return state == "in_sync" ? "in sync" : state;
}

void add_gateway(const Json& gateway, Lines& out) {
  const bool agrees = shown_text(gateway, "state") == "in_sync";
  out.push_back(row("gateway", state_of_gateway(gateway) + for_how_long(gateway) + ", " + shown_text(gateway, "socket"),
                    agrees ? Tone::Good : Tone::Bad));
  const std::string instance = shown_text(gateway, "instance");
  if (!instance.empty()) {
    out.push_back(row("", "instance " + instance + " at revision " +
                              std::to_string(shown_number(gateway, "applied_revision")) + ", " + proven(gateway)));
  }
  if (!is_true(gateway, "ready")) out.push_back(row("", "not ready: it has not answered a push"));
}

void add_store(const Json& store, Lines& out) {
  std::string what;
  const Json resources = store.value("resources", Json::object());
  for (const auto& [kind, count] : resources.items()) {
    const std::int64_t number = count.is_number() ? count.get<std::int64_t>() : 0;
    what += (what.empty() ? "" : ", ") + std::to_string(number) + " " + kind;
  }
  const bool degraded = is_true(store, "degraded");
  out.push_back(row("store",
                    (degraded ? "cannot be written, " : "") + std::string("revision ") +
                        std::to_string(shown_number(store, "revision")) + ": " +
                        (what.empty() ? "nothing is offered to the gateway" : what),
                    degraded ? Tone::Bad : Tone::Good));
  const std::int64_t unanswered = shown_number(store, "unanswered");
  if (unanswered > 0) out.push_back(row("", count_of(unanswered, "change") + " that no gateway has answered"));
  const std::int64_t acks = shown_number(store, "outbox_acks");
  if (acks > 0) out.push_back(row("", count_of(acks, "ack") + " not known to have been read by the control plane"));
}

void add_best_effort(const Json& status, Lines& out) {
  std::string kinds;
  const Json names = status.value("best_effort_kinds", Json::array());
  for (const Json& kind : names) {
    if (kind.is_string()) kinds += (kinds.empty() ? "" : ", ") + kind.get<std::string>();
  }
  if (kinds.empty()) return;
  out.push_back(row("note", "some of these are as the last event left them, no listing can correct them: " + kinds));
}

void add_troubles(const std::vector<Trouble>& troubles, Lines& out) {
  for (const Trouble& trouble : troubles) {
    out.push_back({""});
    out.push_back({"! " + trouble.what, Tone::Bad});
    for (const std::string& line : trouble.of) out.push_back({"    " + line});
    out.push_back({"  > " + trouble.advice, Tone::Advice});
  }
}

}  // namespace

Result<StatusScreen> status_screen(const Result<std::string>& body, Instant now) {
  const auto status = read_status(body);
  if (!status) return tl::unexpected(status.error());
  const auto troubles = troubles_of(*status, now);
  StatusScreen out;
  out.all_well = troubles.empty();
  const std::string verdict =
      troubles.empty() ? "all is well: everything wanted is in service"
                       : count_of(static_cast<std::int64_t>(troubles.size()), "thing") +
                             (troubles.size() == 1 ? " is not as it should be" : " are not as they should be");
  out.lines.push_back({"tetherd " + shown_text(*status, "version") + ", running for " +
                           duration_in_words(seconds(*status, "uptime_s").value_or(0)) + ": " + verdict,
                       Tone::Heading});
  out.lines.push_back({""});
  add_control_plane((*status)["control_plane"], out.lines);
  add_gateway((*status)["gateway"], out.lines);
  add_store((*status)["store"], out.lines);
  add_best_effort(*status, out.lines);
  add_troubles(troubles, out.lines);
  return out;
}

}  // namespace tether::terminal
