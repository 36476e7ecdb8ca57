#include <sys/resource.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>

#include "fixture.h"
#include "tether/store/catalogue.h"
#include "tether/store/upkeep.h"

using namespace tether;
using namespace tether::store;
using namespace tether::store::test;

namespace fs = std::filesystem;

namespace {

/// No file grows for as long as this is there, as on a full disk.
class FullDisk {
 public:
  FullDisk() : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
    const struct rlimit none { 0, before_.rlim_max };
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &none) == 0);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  void (*handler_)(int);
  struct rlimit before_ {};
};

void set_schema_version(const TestStore& store, int version) {
  store.raw()->run_script("PRAGMA user_version = " + std::to_string(version));
}

std::size_t lines_in(Store& store) {
  auto body = store.push_body({.full = true});
  return body ? lines_of(**body).size() : 0;
}

std::int64_t revision_in(Store& store) {
  std::int64_t revision = 0;
  const auto read = store.read([&revision](sync::Records& records) { revision = records.revision(); });
  return read ? revision : 0;
}

Result<Done> put_one(Store& store, const std::string& id) {
  return store.transact([&id](sync::Records& records) { offer(records, artifact(id), "handle-" + id); });
}

/// Everything there is, each by its own way of reading.
void check_serves(Store& store, std::size_t count) {
  CHECK(revision_in(store) == static_cast<std::int64_t>(count) + 1);
  CHECK(lines_in(store) == count);
  const auto overview = store.overview();
  REQUIRE(overview);
  CHECK(overview->offered_count == static_cast<std::int64_t>(count));
  CHECK(store.visit_sensitive([](std::string_view, std::string_view) {}));
}

void check_serves_nothing(Store& store) {
  CHECK_FALSE(store.push_body({.full = true}));
  CHECK_FALSE(store.overview());
  CHECK_FALSE(store.read([](sync::Records&) { FAIL("there is nothing to read"); }));
}

}  // namespace

TEST_CASE("nothing that is written while reading is kept") {
  TestStore store;
  CHECK(put_one(*store, "a"));

  CHECK(store->read([](sync::Records& records) { offer(records, artifact("b"), "other"); }));

  CHECK(revision_in(*store) == 2);
  CHECK_FALSE(store.read<bool>([](sync::Records& records) { return records.artifact("b").has_value(); }));
}

TEST_CASE("a store of a newer version is read, left as it is, and written once it is one of ours") {
  TestStore store;
  CHECK(put_one(*store, "a"));
  store.close();
  set_schema_version(store, 999);

  store.reopen();

  check_serves(*store, 1);
  const auto refused = put_one(*store, "b");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::Reject);
  CHECK_THAT(refused.error().message, Catch::Contains("newer version"));
  CHECK(store->opened_notes().empty());
  CHECK_FALSE(fs::exists(store.file().string() + ".damaged-1"));
  check_serves(*store, 1);

  set_schema_version(store, 1);
  CHECK(put_one(*store, "b"));
  CHECK(lines_in(*store) == 2);
}

TEST_CASE("a store of a newer version without the tables that are read is left as it is and not read") {
  TestStore store;
  store.close();
  { store.raw()->run_script("ALTER TABLE offers RENAME TO proposals"); }
  set_schema_version(store, 999);

  store.reopen();

  check_serves_nothing(*store);
  const auto refused = put_one(*store, "a");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::Reject);
  CHECK_THAT(refused.error().message, Catch::Contains("cannot be read either"));
  CHECK(fs::exists(store.file()));
  CHECK_FALSE(fs::exists(store.file().string() + ".damaged-1"));
}

TEST_CASE("on a full disk a store that was closed is read, and written once there is room") {
  TestStore store;
  CHECK(put_one(*store, "a"));
  store.close();
  REQUIRE_FALSE(fs::exists(store.file().string() + "-wal"));
  {
    const FullDisk full;

    store.reopen();

    check_serves(*store, 1);
    const auto done = put_one(*store, "b");
    REQUIRE_FALSE(done);
    CHECK(done.error().kind == ErrorKind::Retry);
    check_serves(*store, 1);
  }

  CHECK(put_one(*store, "b"));
  CHECK(lines_in(*store) == 2);
  CHECK(store->opened_notes().empty());
}

TEST_CASE("on a full disk a store that was closed is checked and listed as well [R10]") {
  TestStore store;
  CHECK(put_one(*store, "a"));
  store.close();
  const FullDisk full;

  const auto checked = check_database({store.state_dir()});
  REQUIRE(checked);
  CHECK(checked->damage.empty());
  CHECK(checked->resources == 1);
  CHECK(checked->unreadable == 0);
  const auto listed = Catalogue(store.state_dir()).page({});
  REQUIRE(listed);
  CHECK(listed->entries.size() == 1);
}

TEST_CASE("a log that nothing can be written beside is not left out of what is checked and listed") {
  TestStore crashed;
  CHECK(put_one(*crashed, "a"));
  TempFolder folder;
  for (const char* name : {"tetherd.db", "tetherd.db-wal", "secrets.key"}) {
    fs::copy_file(crashed.state_dir() / name, folder.path() / name);
  }
  const FullDisk full;

  const auto checked = check_database({folder.path()});
  REQUIRE_FALSE(checked);
  CHECK_THAT(checked.error().message, Catch::Contains("copy both to such a folder"));
  CHECK_FALSE(Catalogue(folder.path()).page({}));
}

