#include "tether/admin/accept.h"

#include "tether/admin/admin_client.h"
#include "tether/admin/command_json.h"

namespace tether {
namespace {

/// The staged identity as `/status` tells it; null: none.
Json staged_in(const Json& status) {
  const Json& staged = status["control_plane"]["staged"];
  return staged.is_object() ? staged : Json();
}

/// Not made fit for a terminal: for comparing and for the daemon.
std::string id_of(const Json& object) {
  const auto found = object.find("gateway_id");
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::int64_t resources_in_service(const Json& status) {
  std::int64_t sum = 0;
  const auto kinds = status["store"].find("resources");
  if (kinds == status["store"].end() || !kinds->is_object()) return 0;
  for (const Json& count : *kinds) sum += count.is_number() ? count.get<std::int64_t>() : 0;
  return sum;
}

AgreedIdentity agree_to(const Json& status, const Json& staged) {
  const auto number = [&staged](const char* member) {
    return static_cast<std::uint64_t>(shown_number(staged, member));
  };
  AgreedIdentity out{id_of(staged), staged.value("waits_for", ""), number("deployed"), number("documents"),
                     number("resources")};
  out.in_service = static_cast<std::uint64_t>(resources_in_service(status));
  return out;
}

std::string show(const Json& status, const Json& staged) {
  const std::int64_t deployed = shown_number(staged, "deployed");
  const std::int64_t missing = deployed - shown_number(staged, "documents");
  std::string out = "In service: gateway id " + shown_text(status["control_plane"], "gateway_id") + ", " +
                    std::to_string(resources_in_service(status)) + " resources.\n";
  out += "Staged: gateway id " + shown_text(staged, "gateway_id") + ", since " + shown_text(staged, "since") + ", " +
         std::to_string(shown_number(staged, "resources")) + " resources; " + std::to_string(missing) + " of its " +
         std::to_string(deployed) + " deployed artifacts lack their document.\n";
  out += "It waits for " + shown_text(staged, "waits_for") + ".\n";
  return out + "If it takes over, the gateway gets these " + std::to_string(shown_number(staged, "resources")) +
         " resources, and nothing that is in service now stays.\n\n";
}

bool needs_operator(const Json& staged) {
  return staged.value("needs_operator", Json()) == Json(true);
}

bool is_accepted(const Json& staged) {
  return staged.value("accepted", Json()) == Json(true);
}

/// What one look at the daemon says of the consent, and the end of it if that is one.
class Watch {
 public:
  Watch(const CommandEnds& ends, std::string gateway_id) : ends_(ends), gateway_id_(std::move(gateway_id)) {}

  CommandEnd run() {
    for (int look = 0; look < kCommandLooks; ++look) {
      ends_.pause();
      const auto status = read_status(ends_.status());
      if (!status) return stop("the daemon does not answer any more: " + status.error().message);
      if (const auto end = follow(*status)) return *end;
    }
    if (!was_accepted_)
      return stop("the daemon has not taken it: the link was made anew, or it is not as it was shown: look again");
    return stop("not in service yet; as long as this link lasts it takes over by itself once it has " + waits_for_);
  }

 private:
  CommandEnd stop(const std::string& why) {
    ends_.complain(why + "\n");
    return CommandEnd::NotDone;
  }

  std::optional<CommandEnd> follow(const Json& status) {
    const Json& control_plane = status["control_plane"];
    if (id_of(control_plane) == gateway_id_) {
      ends_.say("gateway id " + shown_text(control_plane, "gateway_id") + " is in service; the gateway is " +
                shown_text(status["gateway"], "state") + "\n");
      return CommandEnd::Done;
    }
    if (const std::string link = link_state(status); link != "connected") {
      return stop("the link to the control plane is gone (" + link +
                  "): what is in service stays, and the consent is void");
    }
    const Json staged = staged_in(status);
    if (staged.is_null()) {
      return stop("it is staged no more: gateway id " + shown_text(control_plane, "gateway_id") + " stays in service");
    }
    if (id_of(staged) != gateway_id_) {
      return stop("another one is staged now, and not accepted: gateway id " + shown_text(staged, "gateway_id"));
    }
    if (was_accepted_ && !is_accepted(staged)) {
      return stop(
          "the consent is void: the link was made anew before it took over, or it is not as it was shown: look again");
    }
    was_accepted_ = is_accepted(staged);
    const std::string waits_for = shown_text(staged, "waits_for");
    if (was_accepted_ && waits_for != waits_for_) ends_.say("it waits for " + waits_for + "\n");
    waits_for_ = waits_for;
    return std::nullopt;
  }

  const CommandEnds& ends_;
  std::string gateway_id_;
  std::string waits_for_;
  bool was_accepted_ = false;
};

}  // namespace

std::string write_acceptance(const AgreedIdentity& agreed) {
  return Json{{"gateway_id", agreed.gateway_id}, {"waits_for", agreed.waits_for}, {"deployed", agreed.deployed},
              {"documents", agreed.documents},   {"resources", agreed.resources}, {"in_service", agreed.in_service}}
      .dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
}

Result<AgreedIdentity> read_acceptance(std::string_view body) {
  const auto read = read_consent(body, /*depth=*/1);
  AgreedIdentity out;
  bool readable = read.has_value();
  const auto text = [&](const char* member, std::string& into) {
    readable = readable && read->contains(member) && (*read)[member].is_string();
    if (readable) into = (*read)[member].get<std::string>();
  };
  const auto number = [&](const char* member, std::uint64_t& into) {
    readable = readable && read->contains(member) && (*read)[member].is_number_unsigned();
    if (readable) into = (*read)[member].get<std::uint64_t>();
  };
  text("gateway_id", out.gateway_id);
  text("waits_for", out.waits_for);
  number("deployed", out.deployed);
  number("documents", out.documents);
  number("resources", out.resources);
  number("in_service", out.in_service);
  if (!readable || out.gateway_id.empty()) {
    return fail(ErrorKind::Reject,
                R"(the body should be {"gateway_id":"…","waits_for":"…","deployed":…,"documents":…,"resources":…,)"
                R"("in_service":…} as `/status` shows them)");
  }
  return out;
}

std::optional<std::string> why_not_accept(const Status& status, const AgreedIdentity& agreed) {
  if (status.store.degraded) return "nothing can be stored: " + status.store.last_error.value_or("unknown why");
  const ControlPlaneStatus& control_plane = status.control_plane;
  const auto& staged = control_plane.staged;
  if (!staged) return "no other identity is staged any more: look again";
  if (staged->gateway_id != agreed.gateway_id) return "another identity is staged than was shown: look again";
  if (control_plane.state != ControlPlaneStatus::State::Connected) {
    return "there is no link to the control plane, which has to show what it has: it is " +
           std::string(to_string(control_plane.state));
  }
  if (control_plane.other_gateway_id != agreed.gateway_id) return "the link is not that of the staged identity";
  if (!staged->needs_operator) {
    return "no operator can make up for what it waits for: look again when it has " + staged->waits_for;
  }
  if (staged->waits_for != agreed.waits_for) {
    return "it waits for something else than was shown: look again. It waits for " + staged->waits_for;
  }
  std::uint64_t in_service = 0;
  for (const auto& [kind, count] : status.store.resources) in_service += count;
  const AgreedIdentity present{staged->gateway_id, staged->waits_for, staged->deployed,
                               staged->documents,  staged->resources, in_service};
  if (present != agreed) return "it has something else than was shown, or what is in service has: look again";
  return std::nullopt;
}

CommandEnd accept_identity(const CommandEnds& ends, bool yes) {
  const auto status = read_status(ends.status());
  if (!status) {
    ends.complain(no_answer(status.error()) + "\n");
    return CommandEnd::NotDone;
  }
  const Json staged = staged_in(*status);
  if (staged.is_null()) {
    const std::string served = shown_text((*status)["control_plane"], "gateway_id");
    ends.say("no other identity is staged; in service is " + (served.empty() ? "none yet" : "gateway id " + served) +
             "\n");
    return CommandEnd::Done;
  }
  ends.say(show(*status, staged));
  if (const std::string link = link_state(*status); link != "connected") {
    ends.complain("there is no link to the control plane (" + link +
                  "), which has to show what it has: nothing is done\n");
    return CommandEnd::NotDone;
  }
  if (!needs_operator(staged)) {
    ends.complain("no operator can make up for what it waits for: nothing is done. Look again when that is there\n");
    return CommandEnd::NotDone;
  }
  const AgreedIdentity agreed = agree_to(*status, staged);
  if (const auto end = hand_over(ends, yes, write_acceptance(agreed), "not accepted")) return *end;
  return Watch(ends, agreed.gateway_id).run();
}

}  // namespace tether
