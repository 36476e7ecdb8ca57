#include "tether/terminal/doctor.h"

#include <catch2/catch.hpp>

#include "tether/terminal/findings.h"

namespace tether::terminal {

using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;

namespace {

constexpr Instant kNow{1'800'000'000'000'000'000};

/// A world in which all is well, until the test changes it; and what was tried in it.
struct World {
  World() {
    loaded.settings.emplace();
    loaded.settings->control_plane.address.host = "cp.example.com";
    report.file = "/state/tetherd.db";
    report.resources = 2;
    report.bytes = 4096;
  }

  bool run() {
    DoctorEnds ends;
    ends.daemon = [this] { return daemon; };
    ends.store = [this] { return stored; };
    ends.has_token = [this] { return has_token; };
    ends.why_no_token = [] { return "the file /token is empty"; };
    ends.look_up = [this] { return found; };
    ends.connect = [this] { return connected; };
    ends.tunnel = [this] { return tunnelled; };
    ends.shake_hands = [this] { return shaken; };
    ends.list = [this] { return listed; };
    ends.gateway = [this] { return gateway; };
    ends.now = [] { return kNow; };
    ends.say = [this](const std::string& text) { out += text; };
    ends.begin = [this](const std::string& what) { tried += what + "\n"; };
    ends.end = [this] { tried += "over\n"; };
    stored = report;
    return run_doctor(ends, loaded, unknown, /*colours=*/false);
  }

  void through_a_proxy() {
    loaded.settings->control_plane.proxy.through = {"proxy.example.com", 3128, {}, "HTTPS_PROXY"};
  }

