#include "tether/store/upkeep.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>

#include "fixture.h"

using namespace tether;
using namespace tether::store;
using namespace tether::store::test;

using Catch::Matchers::Contains;

namespace {

void fill_to_copy(TestStore& store) {
  store.write([](sync::Records& records) {
    offer(records, artifact("a"), "petstore", "the document of a");
    offer(records, resource("Secret", "db-password"), R"({"value":"planted-password"})");
  });
}

CheckReport check_of(const StoreAt& at) {
  auto report = check_database(at);
  if (!report) FAIL(report.error().message);
  return *report;
}

std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Of a database with one table's pages overwritten.
void damage(const std::filesystem::path& file) {
  std::fstream out(file, std::ios::binary | std::ios::in | std::ios::out);
  constexpr std::streamoff kPageBytes = 4096;
  out.seekp(2 * kPageBytes);
  out << std::string(3 * kPageBytes, 'x');
}

}  // namespace

TEST_CASE("a store is checked beside the daemon that uses it, its encrypted contents too") {
  TestStore store;
  fill_to_copy(store);

  const auto report = check_of({store.state_dir()});

  CHECK(report.damage.empty());
  CHECK(report.resources == 2);
  CHECK(report.encrypted == 2);
  CHECK(report.unreadable == 0);
  CHECK(report.no_key.empty());
  CHECK(report.no_room.empty());
  // What is in the log as yet counts, too.
  CHECK(report.bytes > static_cast<std::int64_t>(std::filesystem::file_size(store.state_dir() / "tetherd.db")));
  fill_to_copy(store);  // it goes on
}

TEST_CASE("content that another key has encrypted, and a key that is not there, are told") {
  TestStore store;
  fill_to_copy(store);
  const auto other = store.state_dir() / "other.key";
  std::ofstream(other) << std::string(64, 'a');
  std::filesystem::permissions(other, std::filesystem::perms::owner_read);

  CHECK(check_of({store.state_dir(), other.string()}).unreadable == 2);
  const auto without = check_of({store.state_dir(), (store.state_dir() / "no.key").string()});
  CHECK_THAT(without.no_key, Contains("no.key"));
  CHECK_FALSE(std::filesystem::exists(store.state_dir() / "no.key"));
  CHECK(without.unreadable == 0);
}

TEST_CASE("damage is told, and nothing is mended") {
  TestStore store;
  fill_to_copy(store);
  store.let_folder_go();
  damage(store.file());
  const auto before = bytes_of(store.file());

  const auto report = check_of({store.state_dir()});

  CHECK_FALSE(report.damage.empty());
  CHECK(report.damage.size() <= kMaxDamageShown);
  CHECK(bytes_of(store.file()) == before);
}

TEST_CASE("the log that a kill has left is read, and stays for the next start to take up") {
  TestStore store;
  fill_to_copy(store);
  TempFolder killed;
  for (const char* name : {"tetherd.db", "tetherd.db-wal", "secrets.key"}) {
    std::filesystem::copy(store.state_dir() / name, killed.path() / name);
  }
  const auto log = bytes_of(killed.path() / "tetherd.db-wal");
  REQUIRE_FALSE(log.empty());

  CHECK(check_of({killed.path()}).resources == 2);
  REQUIRE(back_up({killed.path()}, killed.path() / "backup.db"));

  CHECK(bytes_of(killed.path() / "tetherd.db-wal") == log);
}

TEST_CASE("a file that is no database is damaged, and one that is not there is no store") {
  TempFolder folder;
  const auto none = check_database({folder.path()});
  REQUIRE_FALSE(none);
  CHECK_THAT(none.error().message, Contains("there is no store (state_dir, TETHER_STATE_DIR)"));
  CHECK_FALSE(back_up({folder.path()}, folder.path() / "b"));
  CHECK(std::filesystem::is_empty(folder.path()));

  std::ofstream(folder.path() / "tetherd.db") << std::string(8192, 'x');
  CHECK_FALSE(check_of({folder.path()}).damage.empty());
}

