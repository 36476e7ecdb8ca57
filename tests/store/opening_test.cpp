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

TEST_CASE("a state folder of ours that is open to others is closed when it is taken, with all in it, which is said") {
  const mode_t before = ::umask(0);
  TestStore store;
  store.write([](sync::Records& records) { records.next_change(); });
  store.close();
  const auto folder_path = store.state_dir();
  store.let_folder_go();
  for (const auto& entry : fs::directory_iterator(folder_path)) fs::permissions(entry.path(), fs::perms(0666));
  fs::permissions(folder_path, fs::perms(0777));

  store.take_folder();
  store.reopen();

  ::umask(before);
  CHECK(mode_of(folder_path) == 0700);
  for (const auto& entry : fs::directory_iterator(folder_path)) CHECK(mode_of(entry.path()) == 0600);
  REQUIRE(store->opened_notes().size() == 2);
  CHECK_THAT(store->opened_notes()[0].text, Catch::Contains("by others; now they cannot"));
  CHECK_THAT(store->opened_notes()[1].text, Catch::Contains("was open to others"));
  for (const auto& note : store->opened_notes()) CHECK(note.what == OpenedNote::What::Mended);
}

TEST_CASE("a state folder that others use too keeps its mode, which is said") {
  TempFolder temporary;
  std::ofstream(temporary.path() / "not-ours") << "x";
  fs::permissions(temporary.path(), fs::perms(0755));

  const auto folder = StateFolder::take(temporary.path());

  REQUIRE(folder);
  CHECK(mode_of(temporary.path()) == 0755);
  CHECK(mode_of(temporary.path() / "not-ours") != 0600);
  REQUIRE((*folder)->notes().size() == 1);
  CHECK_THAT((*folder)->notes()[0], Catch::Contains("should be 0700"));
}

TEST_CASE("a state folder that is taken away in use is made anew at the next write, and held like the first") {
  TestStore store;
  store.write([](sync::Records& records) { offer(records, artifact("a"), "petstore"); });
  SECTION("the folder") {
    fs::remove_all(store.state_dir());
  }
  SECTION("the database") {
    fs::remove(store.file());
  }
  SECTION("another database in its place") {
    TestStore other;
    other.close();
    fs::rename(other.file(), store.file());
  }

  store.write([](sync::Records& records) { CHECK_FALSE(records.artifact("a")); });

  REQUIRE(store->opened_notes().size() == 1);
  CHECK(store->opened_notes()[0].what == OpenedNote::What::StartedAnew);
  CHECK_THAT(store->opened_notes()[0].text, Catch::Contains(store.file().string()));
  CHECK(mode_of(store.state_dir()) == 0700);
  const auto second = StateFolder::take(store.state_dir());
  REQUIRE_FALSE(second);
  CHECK(second.error().kind == ErrorKind::Reject);
  store.write([](sync::Records& records) { offer(records, artifact("b"), "petstore"); });
  store.reopen();
  CHECK(store.read<bool>([](sync::Records& records) { return records.artifact("b").has_value(); }));
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
  CHECK_THAT(store->opened_notes()[0].text, Catch::Contains(store.file().string() + ".damaged-1"));
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
    CHECK_THAT(store->opened_notes()[0].text, Catch::Contains(".damaged-" + number + ";"));
  }

  CHECK_FALSE(fs::exists(store.file().string() + ".damaged-" + std::to_string(kMaxSetAside + 1)));
}
