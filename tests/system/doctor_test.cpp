#include <catch2/catch.hpp>

#include "commands.h"
#include "read_only_mount.h"
#include "steps.h"
#include "tether/peers/proxy.h"

using namespace tether;
using namespace tether::test;

namespace {

std::map<std::string, std::string> settings(Scene& scene) {
  return {{"TETHER_REGISTRATION_TOKEN", scene.control_plane().token()},
          {"TETHER_CONTROL_PLANE_URL", scene.control_plane().websocket_url()},
          {"TETHER_CONTROL_PLANE_CA_FILE", scene.ca_file()},
          {"TETHER_STATE_DIR", scene.file("state")},
          {"TETHER_GATEWAY_SOCKET", scene.file("gateway.sock")}};
}

}  // namespace

TEST_CASE("tetherd doctor finds nothing wrong beside a daemon that works, and changes nothing [R3]") {
  Scene scene;
  start_all(scene);
  serve(scene, 2);
  scene.wait_until_in_sync();
  const auto before = scene.status();

  const Ended ended = run_command(scene, {"doctor"}, settings(scene));

  CHECK(ended.status == kDone);
  CHECK(ended.err.empty());
  for (const char* step : {"settings", "daemon  ", "store   ", "token   ", "proxy   ", "DNS     ", "TCP     ",
                           "TLS     ", "REST    ", "gateway "}) {
    CHECK(has(ended.out, std::string("[ok] ") + step));
  }
  CHECK(has(ended.out, " and has 2 resources\nnothing is wrong\n"));
  CHECK(ended.out.find(scene.control_plane().token()) == std::string::npos);
  const auto after = scene.status();
  CHECK(after["in_sync"] == true);
  CHECK(after["store"]["revision"] == before["store"]["revision"]);
  CHECK(scene.metric("tetherd_control_plane_reconnect_attempts_total{reason=\"closed\"}") <= 0);
}

TEST_CASE("tetherd doctor says that the disk of a daemon that still serves takes no more [R4]") {
  Scene scene;
  start_all(scene);
  serve(scene, 1);
  scene.wait_until_in_sync();
  const ReadOnlyMount mount(scene.file("state"));
  if (!mount.is_made()) {
    WARN("only root may mount: not tried");
    return;
  }

  const Ended ended = run_command(scene, {"doctor"}, settings(scene));

  CHECK(ended.status == kNotDone);
  CHECK(has(ended.out, "[!!] store    " + scene.file("state") +
                           "/tetherd.db is sound, but nothing more can be stored: " + scene.file("state") +
                           " is on a read-only file system\n     > Make room"));
  CHECK(has(ended.out, "\n1 step failed\n"));
}

TEST_CASE("tetherd doctor says which proxy is used, and what to do about one that does not let us through") {
  Scene scene;
  scene.start_control_plane();
  auto with = settings(scene);
  const auto doctor = [&scene, &with] { return run_command(scene, {"doctor"}, with).out; };
  const std::string target = "localhost:" + std::to_string(scene.control_plane().port());
  const std::string credentials = scene.folder().write("credentials", "gateway-1:wrong-password");
  std::filesystem::permissions(credentials, std::filesystem::perms::owner_read);
  {
    peers::Proxy proxy;
    const std::string authority = "127.0.0.1:" + std::to_string(proxy.port());
    with["HTTPS_PROXY"] = proxy.url();
    CHECK(
        has(doctor(), "[ok] proxy    " + target + " is reached directly: HTTPS_PROXY does not count for this machine"));
    CHECK(proxy.requests().empty());
    with["TETHER_CONTROL_PLANE_PROXY"] = proxy.url();

    const std::string well = doctor();
    CHECK(has(well, "[ok] proxy    " + target + " is reached by the proxy " + authority +
                        " (TETHER_CONTROL_PLANE_PROXY), without credentials\n"));
    CHECK(
        has(well, "[ok] TCP      connected to the proxy " + authority + "\n[ok] CONNECT  the proxy has opened a way"));
    CHECK(has(well, "[ok] REST "));
    CHECK(proxy.tunnels() == 3);  // CONNECT, TLS and REST

    proxy.set_mood(peers::Proxy::Mood::Refusing);
    CHECK(has(doctor(),
              "[!!] CONNECT  the proxy " + authority + " (TETHER_CONTROL_PLANE_PROXY) answered CONNECT with 502"));
    proxy.set_mood(peers::Proxy::Mood::Obliging);
    proxy.want("Basic Z2F0ZXdheS0xOnByMHh5LXA0c3N3b3Jk");
    CHECK(has(doctor(), "(407): see control_plane.proxy_credentials_file\n     > Write USER:PASSWORD"));
    with["TETHER_CONTROL_PLANE_PROXY_CREDENTIALS_FILE"] = credentials;
    const std::string refused = doctor();
    CHECK(has(refused, "     > See whether user and password in " + credentials));
    CHECK_FALSE(has(refused, "wrong-password"));
  }
  CHECK(has(doctor(), "[!!] TCP      the proxy (TETHER_CONTROL_PLANE_PROXY): "));
}

TEST_CASE("tetherd doctor works without a daemon, and says of each step that fails what to do") {
  Scene scene;
  scene.start_control_plane();
  auto with = settings(scene);

  const Ended without_gateway = run_command(scene, {"doctor"}, with);
  CHECK(without_gateway.status == kNotDone);
  CHECK(has(without_gateway.out, "[ok] daemon   none answers ("));
  CHECK(has(without_gateway.out, "[!!] store    " + scene.file("state") + "/tetherd.db: there is no store"));
  CHECK(has(without_gateway.out, "[ok] REST "));
  CHECK(has(without_gateway.out, "[!!] gateway  " + scene.file("gateway.sock")));
  CHECK(has(without_gateway.out, "\n2 steps failed\n"));
  CHECK(scene.control_plane().observed().dials.empty());

  with["TETHER_REGISTRATION_TOKEN"] = "another-token-0123456789";
  CHECK(
      has(run_command(scene, {"doctor"}, with).out, "it answers 401, and does not take the token\n     > Make a new"));
  with.erase("TETHER_CONTROL_PLANE_CA_FILE");
  CHECK(has(run_command(scene, {"doctor"}, with).out, "[!!] TLS "));
  scene.control_plane().kill();
  CHECK(has(run_command(scene, {"doctor"}, with).out, "[!!] TCP "));
  with["TETHER_CONTROL_PLANE_URL"] = "wss://no-such-host.invalid/";
  CHECK(has(run_command(scene, {"doctor"}, with).out, "[!!] DNS "));
  with["TETHER_CONTROL_PLANE_URL"] = "nonsense";
  const Ended nonsense = run_command(scene, {"doctor"}, with);
  CHECK(nonsense.status == kNotDone);
  CHECK(has(nonsense.out, "[!!] settings TETHER_CONTROL_PLANE_URL: "));
  scene.forgive_violations();
}
