// The helpers that system tests start daemons and certificates with, and the control ports.
#include <httplib.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "tether/peers/admin_client.h"
#include "tether/peers/control_api.h"
#include "tether/peers/daemon_process.h"
#include "tether/peers/observed.h"
#include "tether/peers/server.h"
#include "tether/peers/temp_dir.h"
#include "tether/peers/test_ca.h"

namespace tether::peers {
namespace {

std::unique_ptr<DaemonProcess> shell(const std::string& script) {
  auto process = DaemonProcess::start({"/bin/sh", {"-c", script}, {{"GREETING", "hello"}}});
  REQUIRE(process);
  return std::move(*process);
}

TEST_CASE("a temporary folder goes with its object") {
  std::filesystem::path path;
  {
    const TempDir folder;
    path = folder.path();
    CHECK(std::filesystem::exists(folder.write("a", "b")));
  }
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("a process's lines, exit status and signals are seen") {
  const auto greeter = shell("echo $GREETING; echo oops >&2; exit 3");
  CHECK(greeter->wait_for_text("hello"));
  CHECK(greeter->wait_for_text("oops"));
  CHECK(greeter->wait_for_exit() == 3);
  CHECK_FALSE(greeter->wait_for_text("never"));

  const auto sleeper = shell("echo up; exec sleep 1000");
  CHECK(sleeper->wait_for_text("up"));
  CHECK(sleeper->is_running());
  CHECK(sleeper->memory().rss_kb > 0);
  sleeper->signal(SIGTERM);
  CHECK(sleeper->wait_for_exit() == 128 + SIGTERM);
  CHECK_FALSE(DaemonProcess::start({"/no/such/program", {}, {}}));
}

TEST_CASE("a control plane with a test certificate is reached by verified TLS") {
  const TempDir folder;
  const TestCaFiles files = write_test_ca(folder.path().string());
  ControlPlaneOptions options;
  options.certificate_file = files.certificate_file;
  options.key_file = files.key_file;
  const auto control_plane = ControlPlane::start(options);
  REQUIRE(control_plane);

  httplib::SSLClient client("localhost", (*control_plane)->port());
  client.set_ca_cert_path(files.ca_file.c_str());
  client.enable_server_certificate_verification(true);
  const auto answer = client.Get("/api/internal/v1/deployments", {{"api-key", (*control_plane)->token()}});
  REQUIRE(answer);
  CHECK(answer->status == 200);

  const TestCa other;
  httplib::SSLClient distrustful("localhost", (*control_plane)->port());
  distrustful.set_ca_cert_path(folder.write("other.pem", other.certificate()).c_str());
  distrustful.enable_server_certificate_verification(true);
  CHECK_FALSE(distrustful.Get("/"));
  CHECK((*control_plane)->websocket_url().starts_with("wss://localhost:"));
}

TEST_CASE("the control port deploys, shows and sets knobs") {
  const auto control_plane = ControlPlane::start({});
  REQUIRE(control_plane);
  int changes = 0;
  const auto api = ControlApi::start("127.0.0.1:0", **control_plane, [&changes] { ++changes; });
  REQUIRE(api);
  httplib::Client client("127.0.0.1", (*api)->port());
  const auto post = [&client](const std::string& path, const nlohmann::json& body) {
    const auto answer = client.Post(path, body.dump(), "application/json");
    REQUIRE(answer);
    auto said = nlohmann::json::parse(answer->body);
    said["httpStatus"] = answer->status;
    return said;
  };

  const auto deployed = post("/deploy", {{"kind", "RestApi"}, {"handle", "pets"}, {"secrets", {"key"}}});
  CHECK(deployed["httpStatus"] == 200);
  CHECK(post("/secrets", {{"handle", "key"}, {"value", "v"}})["httpStatus"] == 200);
  CHECK(post("/keys", {{"artifact", "pets"}, {"name", "mobile"}}).contains("uuid"));
  const auto plan = post("/plans", {{"handle", "gold"}});
  CHECK(post("/subscriptions", {{"artifact", "pets"}, {"plan", plan["id"]}}).contains("id"));
  CHECK(post("/bulk", {{"count", 10}})["deployed"] == 10);
  CHECK(post("/undeploy", {{"artifact", "pets"}})["httpStatus"] == 200);
  CHECK(post("/restore", {{"deploymentId", deployed["deploymentId"]}})["artifactId"] == deployed["artifactId"]);
  CHECK(post("/deploy", {{"kind", "RestApi"}})["httpStatus"] == 400);
  CHECK(post("/faults", {{"silent", true}})["silent"] == true);
  CHECK(post("/faults", {{"no_such", true}})["httpStatus"] == 400);
  CHECK(post("/drop-connections", {{"how", "gently"}})["httpStatus"] == 400);
  CHECK(changes == 9);

  const auto state = nlohmann::json::parse(client.Get("/state")->body);
  CHECK(state["deployments"].size() == 11);
  CHECK((*control_plane)->backup().secrets(std::nullopt, false)->at("count") == 1);
  CHECK(nlohmann::json::parse(client.Get("/events?since=1")->body)["next"] > 1);
  CHECK(post("/kill", nlohmann::json::object())["httpStatus"] == 200);
  CHECK(post("/revive", nlohmann::json::object())["httpStatus"] == 200);
}

TEST_CASE("the gateway's control port shows and restarts it") {
  const TempDir folder;
  const auto gateway = Gateway::start({folder.file("g.sock"), {}});
  REQUIRE(gateway);
  const auto api = ControlApi::start("127.0.0.1:0", **gateway);
  REQUIRE(api);
  const std::string address = "127.0.0.1:" + std::to_string((*api)->port());

  const auto before = nlohmann::json::parse(admin_get(address, "/state").body);
  CHECK(before["revision"] == 0);
  httplib::Client client("127.0.0.1", (*api)->port());
  CHECK(client.Post("/restart", "{}", "application/json")->status == 200);
  CHECK(nlohmann::json::parse(admin_get(address, "/state").body)["instance"] != before["instance"]);
  CHECK(client.Post("/faults", R"({"refuse":[{"handle":"x"}]})", "application/json")->status == 200);
  CHECK((*gateway)->faults().refuse.front().handle == "x");
  CHECK(nlohmann::json::parse(admin_get(address, "/history").body).is_array());
}

TEST_CASE("a status is waited for, and nobody answering is told apart") {
  httplib::Server server;
  int asked = 0;
  server.Get("/status", [&asked](const httplib::Request&, httplib::Response& response) {
    response.set_content(++asked < 3 ? "{}" : R"({"store":{"revision":4}})", "application/json");
  });
  const int port = server.bind_to_any_port("127.0.0.1");
  std::thread thread([&server] { server.listen_after_bind(); });
  const std::string address = "127.0.0.1:" + std::to_string(port);

  const auto status = wait_for_status(
      address, [](const nlohmann::json& shown) { return shown.at("store").at("revision") == 4; }, 5s);
  CHECK(status);
  server.stop();
  thread.join();

  CHECK(admin_status("127.0.0.1:" + std::to_string(free_port())).is_null());
}

TEST_CASE("a free port is not one that the kernel gives to connections") {
  std::ifstream range("/proc/sys/net/ipv4/ip_local_port_range");
  int first = 0;
  REQUIRE(range >> first);
  for (int i = 0; i < 20; ++i) CHECK(free_port() < first);
}

TEST_CASE("an endpoint that hangs up without an answer is asked again") {
  // As the daemon does with a connection on which nothing comes in time.
  std::atomic<int> connections = 0;
  ServerOptions options;
  options.host = "127.0.0.1";
  const auto server = Server::listen(options, [&connections](Connection& connection) {
    if (++connections == 1) return;
    connection.stream().write_all("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", Clock::now() + 5s);
  });
  REQUIRE(server);

  CHECK(admin_get("127.0.0.1:" + std::to_string((*server)->port()), "/status").body == "{}");

  CHECK(connections == 2);
}

TEST_CASE("the delay of a share of the pongs is that of the slowest among them, over all links") {
  Observed seen;
  CHECK(seen.pong_delay_of_share(0.9) == 0ms);
  seen.links[1].pong_delays = {9ms, 2ms, 3ms, 4ms, 5ms};
  seen.links[2].pong_delays = {6ms, 7ms, 8ms, 1ms, 2'000ms};

  CHECK(seen.pong_delay_of_share(0.5) == 5ms);
  CHECK(seen.pong_delay_of_share(0.9) == 9ms);
  CHECK(seen.max_pong_delay() == 2'000ms);
}

}  // namespace
}  // namespace tether::peers
