#include "commands.h"

#include <catch2/catch.hpp>
#include <vector>

namespace tether::test {
namespace {

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

std::unique_ptr<DaemonProcess> start(const Scene& scene, const std::string& program,
                                     const std::vector<std::string>& arguments,
                                     std::map<std::string, std::string> environment) {
  environment.emplace("TETHER_ADMIN_LISTEN", scene.admin());
  auto process = DaemonProcess::start({program, arguments, environment});
  REQUIRE(process);
  return std::move(*process);
}

}  // namespace

std::unique_ptr<DaemonProcess> start_command(const Scene& scene, const std::string& name, bool yes) {
  std::vector<std::string> arguments = {name};
  if (yes) arguments.emplace_back("--yes");
  return start_command(scene, arguments);
}

std::unique_ptr<DaemonProcess> start_command(const Scene& scene, const std::vector<std::string>& arguments,
                                             const std::map<std::string, std::string>& environment) {
  return start(scene, daemon_binary(), arguments, environment);
}

std::unique_ptr<DaemonProcess> start_at_terminal(const Scene& scene, const std::string& command_line,
                                                 const std::map<std::string, std::string>& environment) {
  return start(scene, "/usr/bin/script",
               {"--quiet", "--return", "--command", "exec " + daemon_binary() + " " + command_line, "/dev/null"},
               environment);
}

Ended run_command(const Scene& scene, const std::vector<std::string>& arguments,
                  const std::map<std::string, std::string>& environment) {
  return end_of(*start_command(scene, arguments, environment));
}

Ended end_of(DaemonProcess& command) {
  const auto status = command.wait_for_exit(kPatience);
  return {status, joined(command.out()), joined(command.err())};
}

Ended run_command(const Scene& scene, const std::string& name, bool yes) {
  return end_of(*start_command(scene, name, yes));
}

bool has(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return true;
  UNSCOPED_INFO("in: " << text);
  return false;
}

}  // namespace tether::test
