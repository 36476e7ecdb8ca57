#include "tether/admin/release.h"

#include <algorithm>
#include <map>

#include "tether/admin/admin_client.h"
#include "tether/admin/command_json.h"

namespace tether {
namespace {

constexpr const char* kConnected = "connected";

/// A held push as it is told; nullopt: there is none, or it cannot be read.
std::optional<HeldPush> push_in(const Json& object, const char* member) {
  const auto found = object.find(member);
  if (found == object.end() || !found->is_object()) return std::nullopt;
  const auto has = [&found](const char* name, bool is_text) {
    return found->contains(name) && (is_text ? (*found)[name].is_string() : (*found)[name].is_number_integer());
  };
  if (!has("instance", true) || !has("epoch", true) || !has("revision", false) || !has("has", false) ||
      !has("would_get", false)) {
    return std::nullopt;
  }
  const auto text = [&found](const char* name) { return (*found)[name].get<std::string>(); };
  return HeldPush{text("instance"), text("epoch"), shown_number(*found, "revision"), shown_number(*found, "has"),
                  shown_number(*found, "would_get")};
}

std::string line_of(const Json& hold) {
  std::string out = shown_text(hold, "listing") + ": lacks " + std::to_string(shown_number(hold, "would_go")) + " of " +
                    std::to_string(shown_number(hold, "in_service")) + " that are stored, since " +
                    shown_text(hold, "since");
  return out + "; " + shown_text(hold, "reason") + "\n";
}

std::string show_holds(const Json& status) {
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

std::string show_push(const HeldPush& push) {
  return "A push to the gateway is held. It has " + std::to_string(push.has) +
         " resources that this store does not know, and would get " + std::to_string(push.would_get) +
         " in their place; nothing else of what it has would stay.\n\n";
}

std::string show(const Json& status) {
  const auto push = push_in(status["gateway"], "held_push");
  return (status["holds"].empty() ? "" : show_holds(status)) + (push ? show_push(*push) : "");
}

AgreedRelease agree_to(const Json& status) {
  AgreedRelease out;
  for (const Json& hold : status["holds"]) {
    if (out.holds.size() == kMaxAgreedHolds) break;
    out.holds.push_back({shown_text(hold, "listing"), shown_number(hold, "noted")});
  }
  out.push = push_in(status["gateway"], "held_push");
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

/// Likewise of the push. It is over once the gateway is in sync, or something else is held.
std::string follow_push(const HeldPush& agreed, const Json& gateway, Progress& progress) {
  if (progress.is_over) return "";
  const auto held = push_in(gateway, "held_push");
  if (held && *held != agreed) {
    progress.is_over = progress.is_held = true;
    return "still held: the gateway has something else than was shown, or would get something else. " +
           show_push(*held);
  }
  if (held || shown_text(gateway, "state") != "in_sync") return "";
  progress.is_over = true;
  return "the gateway has what is stored\n";
}

CommandEnd watch(const CommandEnds& ends, const AgreedRelease& agreed) {
  std::map<std::string, Progress> all;
  for (const AgreedHold& hold : agreed.holds) all[hold.listing].noted = hold.noted;
  Progress push;
  push.is_over = !agreed.push;
  for (int look = 0; look < kCommandLooks; ++look) {
    ends.pause();
    const auto status = read_status(ends.status());
    if (!status) {
      ends.complain("the daemon does not answer any more: " + status.error().message + "\n");
      return CommandEnd::NotDone;
    }
    const auto tell = [&ends](const std::string& news, const Progress& progress) {
      if (!news.empty()) progress.is_held ? ends.complain(news) : ends.say(news);
    };
    if (agreed.push) tell(follow_push(*agreed.push, (*status)["gateway"], push), push);
    if (!all.empty() && link_state(*status) != kConnected) {
      ends.complain("the link to the control plane is gone (" + link_state(*status) +
                    "): what was not confirmed stays in service\n");
      return CommandEnd::NotDone;
    }
    for (auto& [listing, progress] : all) {
      const std::string& name = listing;
      const Json& holds = (*status)["holds"];
      const auto found = std::find_if(holds.begin(), holds.end(),
                                      [&name](const Json& hold) { return shown_text(hold, "listing") == name; });
      tell(follow(listing, found == holds.end() ? Json() : *found, progress), progress);
    }
    const bool over = std::all_of(all.begin(), all.end(), [](const auto& one) { return one.second.is_over; });
    if (!over || !push.is_over) continue;
    const bool held_again = std::any_of(all.begin(), all.end(), [](const auto& one) { return one.second.is_held; });
    return held_again || push.is_held ? CommandEnd::NotDone : CommandEnd::Done;
  }
  ends.complain("not done yet: see `holds` and `gateway` in /status\n");
  return CommandEnd::NotDone;
}

}  // namespace

std::string write_release(const AgreedRelease& agreed) {
  Json list = Json::array();
  for (const AgreedHold& hold : agreed.holds) list.push_back({{"listing", hold.listing}, {"noted", hold.noted}});
  Json body{{"holds", list}};
  if (const auto& push = agreed.push) {
    body["push"] = {{"instance", push->instance},
                    {"epoch", push->epoch},
                    {"revision", push->revision},
                    {"has", push->has},
                    {"would_get", push->would_get}};
  }
  return body.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
}

Result<AgreedRelease> read_release(std::string_view body) {
  const auto wrong = [] {
    return fail(ErrorKind::Reject,
                R"(the body should be {"holds":[{"listing":"…","noted":…}],"push":…} as `/status` shows them)");
  };
  const auto read = read_consent(body, /*depth=*/3);
  if (!read) return wrong();
  const Json& json = *read;
  if (!json.contains("holds") || !json["holds"].is_array()) return wrong();
  AgreedRelease agreed;
  for (const Json& hold : json["holds"]) {
    const bool readable = hold.is_object() && hold.contains("listing") && hold["listing"].is_string() &&
                          hold.contains("noted") && hold["noted"].is_number_integer();
    if (!readable || agreed.holds.size() >= kMaxAgreedHolds) return wrong();
    agreed.holds.push_back({hold["listing"].get<std::string>(), hold["noted"].get<std::int64_t>()});
  }
  agreed.push = push_in(json, "push");
  if (json.contains("push") != agreed.push.has_value()) return wrong();
  if (agreed.holds.empty() && !agreed.push) return wrong();
  return agreed;
}

std::optional<std::string> why_not_release(const Status& status, const AgreedRelease& agreed) {
  if (status.store.degraded) return "nothing can be stored: " + status.store.last_error.value_or("unknown why");
  if (agreed.push && !status.gateway.held_push) return "no push to the gateway is held any more: look again";
  if (agreed.push && *agreed.push != *status.gateway.held_push) {
    return "the gateway has something else than was shown, or would get something else: look again";
  }
  if (agreed.holds.empty()) return std::nullopt;
  if (status.control_plane.state != ControlPlaneStatus::State::Connected) {
    return "there is no link to the control plane, which has to confirm it: it is " +
           std::string(to_string(status.control_plane.state));
  }
  if (status.control_plane.other_gateway_id) return "the link is that of another gateway id than the one in service";
  for (const AgreedHold& shown : agreed.holds) {
    const auto held = std::find_if(status.holds.begin(), status.holds.end(),
                                   [&shown](const HoldNote& hold) { return hold.listing == shown.listing; });
    if (held == status.holds.end()) return "nothing of that listing is held any more: look again";
    if (held->noted != shown.noted) return "something else is missing than was shown: look again";
  }
  return std::nullopt;
}

CommandEnd release_deletions(const CommandEnds& ends, bool yes) {
  const auto status = read_status(ends.status());
  if (!status) {
    ends.complain(no_answer(status.error()) + "\n");
    return CommandEnd::NotDone;
  }
  AgreedRelease agreed = agree_to(*status);
  if (agreed.holds.empty() && !agreed.push) {
    ends.say("nothing is held\n");
    return CommandEnd::Done;
  }
  ends.say(show(*status));
  const bool unconfirmed = !agreed.holds.empty() && link_state(*status) != kConnected;
  if (unconfirmed) {
    ends.complain(
        "there is no link to the control plane (" + link_state(*status) +
        "), which has to confirm removals: " + (agreed.push ? "only the push can go\n" : "nothing is done\n"));
    if (!agreed.push) return CommandEnd::NotDone;
    agreed.holds.clear();
  }
  if (const auto end = hand_over(ends, yes, write_release(agreed), "not released")) return *end;
  if (!agreed.holds.empty()) ends.say("the control plane is asked again; what it still lacks is removed\n");
  if (agreed.push) ends.say("the gateway is sent what is stored\n");
  const CommandEnd end = watch(ends, agreed);
  return unconfirmed ? CommandEnd::NotDone : end;
}

}  // namespace tether
