#include "tether/admin/release.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

namespace tether {
namespace {

using Json = nlohmann::json;

/// As the command reads it from `/status`.
struct Held {
  bool connected = false;
  std::string link_state;
  Json holds;
  Json resources;
};

Result<Held> read_held(const Result<std::string>& body) {
  if (!body) return tl::unexpected(body.error());
  const Json json = Json::parse(*body, nullptr, /*allow_exceptions=*/false);
  Held held;
  const bool readable = json.is_object() && json.contains("control_plane") && json["control_plane"].is_object() &&
                        json.contains("holds") && json["holds"].is_array() && json.contains("held") &&
                        json["held"].is_array();
  if (!readable) return fail(ErrorKind::Reject, "what answers there is no tetherd of this version");
  held.link_state = json["control_plane"].value("state", "");
  held.connected = held.link_state == "connected";
  held.holds = json["holds"];
  held.resources = json["held"];
  return held;
}

/// A member as text that can stand on a terminal: names come from outside.
std::string text(const Json& object, const char* member) {
  const auto found = object.find(member);
  std::string out = found != object.end() && found->is_string() ? found->get<std::string>() : "";
  for (char& c : out) {
    if ((c >= '\0' && c < ' ') || c == '\x7f') c = '?';
  }
  return out;
}

std::int64_t number(const Json& object, const char* member) {
  const auto found = object.find(member);
  return found != object.end() && found->is_number() ? found->get<std::int64_t>() : 0;
}

std::string line_of(const Json& hold) {
  std::string out = text(hold, "listing") + ": lacks " + std::to_string(number(hold, "would_go")) + " of " +
                    std::to_string(number(hold, "in_service")) + " that are stored, since " + text(hold, "since");
  return out + "; " + text(hold, "reason") + "\n";
}

std::string show(const Held& held) {
  std::string out = "The deletion brake holds these removals. Listings of the control plane lack them:\n";
  for (const Json& hold : held.holds) {
    out += "\n" + line_of(hold);
    std::int64_t shown = 0;
    for (const Json& resource : held.resources) {
      if (text(resource, "listing") != text(hold, "listing")) continue;
      ++shown;
      out += "  " + text(resource, "kind") + " " + text(resource, "id") + "  " + text(resource, "handle") + "\n";
    }
    const std::int64_t more = number(hold, "would_go") - shown;
    if (more > 0) out += "  … and " + std::to_string(more) + " more that are not shown\n";
  }
  return out + "\n";
}

std::vector<AgreedHold> agreed_holds(const Held& held) {
  std::vector<AgreedHold> out;
  for (const Json& hold : held.holds) {
    if (out.size() < kMaxAgreedHolds) out.push_back({text(hold, "listing"), number(hold, "noted")});
  }
  return out;
}

/// What has come of one consent.
struct Progress {
  std::int64_t noted = 0;
  bool was_asked = false;
  bool was_released = false;
  bool is_over = false;
  bool is_held = false;
};

/// Brings it up to date, and says what has changed; the hold is null once there is none any more.
std::string follow(const std::string& listing, const Json& hold, Progress& progress) {
  if (progress.is_over) return "";
  if (hold.is_null()) {
    progress.is_over = true;
    return listing + (progress.was_released ? ": what was held is gone\n" : ": lacks it no more, nothing is removed\n");
  }
  const std::string state = text(hold, "state");
  if (number(hold, "noted") != progress.noted) {
    progress.is_over = progress.is_held = true;
    return "still held: something else is missing than was shown. " + line_of(hold);
  }
  if (state == "released" && !progress.was_released) {
    progress.was_released = true;
    return listing + ": lacks the same again; it is removed once the next listing confirms it\n";
  }
  if (state == "held" && (progress.was_asked || progress.was_released)) {
    progress.is_over = progress.is_held = true;
    return "still held: the link was made anew before it was confirmed. " + line_of(hold);
  }
  progress.was_asked = progress.was_asked || state == "asked";
  return "";
}

ReleaseEnd watch(const ReleaseEnds& ends, const std::vector<AgreedHold>& agreed) {
  std::map<std::string, Progress> all;
  for (const AgreedHold& hold : agreed) all[hold.listing].noted = hold.noted;
  for (int look = 0; look < kReleaseLooks; ++look) {
    ends.pause();
    const auto held = read_held(ends.status());
    if (!held) {
      ends.complain("the daemon does not answer any more: " + held.error().message + "\n");
      return ReleaseEnd::NotDone;
    }
    if (!held->connected) {
      ends.complain("the link to the control plane is gone (" + held->link_state +
                    "): what was not confirmed stays in service\n");
      return ReleaseEnd::NotDone;
    }
    for (auto& [listing, progress] : all) {
      const std::string& name = listing;
      const auto found = std::find_if(held->holds.begin(), held->holds.end(),
                                      [&name](const Json& hold) { return text(hold, "listing") == name; });
      const std::string news = follow(listing, found == held->holds.end() ? Json() : *found, progress);
      if (!news.empty()) progress.is_held ? ends.complain(news) : ends.say(news);
    }
    const bool over = std::all_of(all.begin(), all.end(), [](const auto& one) { return one.second.is_over; });
    if (!over) continue;
    const bool held_again = std::any_of(all.begin(), all.end(), [](const auto& one) { return one.second.is_held; });
    return held_again ? ReleaseEnd::NotDone : ReleaseEnd::Done;
  }
  ends.complain("not confirmed yet: see `holds` in /status\n");
  return ReleaseEnd::NotDone;
}

}  // namespace

std::string write_release(const std::vector<AgreedHold>& holds) {
  Json list = Json::array();
  for (const AgreedHold& hold : holds) list.push_back({{"listing", hold.listing}, {"noted", hold.noted}});
  return Json{{"holds", list}}.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
}

Result<std::vector<AgreedHold>> read_release(std::string_view body) {
  const auto wrong = [] {
    return fail(ErrorKind::Reject, R"(the body should be {"holds":[{"listing":"…","noted":…}]} as `/status` shows it)");
  };
  // No value may stand deeper than the members of a hold.
  bool too_deep = false;
  const auto watch_depth = [&too_deep](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > 3;
    return !too_deep;
  };
  if (body.size() > kMaxReleaseBytes) return wrong();
  const Json json = Json::parse(body, watch_depth, /*allow_exceptions=*/false);
  if (too_deep || !json.is_object() || !json.contains("holds") || !json["holds"].is_array()) return wrong();
  std::vector<AgreedHold> holds;
  for (const Json& hold : json["holds"]) {
    const bool readable = hold.is_object() && hold.contains("listing") && hold["listing"].is_string() &&
                          hold.contains("noted") && hold["noted"].is_number_integer();
    if (!readable || holds.size() >= kMaxAgreedHolds) return wrong();
    holds.push_back({hold["listing"].get<std::string>(), hold["noted"].get<std::int64_t>()});
  }
  if (holds.empty()) return wrong();
  return holds;
}

std::optional<std::string> why_not_release(const Status& status, const std::vector<AgreedHold>& holds) {
  if (status.store.degraded) return "nothing can be stored: " + status.store.last_error.value_or("unknown why");
  if (status.control_plane.state != ControlPlaneStatus::State::Connected) {
    return "there is no link to the control plane, which has to confirm it: it is " +
           std::string(to_string(status.control_plane.state));
  }
  if (status.control_plane.other_gateway_id) return "the link is that of another gateway id than the one in service";
  for (const AgreedHold& agreed : holds) {
    const auto held = std::find_if(status.holds.begin(), status.holds.end(),
                                   [&agreed](const HoldNote& hold) { return hold.listing == agreed.listing; });
    if (held == status.holds.end()) return "nothing of that listing is held any more: look again";
    if (held->noted != agreed.noted) return "something else is missing than was shown: look again";
  }
  return std::nullopt;
}

ReleaseEnd release_deletions(const ReleaseEnds& ends, bool yes) {
  const auto held = read_held(ends.status());
  if (!held) {
    ends.complain("the daemon does not answer: " + held.error().message + "\n");
    return ReleaseEnd::NotDone;
  }
  if (held->holds.empty()) {
    ends.say("nothing is held\n");
    return ReleaseEnd::Done;
  }
  ends.say(show(*held));
  if (!held->connected) {
    ends.complain("there is no link to the control plane (" + held->link_state +
                  "), which has to confirm it: nothing is done\n");
    return ReleaseEnd::NotDone;
  }
  const auto answer = yes ? std::optional(true) : ends.ask();
  if (!answer) {
    ends.complain("standard input is no terminal: --yes agrees without being asked\n");
    return ReleaseEnd::NotAsked;
  }
  if (!*answer) {
    ends.say("nothing is done\n");
    return ReleaseEnd::NotDone;
  }
  const auto agreed = agreed_holds(*held);
  if (const auto taken = ends.agree(write_release(agreed)); !taken) {
    ends.complain("not released: " + taken.error().message + "\n");
    return ReleaseEnd::NotDone;
  }
  ends.say("the control plane is asked again; what it still lacks is removed\n");
  return watch(ends, agreed);
}

}  // namespace tether
