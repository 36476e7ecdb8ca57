// tether-gateway: the stand-in for a gateway as a program for people and demos.
#include <CLI/CLI.hpp>

#include "tether/peers/control_api.h"
#include "tether/peers/program.h"

namespace tether::peers {
namespace {

struct Settings {
  std::string socket = "/run/gateway/config.sock";
  std::string control_listen;
  bool print = false;
};

void print_request(const GatewayRequest& request) {
  if (request.method == "GET") return;
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(request.ended - request.started);
  print_line(format_rfc3339_ms(request.at).substr(11, 12) + "  " + request.method +
             "  status=" + std::to_string(request.status) + "  lines=" + std::to_string(request.lines) +
             "  bytes=" + std::to_string(request.body_bytes) + "  took_us=" + std::to_string(took.count()));
  for (const Applied& line : request.applied) {
    const std::string name = line.handle.empty() ? line.id : line.handle;
    const std::string outcome = line.reason.empty() ? (line.removed ? "removed" : "put") : "rejected";
    print_line("    " + outcome + "  " + line.kind + "  " + name + (line.reason.empty() ? "" : "  " + line.reason));
  }
}

int run(const Settings& settings) {
  GatewayOptions options;
  options.socket_path = settings.socket;
  if (settings.print) options.on_request = print_request;
  const auto gateway = Gateway::start(options);
  if (!gateway) return give_up(gateway.error());
  std::string ready = "ready  socket=" + settings.socket;
  std::unique_ptr<ControlApi> control;
  if (!settings.control_listen.empty()) {
    auto started = ControlApi::start(settings.control_listen, **gateway);
    if (!started) return give_up(started.error());
    control = std::move(*started);
    ready += "  control=127.0.0.1:" + std::to_string(control->port());
  }
  print_line(ready);
  wait_for_stop_signal();
  return 0;
}

}  // namespace
}  // namespace tether::peers

int main(int argc, char** argv) {
  tether::peers::block_stop_signals();
  tether::peers::Settings settings;
  CLI::App app("A stand-in for a gateway. Its control port is described in tests/peers/README.md.");
  app.add_option("--socket", settings.socket, "Path of the Unix socket to listen on")->capture_default_str();
  app.add_option("--control-listen", settings.control_listen, "HOST:PORT of a control port; none: no such port");
  app.add_flag("--print", settings.print, "Print what each request brings, one line a resource");
  CLI11_PARSE(app, argc, argv);
  return tether::peers::run(settings);
}
