// tether-control-plane: the stand-in for the control plane as a program for people and demos.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>

#include "tether/peers/control_api.h"
#include "tether/peers/program.h"

namespace tether::peers {
namespace {

struct Settings {
  std::string listen = "127.0.0.1:8443";
  std::string control_listen = "127.0.0.1:8444";
  std::string state_file;
  bool log_events = false;
  ControlPlaneOptions options;
};

std::string readable(const JournalEntry& entry) {
  std::string line = format_rfc3339_ms(entry.at).substr(11, 12) + "  " + entry.what;
  for (const auto& item : entry.detail.items()) {
    const std::string value = item.value().is_string() ? item.value().get<std::string>() : item.value().dump();
    if (!value.empty()) line += "  " + item.key() + "=" + value;
  }
  return line;
}

Result<Done> split_address(const std::string& address, ControlPlaneOptions& options) {
  const std::size_t colon = address.rfind(':');
  const std::string port = colon == std::string::npos ? "" : address.substr(colon + 1);
  if (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != std::string::npos) {
    return fail(ErrorKind::Reject, "--listen: HOST:PORT is expected, not " + address);
  }
  options.host = address.substr(0, colon);
  options.port = static_cast<std::uint16_t>(std::stoi(port));
  return Done{};
}

/// Database and tokens of an earlier run, if there are any.
Result<Done> load_state(const std::string& path, ControlPlaneOptions& options) {
  if (path.empty() || !std::filesystem::exists(path)) return Done{};
  std::ifstream file(path, std::ios::binary);
  const auto json = nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("database")) return fail(ErrorKind::Corrupt, path + " is no state file");
  auto database = Desire::from_json(json["database"]);
  if (!database) return wrap(path, database.error());
  options.database = std::move(*database);
  if (options.tokens.empty()) options.tokens = json.value("tokens", options.tokens);
  return Done{};
}

void save_state(const std::string& path, const ControlPlane& control_plane) {
  if (path.empty()) return;
  const nlohmann::json state{{"database", control_plane.backup().to_json()}, {"tokens", control_plane.tokens()}};
  replace_file(path, state.dump());
}

int run(Settings settings) {
  if (const auto split = split_address(settings.listen, settings.options); !split) return give_up(split.error());
  if (const auto loaded = load_state(settings.state_file, settings.options); !loaded) return give_up(loaded.error());
  if (settings.log_events) {
    settings.options.on_journal = [](const JournalEntry& entry) { print_line(readable(entry)); };
  }
  const auto control_plane = ControlPlane::start(settings.options);
  if (!control_plane) return give_up(control_plane.error());
  ControlPlane& running = **control_plane;
  const auto save = [&running, path = settings.state_file] { save_state(path, running); };
  save();
  const auto control = ControlApi::start(settings.control_listen, running, save);
  if (!control) return give_up(control.error());

  print_line("ready  url=" + running.websocket_url() + "  control=127.0.0.1:" + std::to_string((*control)->port()) +
             "  gatewayId=" + running.gateway_id());
  wait_for_stop_signal();
  running.end_links(Ending::ServerShutdown);
  running.wait_until([](const Observed& seen, const Desire&) { return seen.open_links() == 0; }, 2s);
  save();
  return 0;
}

}  // namespace
}  // namespace tether::peers

int main(int argc, char** argv) {
  using tether::peers::Settings;
  tether::peers::block_stop_signals();
  Settings settings;
  CLI::App app("A stand-in for the control plane. Its control port is described in tests/peers/README.md.");
  app.add_option("--listen", settings.listen, "HOST:PORT of the control plane")->capture_default_str();
  app.add_option("--control-listen", settings.control_listen, "HOST:PORT of the control port")->capture_default_str();
  auto* certificate = app.add_option("--cert", settings.options.certificate_file, "PEM certificate; none: no TLS");
  app.add_option("--client-ca", settings.options.client_ca_file,
                 "PEM authority that clients must have a certificate of; none: they need none");
  auto* key = app.add_option("--key", settings.options.key_file, "PEM key");
  certificate->needs(key);
  key->needs(certificate);
  app.add_option("--token", settings.options.tokens, "An active gateway token (repeatable)");
  app.add_option("--gateway-id", settings.options.gateway_id, "The gateway's UUID; none: made up");
  app.add_option("--state", settings.state_file, "File that keeps the database over a restart");
  app.add_flag("--log", settings.log_events, "Print what happens, one line each");
  CLI11_PARSE(app, argc, argv);
  return tether::peers::run(std::move(settings));
}
