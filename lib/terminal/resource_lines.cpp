#include "tether/terminal/resource_lines.h"

#include <algorithm>

#include "tether/admin/command_json.h"
#include "tether/terminal/event_words.h"
#include "tether/terminal/words.h"

namespace tether::terminal {
namespace {

bool is_true(const Json& object, const char* member) {
  const auto found = object.find(member);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

Json child(const Json& object, const char* member) {
  return object.value(member, Json());
}

bool is_artifact(const Json& resource) {
  return resource.contains("deployment_id");
}

std::string name_and_id(const Json& resource) {
  const std::string name = shown_text(resource, "name");
  const std::string id = shown_text(resource, "id");
  return name.empty() || name == id ? id : name + " (" + id + ")";
}

std::string why_waiting(const Json& resource) {
  if (is_true(resource, "lost")) return "what was stored of it cannot be read any more, and it is fetched again";
  if (!is_true(resource, "has_content")) {
    return is_artifact(resource) ? "its document has not come yet" : "its value has not come yet";
  }
  return shown_text(resource, "artifact_id").empty() ? "what it refers to is not in service"
                                                     : "what it belongs to is not in service";
}

std::string why_undeployed(const Json& resource) {
  return is_true(resource, "by_absence") ? "no listing has it any more, though it still exists"
                                         : "the control plane does not want it in service";
}

Line fact(const char* name, const std::string& text, Tone tone = Tone::Plain) {
  constexpr std::size_t kNameWidth = 14;
  return {"  " + padded(name, kNameWidth) + text, tone};
}

std::string offer(const Json& resource) {
  const std::int64_t revision = shown_number(resource, "revision");
  if (revision == 0) return "never";
  const std::string deployment = shown_text(resource, "offered_deployment_id");
  const std::string what = is_artifact(resource) && deployment.empty()
                               ? "its removal"
                               : (deployment.empty() ? "it" : "deployment " + deployment);
  return what + ", at revision " + std::to_string(revision) +
         (is_true(resource, "answered") ? ", which the gateway has answered"
                                        : ", which the gateway has not answered yet");
}

void add_wishes(const Json& resource, Lines& out) {
  const std::string artifact = shown_text(resource, "artifact_id");
  const std::string deployment = shown_text(resource, "deployment_id");
  const std::string since = shown_text(resource, "wanted_since");
  if (!artifact.empty()) out.push_back(fact("belongs to", artifact));
  if (!deployment.empty()) out.push_back(fact("deployment", deployment));
  if (!since.empty()) out.push_back(fact("as of", since + ", by the control plane's clock"));
  if (const auto gone = shown_text(resource, "gone_since"); !gone.empty()) out.push_back(fact("gone since", gone));
  const Json refers_to = child(resource, "refers_to");
  for (const Json& to : refers_to) {
    const bool offered = is_true(to, "offered");
    out.push_back(fact("refers to",
                       shown_text(to, "kind") + " " + shown_text(to, "name") +
                           (offered ? ", which is offered" : ", which is not here"),
                       offered ? Tone::Plain : Tone::Bad));
  }
}

void add_what_is_here(const Json& resource, Lines& out) {
  const char* const content = is_artifact(resource) ? "document" : "content";
  out.push_back(fact(content, is_true(resource, "has_content") ? "is here" : "has not come yet"));
  out.push_back(fact("offered", offer(resource)));
  const std::string good = shown_text(resource, "good_deployment_id");
  if (!good.empty()) out.push_back(fact("last accepted", "deployment " + good));
  if (const Json refused = child(resource, "refused"); refused.is_object()) {
    out.push_back(fact("refused",
                       "since " + shown_text(refused, "since") + ": " + shown_text(refused, "reason") +
                           "; tried again at " + shown_text(refused, "next_try") + " at the latest",
                       Tone::Bad));
  }
}

void add_what_is_open(const Json& resource, Lines& out) {
  const Json events = child(resource, "events");
  for (const Json& event : events) {
    out.push_back(fact("event", shown_text(event, "type") + " of " + shown_text(event, "at") +
                                    (is_true(event, "in_doubt") ? ", which a listing has yet to confirm"
                                                                : ", whose effect is not in service yet")));
  }
  if (is_true(resource, "doubted")) out.push_back(fact("listing", "one lacked it or was older: it is asked again"));
  if (is_true(resource, "asked_for")) out.push_back(fact("question", "the control plane is asked whether it exists"));
  const std::string verdict = shown_text(resource, "verdict");
  if (verdict.empty()) return;
  out.push_back(
      fact("ack", verdict + (is_true(resource, "ack_waits") ? ", not known to have been read by the control plane"
                                                            : ", nothing waits to be sent")));
}

}  // namespace

std::string why(const Json& resource) {
  const std::string state = shown_text(resource, "state");
  if (state == "in-service") return "the gateway has answered a push that has it";
  if (state == "pending") return "it is offered, and the gateway has not answered yet";
  if (state == "waiting") return why_waiting(resource);
  if (state == "quarantined") return "the gateway refused it: " + shown_text(child(resource, "refused"), "reason");
  if (state == "held") {
    return "the listing " + shown_text(resource, "held_by") + " lacks it, and the deletion brake keeps it";
  }
  if (state == "undeployed") return why_undeployed(resource);
  if (state == "kept") return "it belongs to something that is not in service, and comes back with it";
  return "it is gone";
}

Line list_line(const Json& resource) {
  constexpr std::size_t kStateWidth = 12;
  constexpr std::size_t kKindWidth = 17;
  const std::string state = shown_text(resource, "state");
  const bool is_well = state == "in-service";
  const bool is_trouble = state == "quarantined" || state == "held" || state == "waiting";
  return {padded(state, kStateWidth) + padded(shown_text(resource, "kind"), kKindWidth) + name_and_id(resource) +
              (is_well ? "" : ": " + why(resource)),
          is_trouble ? Tone::Bad : Tone::Plain};
}

Lines detail_lines(const Json& resource) {
  Lines out = {{shown_text(resource, "kind") + " " + name_and_id(resource), Tone::Heading}};
  const std::string state = shown_text(resource, "state");
  out.push_back(fact("state", state + ": " + why(resource), state == "in-service" ? Tone::Good : Tone::Bad));
  add_wishes(resource, out);
  add_what_is_here(resource, out);
  add_what_is_open(resource, out);
  return out;
}

Lines history_lines(const Json& resource, const Json& events) {
  Lines out;
  for (auto event = events.rbegin(); event != events.rend() && out.size() < kShownHistory; ++event) {
    const bool is_its = shown_text(*event, "kind") == shown_text(resource, "kind") &&
                        shown_text(*event, "id") == shown_text(resource, "id");
    if (!is_its) continue;
    const std::string correlation = shown_text(*event, "correlation_id");
    out.push_back(fact("history", shown_text(*event, "at") + " " + shown_text(*event, "type") + ", " +
                                      stage_in_words(*event) + (correlation.empty() ? "" : " [" + correlation + "]")));
  }
  std::reverse(out.begin(), out.end());
  if (out.empty()) out.push_back(fact("history", "no event about it has come since the daemon's start"));
  return out;
}

}  // namespace tether::terminal
