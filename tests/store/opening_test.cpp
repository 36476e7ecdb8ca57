#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "fixture.h"

using namespace tether;
using namespace tether::store;
using namespace tether::store::test;

namespace fs = std::filesystem;

namespace {

unsigned mode_of(const fs::path& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777U;
}

void overwrite(const fs::path& file, std::streamoff from, std::size_t count) {
  std::fstream out(file, std::ios::in | std::ios::out | std::ios::binary);
  out.seekp(from);
  out << std::string(count, 'x');
}

}  // namespace

TEST_CASE("state is readable by nobody else") {
  TestStore store;
  store.write([](sync::Records& records) { records.next_change(); });

  CHECK(mode_of(store.state_dir()) == 0700);
  CHECK(mode_of(store.file()) == 0600);
  CHECK(mode_of(store.file().string() + "-wal") == 0600);
  CHECK(mode_of(store.file().string() + "-shm") == 0600);
  CHECK(mode_of(store.state_dir() / "tetherd.lock") == 0600);
}

TEST_CASE("a database that others could read is closed to them when it is opened") {
  TestStore store;
  store.close();
  fs::permissions(store.file(), fs::perms(0644));

  store.reopen();

  CHECK(mode_of(store.file()) == 0600);
}

TEST_CASE("a missing state folder is made with its parents") {
  TempFolder temporary;

  const auto folder = StateFolder::take(temporary.path() / "var" / "lib" / "tetherd");

  REQUIRE(folder);
  CHECK(fs::is_directory(temporary.path() / "var" / "lib" / "tetherd"));
}

TEST_CASE("a second daemon on one state folder is refused by folder and process") {
  TempFolder temporary;
  auto first = StateFolder::take(temporary.path());
  REQUIRE(first);

  const auto second = StateFolder::take(temporary.path());

  REQUIRE_FALSE(second);
  CHECK(second.error().kind == ErrorKind::Reject);
  CHECK_THAT(second.error().message, Catch::Contains(temporary.path().string()));
  CHECK_THAT(second.error().message, Catch::Contains(std::to_string(::getpid())));

  first->reset();
  CHECK(StateFolder::take(temporary.path()));
}

TEST_CASE("a state folder that cannot be made is to be tried again") {
  TempFolder temporary;
  std::ofstream(temporary.path() / "file") << "not a folder";

  const auto folder = StateFolder::take(temporary.path() / "file" / "state");

  REQUIRE_FALSE(folder);
  CHECK(folder.error().kind == ErrorKind::Retry);
}

TEST_CASE("a new store is at revision 1, with nothing to report") {
  TestStore store;

  CHECK(store.read<std::int64_t>([](sync::Records& records) { return records.revision(); }) == 1);
  CHECK(store->opened_notes().empty());
}

TEST_CASE("a file that is no database is set aside and an empty store started") {
  TestStore store;
  store.write([](sync::Records& records) { offer(records, artifact("a"), "petstore"); });
  store.close();
  overwrite(store.file(), /*from=*/0, /*count=*/4096);

  store.reopen();

  REQUIRE(store->opened_notes().size() == 1);
  CHECK_THAT(store->opened_notes()[0], Catch::Contains(store.file().string() + ".damaged-1"));
  CHECK(fs::exists(store.file().string() + ".damaged-1"));
  CHECK_FALSE(store.read<bool>([](sync::Records& records) { return records.artifact("a").has_value(); }));
  CHECK(mode_of(store.file()) == 0600);

  store.reopen();
  CHECK(store->opened_notes().empty());
}

TEST_CASE("damage within the file is found when it is opened") {
  TestStore store;
  store.write([](sync::Records& records) {
    for (int i = 0; i < 500; ++i) offer(records, artifact("a" + std::to_string(i)), "h", std::string(2000, 'd'));
  });
  store.close();
  const auto size = static_cast<std::streamoff>(fs::file_size(store.file()));
  overwrite(store.file(), size / 2, /*count=*/64 * 1024);

  store.reopen();

  CHECK(store->opened_notes().size() == 1);
}

TEST_CASE("a database without our tables is set aside") {
  TestStore store;
  store.close();
  { store.raw()->run_script("DROP TABLE counters"); }

  store.reopen();

  CHECK(store->opened_notes().size() == 1);
}

TEST_CASE("a damaged store takes the next free number, and the last number is used again") {
  TestStore store;
  for (int i = 1; i <= kMaxSetAside + 2; ++i) {
    store.close();
    overwrite(store.file(), /*from=*/0, /*count=*/100);
    store.reopen();
    const auto number = std::to_string(std::min(i, kMaxSetAside));
    REQUIRE(store->opened_notes().size() == 1);
    CHECK_THAT(store->opened_notes()[0], Catch::Contains(".damaged-" + number + ";"));
  }

  CHECK_FALSE(fs::exists(store.file().string() + ".damaged-" + std::to_string(kMaxSetAside + 1)));
}