TEST_CASE("a backup that cannot be written names the file that was asked for, and leaves nothing there") {
  TestStore store;
  fill_to_copy(store);
  TempFolder elsewhere;

  const auto nowhere = back_up({store.state_dir()}, elsewhere.path() / "none" / "backup.db");
  REQUIRE_FALSE(nowhere);
  CHECK(nowhere.error().message ==
        "cannot write '" + (elsewhere.path() / "none" / "backup.db").string() + "': No such file or directory");
  const auto unnamed = back_up({store.state_dir()}, "");
  REQUIRE_FALSE(unnamed);
  CHECK_THAT(unnamed.error().message, Contains("cannot write ''"));

  // A full disk, for us: no file may be longer than nothing.
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const rlimit none{0, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &none) == 0);
  const auto full = back_up({store.state_dir()}, elsewhere.path() / "backup.db");
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  REQUIRE_FALSE(full);
  CHECK_THAT(full.error().message, Contains("cannot write '" + (elsewhere.path() / "backup.db").string() + "'"));
  CHECK(std::filesystem::is_empty(elsewhere.path()));
}

TEST_CASE("a backup is whole, its owner's alone, and a store that works; it holds neither the key nor a secret") {
  TestStore store;
  fill_to_copy(store);
  TempFolder elsewhere;
  const auto file = elsewhere.path() / "backup.db";

  const auto report = back_up({store.state_dir()}, file);

  REQUIRE(report);
  CHECK(report->key_file == (store.state_dir() / "secrets.key").string());
  struct stat found {};
  REQUIRE(::stat(file.c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0600);
  CHECK(found.st_size == report->bytes);
  const auto bytes = bytes_of(file);
  CHECK(bytes.find("planted-password") == std::string::npos);
  CHECK(bytes.find(bytes_of(store.state_dir() / "secrets.key").substr(0, 64)) == std::string::npos);
  CHECK(std::distance(std::filesystem::directory_iterator(elsewhere.path()), {}) == 1);
  fill_to_copy(store);  // it goes on

  // Put in the place of the store.
  std::filesystem::copy(file, elsewhere.path() / "tetherd.db");
  std::filesystem::copy(store.state_dir() / "secrets.key", elsewhere.path() / "secrets.key");
  const auto restored = check_of({elsewhere.path()});
  CHECK(restored.damage.empty());
  CHECK(restored.resources == 2);
  CHECK(restored.unreadable == 0);
  auto folder = StateFolder::take(elsewhere.path());
  REQUIRE(folder);
  auto opened = Store::open(**folder, {.durable = false});
  REQUIRE(opened->make_writable());
  CHECK(opened->overview()->offered_count == 2);
}

TEST_CASE("a backup names the file of its key only if that is there and is its key") {
  TestStore store;
  fill_to_copy(store);
  TempFolder elsewhere;
  const auto key_named = [&](const std::string& name, const std::string& key_file) {
    const auto report = back_up({store.state_dir(), key_file}, elsewhere.path() / name);
    if (!report) FAIL(report.error().message);
    return report->key_file;
  };
  const auto other = (elsewhere.path() / "other.key").string();
  std::ofstream(other) << std::string(64, 'a');

  CHECK(key_named("1", other).empty());
  CHECK(key_named("2", (elsewhere.path() / "no.key").string()).empty());
  const auto own = store.state_dir() / "secrets.key";
  CHECK(key_named("3", own.string()) == own.string());
  std::filesystem::remove(own);
  CHECK(key_named("4", "").empty());
}

TEST_CASE("a backup takes no other file's place, and leaves nothing behind where it fails") {
  TestStore store;
  fill_to_copy(store);
  TempFolder elsewhere;
  const auto file = elsewhere.path() / "backup.db";
  std::ofstream(file) << "mine";

  const auto taken = back_up({store.state_dir()}, file);
  REQUIRE_FALSE(taken);
  CHECK(taken.error().kind == ErrorKind::Reject);
  CHECK_THAT(taken.error().message, Contains("is there already: name another file"));
  CHECK(bytes_of(file) == "mine");

  CHECK_FALSE(back_up({store.state_dir()}, elsewhere.path() / "no such folder" / "backup.db"));
  store.let_folder_go();
  damage(store.file());
  CHECK_FALSE(back_up({store.state_dir()}, elsewhere.path() / "other.db"));
  CHECK(std::distance(std::filesystem::directory_iterator(elsewhere.path()), {}) == 1);
}

TEST_CASE("what a killed backup has left is replaced by the next one") {
  TestStore store;
  fill_to_copy(store);
  TempFolder elsewhere;
  std::ofstream(elsewhere.path() / "backup.db.partial") << "half of it";

  REQUIRE(back_up({store.state_dir()}, elsewhere.path() / "backup.db"));
  CHECK(std::distance(std::filesystem::directory_iterator(elsewhere.path()), {}) == 1);
}
