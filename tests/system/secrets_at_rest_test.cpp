#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <vector>

#include "desired.h"
#include "planted.h"
#include "tether/peers/texts.h"

using namespace tether;
using namespace tether::test;

namespace {

std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

mode_t mode_of(const std::filesystem::path& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777U;
}

/// Whoever starts the daemon may be careless about what others can read.
class NoUmask {
 public:
  NoUmask() : before_(::umask(0)) {}
  ~NoUmask() { ::umask(before_); }
  NoUmask(const NoUmask&) = delete;
  NoUmask& operator=(const NoUmask&) = delete;

 private:
  mode_t before_;
};

}  // namespace

TEST_CASE("check-config and its mistakes repeat no token, from wherever it comes [R3] [R11]") {
  struct Case {
    std::map<std::string, std::string> environment;
    int status;
  };
  const peers::TempDir folder;
  Planted planted;
  const std::string token = planted.add("token", peers::random_token());
  const std::string bad = planted.add("unusable token", peers::random_token() + " " + peers::random_token());
  const std::string file = folder.write("token", token);
  folder.write("registration-token", token);
  const std::string yaml = folder.write("tetherd.yaml", "control_plane:\n  token: " + token + "\n");
  const std::vector<Case> cases = {
      {{{"TETHER_REGISTRATION_TOKEN", token}}, 0},
      {{{"TETHER_REGISTRATION_TOKEN_FILE", file}}, 0},
      {{{"GATEWAY_REGISTRATION_TOKEN", token}}, 0},
      {{{"CREDENTIALS_DIRECTORY", folder.path().string()}}, 0},
      {{{"TETHER_REGISTRATION_TOKEN", token}, {"TETHER_REGISTRATION_TOKEN_FILE", file}}, 2},
      {{{"TETHER_REGISTRATION_TOKEN", bad}}, 2},
      {{{"GATEWAY_REGISTRATION_TOKEN", bad}}, 2},
      {{{"TETHER_CONFIG", yaml}}, 2},
      {{{"TETHER_CONTROL_PLANE_URL", "wss://user:" + token + "@cp.example.com"}}, 2},
      {{{"TETHER_CONTROL_PLANE_URL", "wss://cp.example.com/ws/gateways/connect?token=" + token}}, 2},
  };

  for (const auto& [environment, status] : cases) {
    auto process = DaemonProcess::start({daemon_binary(), {"check-config"}, environment});

    REQUIRE(process);
    CHECK((*process)->wait_for_exit(kPatience) == status);
    const std::string said = (*process)->all_output();
    CHECK_FALSE(said.empty());
    planted.check_absent(said, "check-config");
  }
}

TEST_CASE("the state folder is its owner's alone, and no file in it holds a credential in the clear [R3]") {
  const NoUmask careless;
  Scene scene;
  Planted planted;
  start_peers(scene, planted);
  scene.start_daemon(settings_of(scene, "json"));
  const auto everything = deploy_everything(scene, planted);
  REQUIRE(gateway_comes_to_agree(scene));
  scene.wait_until_in_sync();
  change_values(scene, planted, everything, "second generation");
  REQUIRE(gateway_comes_to_agree(scene));
  const std::filesystem::path state = scene.file("state");
  const auto check_files = [&state, &planted](const std::set<std::string>& expected) {
    CHECK(mode_of(state) == 0700);
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(state)) {
      CAPTURE(entry.path().string());
      names.insert(entry.path().filename());
      CHECK(mode_of(entry.path()) == 0600);
      planted.check_absent(content_of(entry.path()), entry.path().filename());
    }
    CAPTURE(names);
    CHECK(std::ranges::includes(names, expected));
  };
  check_files({"tetherd.db", "tetherd.db-shm", "tetherd.db-wal", "tetherd.lock", "secrets.key"});

  // The gateway's words are kept as well, whatever it quotes.
  scene.gateway().change_faults([&planted](peers::GatewayFaults& faults) {
    peers::Refusal api;
    api.kind = "RestApi";
    api.reason = "cannot use " + planted.all();
    faults.refuse = {api};
  });
  const std::string id = everything.artifacts.at("RestApi").artifact_id;
  scene.control_plane().redeploy(id);
  scene.wait_for([](const nlohmann::json& status) { return !status["quarantined"].empty(); });
  check_files({"tetherd.db"});
  scene.gateway().change_faults([](peers::GatewayFaults& faults) { faults.refuse.clear(); });
  scene.control_plane().redeploy(id);
  scene.wait_until_in_sync();

  scene.kill_daemon();
  check_files({"tetherd.db", "tetherd.db-wal", "tetherd.lock", "secrets.key"});
  scene.start_daemon(settings_of(scene, "json"));
  scene.wait_until_in_sync();
  CHECK(scene.stop_daemon() == 0);
  check_files({"tetherd.db", "tetherd.lock", "secrets.key"});
  std::ofstream(state / "tetherd.db", std::ios::binary) << std::string(4096, 'x');
  scene.start_daemon(settings_of(scene, "json"));
  scene.wait_until_in_sync();
  check_files({"tetherd.db", "tetherd.db.damaged-1", "tetherd.lock", "secrets.key"});
}
