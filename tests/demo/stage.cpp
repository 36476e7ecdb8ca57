#include "stage.h"

#include <httplib.h>
#include <poll.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <sstream>

#include "tether/peers/admin_client.h"

namespace tether::demo {

namespace {

constexpr int kLookEveryMs = 2;

std::atomic<bool> stop_asked{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler sets it");

httplib::Client client(const std::string& address) {
  httplib::Client client("http://" + address);
  client.set_connection_timeout(1s);
  return client;
}

json answer_of(const httplib::Result& result, const std::string& path) {
  if (!result) return nullptr;
  if (result->status != 200) {
    std::fprintf(stderr, "tether-demo: %s: %s\n", path.c_str(), result->body.c_str());
    return nullptr;
  }
  return json::parse(result->body, nullptr, /*allow_exceptions=*/false);
}

/// The value of `name=` in a stand-in's `ready` line.
std::string named(const std::string& line, const std::string& name) {
  std::istringstream words(line);
  for (std::string word; words >> word;) {
    if (word.rfind(name + "=", 0) == 0) return word.substr(name.size() + 1);
  }
  return {};
}

/// The `ready` line of a stand-in that was just started.
Result<std::string> ready_line(peers::DaemonProcess& process) {
  const auto line = process.wait_for_line([](const std::string& text) { return text.rfind("ready ", 0) == 0; });
  if (!line) return fail(ErrorKind::Retry, "it did not get ready: " + process.all_output());
  return *line;
}

}  // namespace

void watch_for_stop() {
  struct sigaction action {};
  action.sa_handler = [](int) { stop_asked = true; };
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

bool is_stopped() {
  return stop_asked;
}

bool wait_until(const std::function<bool()>& holds, Duration limit) {
  const TimePoint deadline = Clock::now() + limit;
  while (!is_stopped()) {
    if (holds()) return true;
    if (Clock::now() >= deadline) return false;
    ::poll(nullptr, 0, kLookEveryMs);
  }
  return false;
}

json ask(const std::string& address, const std::string& path) {
  return answer_of(client(address).Get(path), path);
}

json tell(const std::string& address, const std::string& path, const json& body) {
  return answer_of(client(address).Post(path, body.dump(), "application/json"), path);
}

Stage::Stage(std::string programs)
    : programs_(std::move(programs)),
      ca_(peers::write_test_ca(folder_.path().string())),
      socket_(folder_.file("gateway.sock")),
      admin_("127.0.0.1:" + std::to_string(peers::free_port())),
      port_(peers::free_port()) {}

Result<Done> Stage::start_control_plane(std::uint16_t port) {
  peers::ProcessOptions options;
  options.program = program("tether-control-plane");
  options.arguments = {"--listen",
                       "127.0.0.1:" + std::to_string(port == 0 ? port_ : port),
                       "--control-listen",
                       "127.0.0.1:0",
                       "--cert",
                       ca_.certificate_file,
                       "--key",
                       ca_.key_file,
                       "--token",
                       kToken,
                       "--state",
                       folder_.file("control-plane.json")};
  auto process = peers::DaemonProcess::start(options);
  if (!process) return wrap("control plane", process.error());
  const auto ready = ready_line(**process);
  if (!ready) return wrap("control plane", ready.error());
  control_plane_ = std::move(*process);
  url_ = named(*ready, "url");
  control_ = named(*ready, "control");
  return Done{};
}

Result<Done> Stage::start_gateway() {
  peers::ProcessOptions options;
  options.program = program("tether-gateway");
  options.arguments = {"--socket", socket_, "--control-listen", "127.0.0.1:0", "--print"};
  auto process = peers::DaemonProcess::start(options);
  if (!process) return wrap("gateway", process.error());
  const auto ready = ready_line(**process);
  if (!ready) return wrap("gateway", ready.error());
  gateway_ = std::move(*process);
  gateway_control_ = named(*ready, "control");
  return Done{};
}

Result<Done> Stage::start_tetherd() {
  peers::ProcessOptions options;
  options.program = program("tetherd");
  options.environment = {{"TETHER_CONTROL_PLANE_URL", url_},
                         {"TETHER_CONTROL_PLANE_CA_FILE", ca_.ca_file},
                         {"TETHER_REGISTRATION_TOKEN_FILE", folder_.write("token", kToken)},
                         {"TETHER_STATE_DIR", folder_.file("state")},
                         {"TETHER_GATEWAY_SOCKET", socket_},
                         {"TETHER_ADMIN_LISTEN", admin_},
                         // Its return is spread over no more than this: nobody is to wait for a fleet of one.
                         {"TETHER_RECONNECT_MAX_MS", "2000"},
                         {"TETHER_LOG_LEVEL", "debug"}};
  auto process = peers::DaemonProcess::start(options);
  if (!process) return wrap("tetherd", process.error());
  tetherd_ = std::move(*process);
  return Done{};
}

void Stage::kill_control_plane() {
  // A real control plane's database has each ack at once; the stand-in writes its file with each call.
  tell(control_, "/sweep");
  control_plane_.reset();  // SIGKILL
}

void Stage::kill_gateway() {
  gateway_.reset();
}

json Stage::status() const {
  return peers::admin_status(admin_);
}

json Stage::deployment(const std::string& handle) const {
  const json state = ask(control_, "/state");
  if (!state.is_object()) return nullptr;
  for (const json& row : state.value("deployments", json::array())) {
    if (row.value("handle", "") == handle) return row;
  }
  return nullptr;
}

}  // namespace tether::demo
