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

}  // namespace

std::unique_ptr<DaemonProcess> start_command(const Scene& scene, const std::string& name, bool yes) {
  std::vector<std::string> arguments = {name};
  if (yes) arguments.emplace_back("--yes");
  auto process = DaemonProcess::start({daemon_binary(), arguments, {{"TETHER_ADMIN_LISTEN", scene.admin()}}});
  REQUIRE(process);
  return std::move(*process);
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
