#include <sys/wait.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <regex>

#include "tether/settings/names.h"
#include "tether/settings/settings.h"
#include "tree.h"

using namespace tether;
using house::matches;

namespace {

struct Outcome {
  int status = -1;
  std::string output;
};

Outcome run(const std::string& command) {
  Outcome outcome;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  for (int byte = std::fgetc(pipe); byte != EOF; byte = std::fgetc(pipe)) {
    outcome.output.push_back(static_cast<char>(byte));
  }
  const int status = ::pclose(pipe);
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

/// A copy of the unit that starts the program just built, so that it can be verified before anything is installed.
std::string unit_for_built_program() {
  const std::string unit =
      std::regex_replace(house::read("systemd/tetherd.service"), std::regex("/usr/bin/tetherd"), TETHER_PROGRAM);
  std::string folder = (std::filesystem::temp_directory_path() / "tetherd-unit-XXXXXX").string();
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  std::ofstream(folder + "/tetherd.service") << unit;
  return folder;
}

}  // namespace

TEST_CASE("systemd finds nothing wrong with the unit") {
  const std::string folder = unit_for_built_program();

  const Outcome verified = run("systemd-analyze verify --man=no " + folder + "/tetherd.service");

  std::filesystem::remove_all(folder);
  INFO(verified.output);
  CHECK(verified.status == 0);
  CHECK(verified.output.find("tetherd.service") == std::string::npos);  // what it ignores it tells, with status 0
}

TEST_CASE(
    "the unit gives the daemon its state folder, its token and the sockets that it needs, and no second start "
    "after a wrong setting") {
  const std::string unit = house::read("systemd/tetherd.service");

  CHECK(unit.find("\nStateDirectory=tetherd\nStateDirectoryMode=0700\n") != std::string::npos);
  CHECK(unit.find("\nLoadCredential=registration-token:") != std::string::npos);
  CHECK(unit.find("\nLoadCredential=store-key:") != std::string::npos);
  CHECK(unit.find("\nRestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK\n") != std::string::npos);
  CHECK(unit.find("\nRestartPreventExitStatus=2\n") != std::string::npos);
}

TEST_CASE("the README's way to run a sub-command as the unit would has all the settings that the unit has") {
  const std::string unit = house::read("systemd/tetherd.service");
  const std::string readme = house::read("README.md");
  const auto from = readme.find("\nsystemd-run ");
  REQUIRE(from != std::string::npos);
  const std::string command = readme.substr(from, readme.find("```", from) - from);

  const auto given = matches(unit, R"(\n((?:EnvironmentFile|LoadCredential|Environment)=[^\n]+))");
  CHECK(given.size() == 3);
  for (const std::string& setting : given) {
    INFO(setting);
    CHECK(command.find(" -p " + setting + " ") != std::string::npos);
  }
  CHECK(matches(unit, R"(\nExecStart=(\S+))").count(*matches(command, R"((/\S+tetherd) doctor)").begin()) == 1);
}

TEST_CASE("the unit has the folder of the Unix socket that is recommended for the admin endpoint") {
  const std::string unit = house::read("systemd/tetherd.service");

  for (const char* page : {"README.md", "docs/security.md", "config/tetherd.yaml", "systemd/tetherd.service"}) {
    INFO(page);
    const auto folders = matches(house::read(page), R"(unix:/run/(\w+)/\w+\.sock)");
    CHECK_FALSE(folders.empty());
    for (const std::string& folder : folders) {
      CHECK(unit.find("\nRuntimeDirectory=" + folder + "\nRuntimeDirectoryMode=0750\n") != std::string::npos);
    }
  }
}

TEST_CASE("the Dockerfile copies what is there, and sets what the daemon knows") {
  const std::string dockerfile = house::read("docker/Dockerfile");

  const auto copies = matches(dockerfile, R"(\nCOPY ([^-\n][^\n]*) \S+\n)");
  REQUIRE_FALSE(copies.empty());
  for (const std::string& sources : copies) {
    for (const std::string& path : matches(sources, R"(\S+)")) {
      INFO(path);
      CHECK(std::filesystem::exists(house::source_dir() / path));
    }
  }
  for (const std::string& variable : matches(dockerfile, R"(\nENV (\w+)=)")) {
    CHECK(variable == setting::kAdminListen.variable);
  }
  CHECK(dockerfile.find("\nUSER tetherd\n") != std::string::npos);
  CHECK(dockerfile.find("\nHEALTHCHECK --interval=30s --timeout=10s --start-period=10s CMD [\"/usr/bin/tetherd\", "
                        "\"health\"]\n") != std::string::npos);
  const auto uid = matches(dockerfile, R"(useradd[^\n]* --uid (\d+))");
  REQUIRE(uid.size() == 1);
  CHECK(house::read("README.md").find("uid " + *uid.begin()) != std::string::npos);
  CHECK(dockerfile.find("\nVOLUME " + Settings().state_dir + "\n") != std::string::npos);
}

#ifndef __clang__  // which links all that is named; the image's program is linked by GCC, with what is needed
TEST_CASE("the image has each library that the program is linked with") {
  const std::string dockerfile = house::read("docker/Dockerfile");
  const std::string runtime = dockerfile.substr(dockerfile.find("FROM debian:12-slim"));
  const std::set<std::string> from_others = {"libc6", "libgcc-s1", "libstdc++6"};  // all of the packages need these

  const Outcome linked = run("readelf -d " TETHER_PROGRAM);
  REQUIRE(linked.status == 0);
  const auto libraries = matches(linked.output, R"(\(NEEDED\)[^\[]*\[([^\]]+)\])");
  REQUIRE_FALSE(libraries.empty());
  for (const std::string& library : libraries) {
    if (library.rfind("ld-linux", 0) == 0) continue;
    const Outcome owner = run("dpkg -S '*/" + library + "'");
    INFO(library << ": " << owner.output);
    bool is_there = false;
    for (const std::string& package : matches(owner.output, R"((\S+?)(?::\w+)?: /)")) {
      is_there |= from_others.count(package) == 1 || runtime.find(" " + package + " ") != std::string::npos;
    }
    CHECK(is_there);
  }
}
#endif

TEST_CASE("the build folder and the history are not sent to the container engine") {
  const auto left_out = house::lines_of(".dockerignore");

  CHECK(std::count(left_out.begin(), left_out.end(), "build") == 1);
  CHECK(std::count(left_out.begin(), left_out.end(), ".git") == 1);
}

TEST_CASE("the shipped settings file holds the defaults") {
  const Environment nothing = [](const std::string&) { return std::nullopt; };

  const LoadedSettings loaded = load_settings(nothing, (house::source_dir() / "config/tetherd.yaml").string());

  CAPTURE(loaded.mistakes);
  REQUIRE(loaded.settings);
  CHECK(print_effective(*loaded.settings) == print_effective(load_settings(nothing, std::nullopt).settings.value()));
}
