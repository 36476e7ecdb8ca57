#include "tether/terminal/status_screen.h"

#include <catch2/catch.hpp>

#include "tether/admin/status.h"

namespace tether::terminal {

using Catch::Matchers::Contains;
using CP = ControlPlaneStatus::State;
using GW = GatewayStatus::State;

namespace {

constexpr TimePoint kNow{48h};
const Instant kWall = *parse_rfc3339("2026-08-22T11:02:03Z");

Status well() {
  Status status;
  status.version = "1.2.3";
  status.started = kNow - 2h;
  status.in_sync = status.settled = true;
  status.control_plane.state = CP::Connected;
  status.control_plane.state_since = kNow - 90min;
  status.control_plane.url = "wss://cp.example.com/ws/gateways/connect";
  status.control_plane.gateway_id = "g-1";
  status.control_plane.in_sync = true;
  status.control_plane.last_proven_sync = kNow - 40s;
  status.gateway.state = GW::InSync;
  status.gateway.state_since = kNow - 5min;
  status.gateway.socket = "/run/gateway/config.sock";
  status.gateway.instance = "i-1";
  status.gateway.applied_revision = 42;
  status.gateway.has_answered_push = true;
  status.gateway.last_proven_sync = kNow - 3s;
  status.store.revision = 42;
  status.store.resources = {{"ApiKey", 3}, {"RestApi", 2}};
  return status;
}

StatusScreen screen_of(const Status& status) {
  const auto screen = status_screen(to_json(status, kNow), kWall);
  REQUIRE(screen);
  return *screen;
}

/// What is wrong and what to do, without the lines above.
std::string troubles_in(const Status& status) {
  const StatusScreen screen = screen_of(status);
  CHECK_FALSE(screen.all_well);
  const std::string text = render(screen.lines, false);
  const auto begin = text.find("\n! ");
  REQUIRE(begin != std::string::npos);
  return text.substr(begin + 1);
}

std::string link_trouble(CP state, std::optional<std::string> error = std::nullopt, Duration next = 12s) {
  Status status = well();
  status.in_sync = status.control_plane.in_sync = false;
  status.control_plane.state = state;
  status.control_plane.state_since = kNow - 4min;
  status.control_plane.last_error = std::move(error);
  if (state != CP::Standalone) status.control_plane.next_attempt = kNow + next;
  return troubles_in(status);
}

ResourceNote note(const std::string& id, const std::string& handle, const std::string& reason) {
  return {"RestApi", id, handle, reason, *parse_rfc3339("2026-08-22T11:02:03Z"), {}, {}};
}

}  // namespace

TEST_CASE("where all is well the screen says what is connected and since when [R14] [R29]") {
  const StatusScreen screen = screen_of(well());

  CHECK(screen.all_well);
  CHECK(render(screen.lines, false) ==
        "tetherd 1.2.3, running for 2 h: all is well: everything wanted is in service\n"
        "\n"
        "control plane   connected for 1 h 30 min, wss://cp.example.com/ws/gateways/connect\n"
        "                gateway id g-1\n"
        "                in sync, last proven 40 s ago\n"
        "gateway         in sync for 5 min, /run/gateway/config.sock\n"
        "                instance i-1 at revision 42, last proven 3 s ago\n"
        "store           revision 42: 3 ApiKey, 2 RestApi\n");
}

TEST_CASE("without a link each state says what to do, and that the gateway keeps what it has [R10] [R29]") {
  const std::string kept = "The gateway keeps what it has.\n";
  CHECK_THAT(link_trouble(CP::Standalone), Contains("! There is no registration token") &&
                                               Contains("TETHER_REGISTRATION_TOKEN_FILE") && Contains(kept));
  CHECK_THAT(link_trouble(CP::Standalone, "/token: Permission denied"),
             Contains("so the control plane is not dialled: /token: Permission denied.\n"));
  CHECK_THAT(link_trouble(CP::Reconnecting, "refused", 400ms), Contains("refused. It is tried again at once.\n"));
  CHECK_THAT(link_trouble(CP::Connecting, "dns: no such host"),
             Contains("! There has been no link to the control plane since the start for 4 min: dns: no such host. It "
                      "is tried again in 12 s.\n  > `tetherd doctor` shows which step fails on the way to "
                      "wss://cp.example.com/ws/gateways/connect. " +
                      kept));
  CHECK_THAT(link_trouble(CP::Reconnecting, "refused"),
             Contains("! The link to the control plane is lost for 4 min: refused.") && Contains(kept));
  CHECK_THAT(link_trouble(CP::Rejected, "401"),
             Contains("! The control plane has refused the token for 4 min: 401. It is tried again in 12 s.\n  > Make "
                      "a new token") &&
                 Contains(kept));
  CHECK_THAT(link_trouble(CP::Disconnected), Contains("has just gone") && Contains(kept));
}

TEST_CASE("while the way back is looked out for, the wait is said to end with it [R23] [R29]") {
  Status status = well();
  status.in_sync = status.control_plane.in_sync = false;
  status.control_plane.state = CP::Reconnecting;
  status.control_plane.next_attempt = kNow + 4min;
  status.control_plane.is_looking_out = true;

  CHECK_THAT(troubles_in(status), Contains(" It is tried again in 4 min, or sooner: the daemon looks out for the way "
                                           "back, and dials soon after it is there.\n"));
  status.control_plane.is_looking_out = false;
  CHECK_THAT(troubles_in(status), Contains(" It is tried again in 4 min.\n") && !Contains("looks out"));
}

TEST_CASE("a proxy that is in the way, and a key that is not pinned, have their own advice [R29]") {
  const auto lost = [](const char* error) { return link_trouble(CP::Connecting, error); };
  CHECK_THAT(lost("the proxy p:3128 (HTTPS_PROXY): connecting to 192.0.2.1:3128: refused"),
             Contains("  > See to that proxy: `tetherd doctor`") && Contains("TETHER_CONTROL_PLANE_NO_PROXY"));
  CHECK_THAT(lost("took too long at asking the proxy p:3128 (control_plane.proxy (a.yaml:3))"),
             Contains("  > See to that proxy"));
  CHECK_THAT(lost("the proxy p:3128 (HTTPS_PROXY) wants credentials, or refuses those that it got (407): see"),
             Contains("  > Give the proxy's USER:PASSWORD") && Contains("start the daemon again"));
  CHECK_THAT(lost("its public key is none of control_plane.server_key_pins"),
             Contains("TETHER_CONTROL_PLANE_SERVER_KEY_PINS") && Contains("somebody else"));
  // Words of the control plane's.
  CHECK_THAT(lost("503: the proxy is overloaded (407)"), Contains("  > `tetherd doctor` shows which step fails"));
}

TEST_CASE("a new token that is refused is told although the link with the one before is up [R15] [R29]") {
  Status status = well();
  status.control_plane.advice = "put a good token into TETHER_REGISTRATION_TOKEN_FILE";

  CHECK_THAT(troubles_in(status), Contains("! The control plane refuses the token that is configured now.") &&
                                      Contains("put a good token into TETHER_REGISTRATION_TOKEN_FILE."));
}

TEST_CASE("a gateway that is away, not asked yet or refusing is told with where to look [R29]") {
  Status status = well();
  status.in_sync = false;
  status.gateway.last_error = "connect: no such file";
  status.gateway.state = GW::Away;
  CHECK_THAT(troubles_in(status), Contains("! The gateway is away for 5 min: connect: no such file.\n") &&
                                      Contains("TETHER_GATEWAY_SOCKET") && Contains("TETHER_GATEWAY_USER"));
  status.gateway.state = GW::Connecting;
  CHECK_THAT(troubles_in(status), Contains("! The gateway has not been asked yet") && Contains("Look again"));
  status.gateway.state = GW::Refusing;
  CHECK_THAT(troubles_in(status), Contains("! The gateway refuses what it is sent for 5 min") && Contains("own log"));
}

TEST_CASE("a gateway without an answered push is said not to be ready") {
  Status status = well();
  status.gateway.has_answered_push = false;
  CHECK_THAT(render(screen_of(status).lines, false), Contains("not ready: it has not answered a push\n"));
}

TEST_CASE("a held push and held removals name the command that lets them go [B5] [R29]") {
  Status status = well();
  status.in_sync = false;
  status.gateway.held_push = HeldPush{"i-1", "e-1", 17, 10, 2};
  status.holds = {{"deployments", HoldNote::State::Held, *parse_rfc3339("2026-08-22T11:02:03Z"), 6, 20, 3400s, 1}};
  status.held = {note("id-1", "petstore", "no"), note("id-2", "pet\x1b[2Jstore", "no")};
  for (auto& held : status.held) held.listing = "deployments";

  const std::string text = troubles_in(status);
  CHECK_THAT(text, Contains("! A push to the gateway is held: it has 10 resources that the store does not know, and "
                            "would get 2 in their place.\n  > If that is right, `tetherd release-deletions`"));
  CHECK_THAT(
      text,
      Contains("! The control plane's listing deployments lacks 6 of 20, and they are not removed; goes by itself "
               "if listings lack the same for another 3400 s:\n    RestApi petstore (id-1)\n    RestApi "
               "pet?[2Jstore (id-2)\n  > If they are meant to go, `tetherd release-deletions` lets them."));

  status.holds[0].state = HoldNote::State::Released;
  CHECK_THAT(troubles_in(status), Contains("  > Wait: the control plane is asked again"));
}

TEST_CASE("what the gateway refused is named with its reason and its next try [R29]") {
  Status status = well();
  status.in_sync = false;
  for (int i = 0; i < 12; ++i) status.quarantined.push_back(note("id-" + std::to_string(i), "", "no such policy"));
  status.quarantined[0].next_try = *parse_rfc3339("2026-08-22T12:02:03Z");

  const std::string text = troubles_in(status);
  CHECK_THAT(text,
             Contains("! The gateway refuses 12 resources, whose last good version stays in service:\n    RestApi "
                      "id-0: no such policy; tried again at 2026-08-22T12:02:03.000Z at the latest\n    RestApi "
                      "id-1: no such policy\n"));
  CHECK_THAT(text, Contains("    RestApi id-9: no such policy\n    … and 2 more: tetherd resources\n  > Correct it in "
                            "the control plane"));
}

TEST_CASE("what waits is named with what it waits for [R29]") {
  Status status = well();
  status.in_sync = false;
  status.waiting = {note("id-1", "assistant", "what it refers to is not in service")};
  CHECK_THAT(troubles_in(status), Contains("! 1 resource is wanted and not in service yet:\n    RestApi assistant "
                                           "(id-1): what it refers to is not in service\n  > A document is fetched"));
}

TEST_CASE("another identity names the command that accepts it, if only that helps [R29] [H]") {
  Status status = well();
  status.in_sync = false;
  status.control_plane.other_gateway_id = "g-2";
  CHECK_THAT(troubles_in(status),
             Contains("! The control plane names another gateway id, g-2, than the one in service, "
                      "g-1.\n  > It takes over by itself once it is complete."));

  status.control_plane.staged = StagedStatus{"g-2", {}, 4, 3, 0, "more than it has", true, false};
  CHECK_THAT(
      troubles_in(status),
      Contains("kept beside it: 4 deployed artifacts, 3 of them here. It waits for: more than it has.\n  > If it "
               "should be served, `tetherd accept-identity`"));
}

TEST_CASE("a store that cannot be written comes first [R29]") {
  Status status = well();
  status.in_sync = false;
  status.store.degraded = true;
  status.store.last_error = "disk is full";
  status.gateway.state = GW::Away;
  const std::string text = troubles_in(status);
  CHECK(text.find("! Nothing can be stored: disk is full.\n  > Make room on the disk") == 0);
  CHECK_THAT(text, Contains("\n! The gateway is away"));
  CHECK_THAT(render(screen_of(status).lines, false), Contains(": 2 things are not as they should be\n") &&
                                                         Contains("store           cannot be written, revision 42"));
}

TEST_CASE("what was compared under this link and has changed since is not called never compared [R29]") {
  Status status = well();
  status.in_sync = status.control_plane.in_sync = false;
  CHECK_THAT(troubles_in(status), Contains("! Something that has come since the last comparison"));
  status.control_plane.last_proven_sync = *status.control_plane.state_since - 1s;
  CHECK_THAT(troubles_in(status), Contains("! What is stored has not been compared"));
  status.control_plane.last_proven_sync.reset();
  CHECK_THAT(troubles_in(status), Contains("! What is stored has not been compared"));
}

TEST_CASE("what is merely not done yet says that it is on its way [R29]") {
  Status status = well();
  status.in_sync = status.control_plane.in_sync = false;
  status.control_plane.last_proven_sync.reset();
  CHECK_THAT(troubles_in(status), Contains("! What is stored has not been compared with the control plane") &&
                                      Contains("> Look again: it is being asked."));
  CHECK_THAT(render(screen_of(status).lines, false), Contains(": 1 thing is not as it should be\n"));
  status.gateway.state = GW::Behind;
  CHECK_THAT(troubles_in(status), Contains("! The gateway does not have all of it yet") && Contains("being sent"));
}

TEST_CASE("what no listing can correct is a note, and nothing is wrong for it [F10] [R29]") {
  Status status = well();
  status.best_effort_kinds = {"ApiKey", "Application"};
  status.store.outbox_acks = 1;
  status.store.unanswered = 2;
  const StatusScreen screen = screen_of(status);
  CHECK(screen.all_well);
  CHECK_THAT(render(screen.lines, false), Contains("no listing can correct them: ApiKey, Application\n") &&
                                              Contains("2 changes that no gateway has answered\n") &&
                                              Contains("1 ack not known to have been read"));
}

TEST_CASE("a certificate that ends within 14 days, or has ended, is told with whose it is") {
  const auto ends = [](const std::string& at) {
    Status status = well();
    status.control_plane.server_certificate_ends = status.control_plane.client_certificate_ends = *parse_rfc3339(at);
    return status;
  };
  CHECK(screen_of(ends("2026-09-05T11:02:03Z")).all_well);
  CHECK_THAT(troubles_in(ends("2026-09-05T11:02:02Z")),
             Contains("! The control plane's certificate ends soon: 2026-09-05T11:02:02.000Z.\n  > Renew it there") &&
                 Contains("! The certificate of this daemon ends soon: 2026-09-05T11:02:02.000Z.\n  > Put a new one"));
  CHECK_THAT(troubles_in(ends("2026-08-22T11:02:02Z")), Contains("! The control plane's certificate has ended: "));
}

TEST_CASE("agreement that is stale is told, unless something else says why [R29]") {
  Status status = well();
  status.stale_after = 1s;
  const std::string text = troubles_in(status);
  CHECK_THAT(text, Contains("! That this daemon and the control plane agree has not been proven for longer than "
                            "sync.stale_after_s.\n  > `tetherd doctor`") &&
                       Contains("! That this daemon and the gateway agree"));
  CHECK_THAT(render(screen_of(status).lines, false), Contains("in sync, last proven 40 s ago, which is stale\n"));
  status.store.degraded = true;
  CHECK_THAT(troubles_in(status), !Contains("stale_after_s"));
}

TEST_CASE("an answer that is no status is refused, and an error of the asking handed on") {
  CHECK_FALSE(status_screen(std::string("hello"), kWall));
  const auto away = status_screen(fail(ErrorKind::Retry, "refused"), kWall);
  REQUIRE_FALSE(away);
  CHECK(away.error().message == "refused");
}

}  // namespace tether::terminal