  LoadedSettings loaded;
  std::vector<UnknownVariable> unknown;
  Result<std::string> daemon = std::string("ok");
  store::CheckReport report;
  Result<store::CheckReport> stored = report;
  bool has_token = true;
  std::variant<std::vector<std::string>, http::Problem> found = std::vector<std::string>{"192.0.2.1", "2001:db8::1"};
  std::optional<http::Problem> connected, tunnelled;
  std::variant<http::TlsFacts, http::Problem> shaken =
      http::TlsFacts{"TLSv1.3", Instant{kNow.ns + std::chrono::nanoseconds(kCertificateWarning).count()}};
  http::RestOutcome listed = http::RestAnswer{200, "", {}, ""};
  delivery::StateOutcome gateway = protocol::GatewayState{"i-1", "e-1", 4, 1};
  std::string out, tried;
};

std::string advice_of(int status) {
  const Finding finding = finding_of_list({}, http::RestAnswer{status, "", {}, "words with a secret in them"});
  CHECK_FALSE(finding.good);
  CHECK_THAT(finding.what, Contains(std::to_string(status)) && !Contains("secret"));
  return finding.advice;
}

std::string advice_of(http::Fault fault) {
  return finding_of_connect({}, http::Problem{fault, "why"}).advice;
}

}  // namespace

TEST_CASE("where all is well every step says what was tried and what came of it") {
  World world;

  CHECK(world.run());
  CHECK(world.out ==
        "[ok] settings all of them can be used\n"
        "[ok] daemon   one runs here and is ready\n"
        "[ok] store    /state/tetherd.db is sound: 4 kB, 2 resources\n"
        "[ok] token    there is one: none\n"
        "[ok] proxy    cp.example.com:8443 is reached directly: no proxy is set\n"
        "[ok] DNS      cp.example.com is 192.0.2.1, 2001:db8::1\n"
        "[ok] TCP      connected to cp.example.com:8443\n"
        "[ok] TLS      TLSv1.3, certificate verified, valid until 2027-01-29T08:00:00.000Z\n"
        "[ok] REST     asked cp.example.com:8443 for its deployments: the token is taken\n"
        "[ok] gateway  it listens on /run/gateway/config.sock and has 1 resource\n"
        "nothing is wrong\n");
  CHECK_THAT(world.tried, Contains("looking up cp.example.com\nover\nconnecting to cp.example.com:8443\nover\n"));
}

TEST_CASE("a step that needs another is not tried once that has failed, and the others are") {
  World world;
  world.found = http::Problem{http::Fault::Dns, "cp.example.com: Name or service not known"};

  CHECK_FALSE(world.run());
  CHECK_THAT(world.out, Contains("[!!] DNS      cp.example.com: Name or service not known\n     > See whether the name "
                                 "in TETHER_CONTROL_PLANE_URL is right") &&
                            Contains("[--] TCP      not tried: the name has no address\n") &&
                            Contains("[--] TLS      not tried: nobody is there\n") &&
                            Contains("[--] REST     not tried: there is no way there\n") && Contains("[ok] gateway") &&
                            EndsWith("1 step failed\n"));
}

TEST_CASE("without a token the way is tried, and nothing is asked") {
  World world;
  world.has_token = false;

  CHECK_FALSE(world.run());
  CHECK_THAT(world.out,
             Contains("[!!] token    the file /token is empty\n     > Put the gateway's token into a file") &&
                 Contains("[ok] TLS") && Contains("[--] REST     not tried: there is no token\n"));
}

TEST_CASE("without TLS there is no handshake") {
  World world;
  world.loaded.settings->control_plane.address.tls = false;

  CHECK(world.run());
  CHECK_THAT(world.out,
             Contains("[--] TLS      not tried: control_plane.url asks for none\n") && Contains("[ok] REST"));
}

TEST_CASE("a control plane that is reached by a proxy is looked for a hop at a time") {
  World world;
  world.through_a_proxy();

  CHECK(world.run());
  CHECK_THAT(world.out,
             Contains("[ok] proxy    cp.example.com:8443 is reached by the proxy proxy.example.com:3128 (HTTPS_PROXY), "
                      "without credentials\n"
                      "[ok] DNS      the proxy proxy.example.com is 192.0.2.1, 2001:db8::1\n"
                      "[ok] TCP      connected to the proxy proxy.example.com:3128\n"
                      "[ok] CONNECT  the proxy has opened a way to cp.example.com:8443\n"
                      "[ok] TLS "));
  CHECK_THAT(world.tried, Contains("looking up proxy.example.com\nover\nconnecting to proxy.example.com:3128\nover\n"
                                   "asking the proxy for a way to cp.example.com:8443\nover\n"));
}

TEST_CASE("where a proxy that is named is not used, the reason is told") {
  World world;
  world.loaded.settings->control_plane.proxy.why_direct = "NO_PROXY excepts it from HTTPS_PROXY";

  CHECK(world.run());
  CHECK_THAT(world.out, Contains("cp.example.com:8443 is reached directly: NO_PROXY excepts it from HTTPS_PROXY\n") &&
                            !Contains("CONNECT"));
}

TEST_CASE("where the proxy that is named is none of its kind, that is told, and no way is tried") {
  World world;
  world.through_a_proxy();
  world.loaded.settings->control_plane.proxy.through->why_unusable = "HTTPS_PROXY: its scheme is not http";

  CHECK_FALSE(world.run());
  CHECK_THAT(world.out, Contains("[!!] proxy    HTTPS_PROXY: its scheme is not http\n     > Name an HTTP proxy by "
                                 "TETHER_CONTROL_PLANE_PROXY for the daemon alone") &&
                            Contains("[--] DNS      not tried: ") && Contains("[--] CONNECT  not tried: ") &&
                            Contains("[--] REST     not tried: there is no way there\n") &&
                            EndsWith("1 step failed\n"));
}

TEST_CASE("a proxy that cannot be reached is told by its own setting, and is asked for nothing") {
  World world;
  world.through_a_proxy();
  world.connected = http::Problem{http::Fault::Refused, "proxy.example.com:3128: Connection refused"};

  CHECK_FALSE(world.run());
  CHECK_THAT(world.out, Contains("[!!] TCP      the proxy (HTTPS_PROXY): proxy.example.com:3128: Connection refused\n"
                                 "     > See whether the proxy runs there, and whether the port in HTTPS_PROXY is its "
                                 "own. If the control plane is to be reached directly, except it by "
                                 "TETHER_CONTROL_PLANE_NO_PROXY.\n"
                                 "[--] CONNECT  not tried: there is no way to the proxy\n"
                                 "[--] TLS      not tried: nobody is there\n"));
  world.found = http::Problem{http::Fault::Dns, "proxy.example.com: Name or service not known"};
  CHECK_FALSE(world.run());
  CHECK_THAT(world.out, Contains("[!!] DNS      the proxy (HTTPS_PROXY): proxy.example.com: Name or service not known\n"
                                 "     > See whether the name in HTTPS_PROXY is right"));
}

TEST_CASE("each way in which a proxy does not let us through has its own advice") {
  World world;
  world.through_a_proxy();
  auto& control_plane = world.loaded.settings->control_plane;
  const auto advice = [&control_plane](http::Fault fault, const std::string& message) {
    const Finding finding = finding_of_tunnel(control_plane, http::Problem{fault, message});
    CHECK_FALSE(finding.good);
    CHECK(finding.what == message);
    return finding.advice;
  };
  // Its setting is called so in a file.
  CHECK_THAT(advice(http::Fault::Refused, "the proxy p:1 (control_plane.proxy (a.yaml:3)) answered CONNECT with 403"),
             Contains("allow CONNECT to cp.example.com:8443") && Contains("TETHER_CONTROL_PLANE_NO_PROXY"));
  CHECK_THAT(advice(http::Fault::Http, "the proxy p:1 (HTTPS_PROXY) does not answer in HTTP"),
             Contains("HTTPS_PROXY names is an HTTP proxy"));
  CHECK_THAT(advice(http::Fault::Closed, "the proxy p:1 (HTTPS_PROXY) hung up"), Contains("lets this machine in"));

  const std::string wants = "the proxy p:1 (HTTPS_PROXY) wants credentials, or refuses those that it got (407): see";
  CHECK_THAT(advice(http::Fault::Http, wants), Contains("TETHER_CONTROL_PLANE_PROXY_CREDENTIALS_FILE"));
  control_plane.proxy.through->credentials = Secret("me:pa55word");
  CHECK_THAT(advice(http::Fault::Http, wants), Contains("user and password in HTTPS_PROXY are") && !Contains("pa55"));
  control_plane.proxy.credentials_file = "/run/credentials";
  CHECK_THAT(advice(http::Fault::Http, wants), Contains("in /run/credentials are"));
}

TEST_CASE("mistakes in the settings are all told, and nothing is tried with them") {
  World world;
  world.loaded = {std::nullopt, {"TETHER_POLL_INTERVAL_S: soon, expected a number", "TETHER_LOG_LEVEL: loud"}};

  CHECK_FALSE(world.run());
  CHECK_THAT(world.out, Contains("[!!] settings TETHER_POLL_INTERVAL_S: soon, expected a number\n     > Correct it") &&
                            Contains("[!!] settings TETHER_LOG_LEVEL: loud\n") && EndsWith("2 steps failed\n"));
  CHECK(world.tried.empty());
}

TEST_CASE("a variable that is no setting is a failure, and the rest is tried all the same") {
  World world;
  world.unknown = {{"TETHER_LOG_LEVLE", "TETHER_LOG_LEVEL"}};

  CHECK_FALSE(world.run());
  CHECK_THAT(world.out, Contains("[!!] settings TETHER_LOG_LEVLE: no such setting") && Contains("[ok] gateway"));
}

TEST_CASE("a daemon that does not run is no failure, one that is not ready is") {
  CHECK(finding_of_daemon(fail(ErrorKind::Retry, "127.0.0.1:9469: refused")).good);
  const Finding not_ready = finding_of_daemon(fail(ErrorKind::Reject, "the gateway is away"));
  CHECK_FALSE(not_ready.good);
  CHECK(not_ready.what == "one runs here and is not ready: the gateway is away");
  CHECK_THAT(not_ready.advice, Contains("`tetherd status`"));
}

TEST_CASE("a store that is not there, damaged or without its key says what to do") {
  CHECK_THAT(finding_of_store(fail(ErrorKind::Reject, "there is no store")).advice, Contains("no daemon has run yet"));
  const auto closed = finding_of_store(fail(ErrorKind::Retry, "Permission denied"));
  CHECK_THAT(closed.advice, Contains("as the daemon's user") && !Contains("no daemon has run yet"));
  store::CheckReport report;
  report.file = "f";
  report.encrypted = 3;
  report.unreadable = 2;
  CHECK_THAT(finding_of_store(report).what, Contains("does not open 2 of 3 encrypted contents"));
  report.no_key = "no such file";
  CHECK_THAT(finding_of_store(report).advice, Contains("TETHER_STORE_KEY_FILE"));
  report.damage = {"row 1"};
  CHECK(finding_of_store(report).what == "f is damaged: row 1");
  CHECK_THAT(finding_of_store(report).advice, Contains("`tetherd db check`"));
}

TEST_CASE("each way in which a connection fails has its own advice") {
  CHECK_THAT(advice_of(http::Fault::Dns), Contains("/etc/resolv.conf"));
  CHECK_THAT(advice_of(http::Fault::Refused), Contains("port"));
  CHECK_THAT(advice_of(http::Fault::Timeout), Contains("firewalls"));
  CHECK_THAT(advice_of(http::Fault::Tls), Contains("TETHER_CONTROL_PLANE_CA_FILE"));
  const http::Problem pinned{http::Fault::Tls, "its public key is none of control_plane.server_key_pins"};
  CHECK_THAT(finding_of_connect({}, pinned).advice,
             Contains("that setting") && !Contains("TETHER_CONTROL_PLANE_CA_FILE"));
  CHECK_THAT(advice_of(http::Fault::Reset), Contains("own log"));
}

TEST_CASE("each refusal of the control plane has its own advice, without its words [R3]") {
  CHECK_THAT(advice_of(401), Contains("new token"));
  CHECK_THAT(advice_of(403), Contains("new token"));
  CHECK_THAT(advice_of(404), Contains("/api/internal/v1"));
  CHECK_THAT(advice_of(429), Contains("minutes"));
  CHECK_THAT(advice_of(503), Contains("its log"));
  CHECK_THAT(advice_of(302), Contains("control plane at all"));
}

TEST_CASE("a certificate that ends within 14 days is taken, and warned of") {
  const auto ends_in = [](Duration time) {
    return finding_of_tls(http::TlsFacts{"TLSv1.2", Instant{kNow.ns + std::chrono::nanoseconds(time).count()}}, kNow);
  };
  CHECK(ends_in(kCertificateWarning).advice.empty());
  CHECK(ends_in(kCertificateWarning - 1s).good);
  CHECK_THAT(ends_in(kCertificateWarning - 1s).advice, Contains("Renew"));
}

TEST_CASE("a store that is sound and cannot take any more is no good finding") {
  World world;
  world.report.no_room = "/state is on a read-only file system";

  CHECK_FALSE(world.run());
  CHECK_THAT(world.out,
             Contains("[!!] store    /state/tetherd.db is sound, but nothing more can be stored: /state is on "
                      "a read-only file system\n     > Make room there"));
}

TEST_CASE("each way in which a gateway fails has its own advice, without its words [R3]") {
  const auto of = [](delivery::GatewayFailure failure) {
    const Finding finding = finding_of_gateway("s", delivery::GatewayProblem{failure, 500, "text"});
    CHECK_FALSE(finding.good);
    return finding;
  };
  CHECK(of(delivery::GatewayFailure::Gone).what == "text");
  CHECK_THAT(of(delivery::GatewayFailure::Gone).advice, Contains("TETHER_GATEWAY_SOCKET"));
  CHECK(of(delivery::GatewayFailure::WrongUser).what == "text");
  CHECK_THAT(of(delivery::GatewayFailure::WrongUser).advice, Contains("TETHER_GATEWAY_USER"));
  CHECK(of(delivery::GatewayFailure::UnsafeFolder).what == "text");
  CHECK_THAT(of(delivery::GatewayFailure::UnsafeFolder).advice, Contains("close it to the writing of others"));
  CHECK(of(delivery::GatewayFailure::Status).what == "s: it answers 500 when asked for its state");
  CHECK(of(delivery::GatewayFailure::BadAnswer).what == "s: what it answers when asked for its state cannot be read");
}

}  // namespace tether::terminal
