#include "tether/admin/release.h"

#include <algorithm>
#include <map>

#include "tether/admin/command_json.h"

namespace tether {
namespace {

using Json = nlohmann::json;

constexpr const char* kConnected = "connected";

std::string line_of(const Json& hold) {
  std::string out = shown_text(hold, "listing") + ": lacks " + std::to_string(shown_number(hold, "would_go")) + " of " +
                    std::to_string(shown_number(hold, "in_service")) + " that are stored, since " +
                    shown_text(hold, "since");
  return out + "; " + shown_text(hold, "reason") + "\n";
}

std::string show(const Json& status) {
  std::string out = "The deletion brake holds these removals. Listings of the control plane lack them:\n";
  for (const Json& hold : status["holds"]) {
    out += "\n" + line_of(hold);
    std::int64_t shown = 0;
    for (const Json& resource : status["held"]) {
      if (shown_text(resource, "listing") != shown_text(hold, "listing")) continue;
      ++shown;
      out += "  " + shown_text(resource, "kind") + " " + shown_text(resource, "id") + "  " +
             shown_text(resource, "handle") + "\n";
    }
    const std::int64_t more = shown_number(hold, "would_go") - shown;
    if (more > 0) out += "  … and " + std::to_string(more) + " more that are not shown\n";
  }
  return out + "\n";
}

std::vector<AgreedHold> agreed_holds(const Json& status) {
  std::vector<AgreedHold> out;
  for (const Json& hold : status["holds"]) {
    if (out.size() < kMaxAgreedHolds) out.push_back({shown_text(hold, "listing"), shown_number(hold, "noted")});
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
  const std::string state = shown_text(hold, "state");
  if (shown_number(hold, "noted") != progress.noted) {
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

CommandEnd watch(const CommandEnds& ends, const std::vector<AgreedHold>& agreed) {
  std::map<std::string, Progress> all;
  for (const AgreedHold& hold : agreed) all[hold.listing].noted = hold.noted;
  for (int look = 0; look < kCommandLooks; ++look) {
    ends.pause();
    const auto status = read_status(ends.status());
    if (!status) {
      ends.complain("the daemon does not answer any more: " + status.error().message + "\n");
      return CommandEnd::NotDone;
    }
    if (link_state(*status) != kConnected) {
      ends.complain("the link to the control plane is gone (" + link_state(*status) +
                    "): what was not confirmed stays in service\n");
      return CommandEnd::NotDone;
    }
    for (auto& [listing, progress] : all) {
      const std::string& name = listing;
      const Json& holds = (*status)["holds"];
      const auto found = std::find_if(holds.begin(), holds.end(),
                                      [&name](const Json& hold) { return shown_text(hold, "listing") == name; });
      const std::string news = follow(listing, found == holds.end() ? Json() : *found, progress);
      if (!news.empty()) progress.is_held ? ends.complain(news) : ends.say(news);
    }
    const bool over = std::all_of(all.begin(), all.end(), [](const auto& one) { return one.second.is_over; });
    if (!over) continue;
    const bool held_again = std::any_of(all.begin(), all.end(), [](const auto& one) { return one.second.is_held; });
    return held_again ? CommandEnd::NotDone : CommandEnd::Done;
  }
  ends.complain("not confirmed yet: see `holds` in /status\n");
  return CommandEnd::NotDone;
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
  const auto read = read_consent(body, /*depth=*/3);
  if (!read) return wrong();
  const Json& json = *read;
  if (!json.contains("holds") || !json["holds"].is_array()) return wrong();
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

CommandEnd release_deletions(const CommandEnds& ends, bool yes) {
  const auto status = read_status(ends.status());
  if (!status) {
    ends.complain("the daemon does not answer: " + status.error().message + "\n");
    return CommandEnd::NotDone;
  }
  if ((*status)["holds"].empty()) {
    ends.say("nothing is held\n");
    return CommandEnd::Done;
  }
  ends.say(show(*status));
  if (link_state(*status) != kConnected) {
    ends.complain("there is no link to the control plane (" + link_state(*status) +
                  "), which has to confirm it: nothing is done\n");
    return CommandEnd::NotDone;
  }
  const auto agreed = agreed_holds(*status);
  if (const auto end = hand_over(ends, yes, write_release(agreed), "not released")) return *end;
  ends.say("the control plane is asked again; what it still lacks is removed\n");
  return watch(ends, agreed);
}

}  // namespace tether
