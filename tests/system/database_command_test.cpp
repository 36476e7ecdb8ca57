#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "commands.h"
#include "desired.h"
#include "read_only_mount.h"
#include "steps.h"

using namespace tether;
using namespace tether::test;

namespace {

Ended run_db(const Scene& scene, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "db");
  return run_command(scene, arguments, {{"TETHER_STATE_DIR", scene.file("state")}});
}

}  // namespace

TEST_CASE("tetherd db backup copies the store of a running daemon, and a daemon serves from the copy [R10]") {
  Scene scene;
  start_all(scene);
  const auto ids = serve(scene, 3);
  REQUIRE(all_come_to_be_acknowledged(scene));
  const std::string file = scene.file("backup.db");

  const Ended checked = run_db(scene, {"check"});
  CHECK(checked.status == kDone);
  CHECK(has(checked.out, "tetherd.db is sound: "));
  CHECK(has(checked.out, ", all of which the key opens\n"));
  const Ended made = run_db(scene, {"backup", file});
  CHECK(made.status == kDone);
  CHECK(made.err.empty());
  CHECK(has(made.out, "is not in it. Keep " + scene.file("state") + "/secrets.key, too"));
  struct stat found {};
  REQUIRE(::stat(file.c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0600);
  CHECK(run_db(scene, {"backup", file}).status == kNotDone);
  scene.wait_until_in_sync();

  // As the command says it is put back.
  scene.control_plane().kill();
  CHECK(scene.stop_daemon() == 0);
  for (const char* name : {"tetherd.db", "tetherd.db-wal", "tetherd.db-shm"}) {
    std::filesystem::remove(scene.file("state") + "/" + name);
  }
  std::filesystem::copy(file, scene.file("state") + "/tetherd.db");
  REQUIRE(scene.gateway().come_back(/*empty=*/true));
  scene.start_daemon();
  CHECK(scene.gateway_comes_to_serve(scene.desired()));
}

TEST_CASE("tetherd db check works without a daemon, and says what is wrong") {
  Scene scene;
  const Ended none = run_db(scene, {"check"});
  CHECK(none.status == kNotDone);
  CHECK(has(none.err, "tetherd: cannot check: " + scene.file("state") + "/tetherd.db: there is no store (state_dir"));
  CHECK(has(run_db(scene, {"backup", scene.file("b")}).err, "tetherd: no backup: "));
  CHECK(run_db(scene, {}).status == kNotAsked);
  CHECK(run_db(scene, {"backup"}).status == kNotAsked);

  start_all(scene);
  serve(scene, 1);
  scene.kill_daemon();
  CHECK(run_db(scene, {"check"}).status == kDone);  // with its log as the kill has left it
  std::filesystem::rename(scene.file("state") + "/secrets.key", scene.file("kept.key"));
  const Ended keyless = run_db(scene, {"check"});
  CHECK(keyless.status == kNotDone);
  CHECK(has(keyless.out, "secrets.key is not there\n"));
  for (const char* log : {"-wal", "-shm"}) std::filesystem::remove(scene.file("state") + "/tetherd.db" + log);
  std::ofstream(scene.file("state") + "/tetherd.db") << std::string(8192, 'x');
  const Ended damaged = run_db(scene, {"check"});
  CHECK(damaged.status == kNotDone);
  CHECK(has(damaged.err, "tetherd.db is damaged:\n"));
}

TEST_CASE("what a daemon serves from a read-only file system is checked, listed and backed up there [R10]") {
  Scene scene;
  start_all(scene);
  serve(scene, 2);
  scene.wait_until_in_sync();
  REQUIRE(scene.stop_daemon() == 0);
  const ReadOnlyMount mount(scene.file("state"));
  if (!mount.is_made()) {
    WARN("skipped: this user may not mount");
    return;
  }

  CHECK(has(run_db(scene, {"check"}).out, " is sound: "));
  scene.start_daemon();
  const std::string file = scene.file("rescued.db");
  const Ended made = run_db(scene, {"backup", file});
  CHECK(made.status == kDone);
  CHECK(has(run_db(scene, {"check"}).out, ", all of which the key opens\n"));
  CHECK(has(run_command(scene, {"resources"}).out, "RestApi"));
  CHECK(has(run_command(scene, {"doctor"}, {{"TETHER_STATE_DIR", scene.file("state")}}).out,
            "tetherd.db is sound, but nothing more can be stored: "));

  std::filesystem::create_directory(scene.file("restored"));
  std::filesystem::copy(file, scene.file("restored") + "/tetherd.db");
  std::filesystem::copy(scene.file("state") + "/secrets.key", scene.file("restored"));
  const Ended restored = run_command(scene, {"db", "check"}, {{"TETHER_STATE_DIR", scene.file("restored")}});
  CHECK(has(restored.out, ", all of which the key opens\n"));
}