TEST_CASE("on a full disk what only the log of a crashed daemon holds is read too") {
  TestStore crashed;
  CHECK(put_one(*crashed, "a"));
  CHECK(put_one(*crashed, "b"));
  TestStore store;
  store.close();
  for (const char* suffix : {"", "-wal"}) {
    fs::copy_file(crashed.file().string() + suffix, store.file().string() + suffix,
                  fs::copy_options::overwrite_existing);
  }
  fs::copy_file(crashed.state_dir() / "secrets.key", store.state_dir() / "secrets.key",
                fs::copy_options::overwrite_existing);
  REQUIRE(fs::file_size(store.file().string() + "-wal") > 0);
  {
    const FullDisk full;

    store.reopen();

    check_serves(*store, 2);
    CHECK_FALSE(put_one(*store, "c"));
    check_serves(*store, 2);
  }

  CHECK(put_one(*store, "c"));
  CHECK(lines_in(*store) == 3);
}

TEST_CASE("a store that could not be opened is not opened to write while a push is read from it") {
  TestStore store;
  CHECK(put_one(*store, "a"));
  store.close();
  std::optional<FullDisk> full(std::in_place);
  store.reopen();
  auto body = store->push_body({.full = true});
  REQUIRE(body);
  full.reset();

  CHECK_FALSE(put_one(*store, "b"));
  CHECK(lines_of(**body).size() == 1);
  body->reset();

  CHECK(put_one(*store, "b"));
}

TEST_CASE("a full disk on which there never was a store has nothing to serve, and gets one") {
  TempFolder temporary;
  std::optional<FullDisk> full(std::in_place);
  auto folder = StateFolder::take(temporary.path());
  REQUIRE(folder);

  auto store = Store::open(**folder, {});

  check_serves_nothing(*store);
  CHECK_FALSE(put_one(*store, "a"));
  full.reset();
  CHECK(put_one(*store, "a"));
  CHECK(lines_in(*store) == 1);
  CHECK(store->opened_notes().empty());
}

TEST_CASE("a damaged store is not read, and set aside once that is possible") {
  TestStore store;
  CHECK(put_one(*store, "a"));
  store.close();
  {
    std::fstream out(store.file(), std::ios::in | std::ios::out | std::ios::binary);
    out << std::string(100, 'x');
  }
  {
    const FullDisk full;
    store.reopen();
    check_serves_nothing(*store);
    CHECK_FALSE(put_one(*store, "b"));
  }

  CHECK(put_one(*store, "b"));

  CHECK(lines_in(*store) == 1);
  REQUIRE(store->opened_notes().size() == 1);
  CHECK_THAT(store->opened_notes()[0].text, Catch::Contains(".damaged-1"));
}

TEST_CASE("a store that is found to be damaged is set aside when it is opened next, however large it is") {
  TestStore store;
  const std::string document(1024 * 1024, 'd');
  for (int i = 0; i < 66; ++i) {
    store.write([&](sync::Records& records) { offer(records, artifact(std::to_string(i)), "h", document); });
  }
  store.close();
  REQUIRE(fs::file_size(store.file()) > static_cast<std::uintmax_t>(kMaxCheckedAtOpenBytes));
  {
    // What is not read when a store is opened: the tree of documents, which is rooted in one of the first pages.
    std::fstream out(store.file(), std::ios::in | std::ios::out | std::ios::binary);
    const auto root = store.raw()->number("SELECT rootpage FROM sqlite_schema WHERE name = 'bodies'");
    const auto page = store.raw()->number("PRAGMA page_size");
    out.seekp((root - 1) * page);
    out << std::string(100, 'x');
  }
  store.reopen();
  CHECK(store->opened_notes().empty());
  const auto found = put_one(*store, "a");
  REQUIRE_FALSE(found);
  CHECK(found.error().kind == ErrorKind::Corrupt);

  store->distrust();

  CHECK(put_one(*store, "a"));
  CHECK(lines_in(*store) == 1);
  CHECK(store->opened_notes().size() == 1);
}

TEST_CASE("a store that is distrusted and not damaged is kept") {
  TestStore store;
  CHECK(put_one(*store, "a"));

  store->distrust();

  CHECK(lines_in(*store) == 1);
  CHECK(put_one(*store, "b"));
  CHECK(lines_in(*store) == 2);
  CHECK(store->opened_notes().empty());
}

TEST_CASE("a database file that cannot be opened is tried again with each transaction") {
  TempFolder temporary;
  auto folder = StateFolder::take(temporary.path());
  REQUIRE(folder);
  fs::create_directory(temporary.path() / "tetherd.db");

  auto store = Store::open(**folder, {});

  check_serves_nothing(*store);
  const auto done = put_one(*store, "a");
  REQUIRE_FALSE(done);
  CHECK(done.error().kind == ErrorKind::Retry);
  fs::remove(temporary.path() / "tetherd.db");
  CHECK(put_one(*store, "a"));
}
