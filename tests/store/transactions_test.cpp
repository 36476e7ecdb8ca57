#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "fixture.h"

using namespace tether;
using namespace tether::store;
using namespace tether::store::test;

namespace {

/// Room for a few hundred documents.
const StoreOptions kSmall{.durable = false, .max_bytes = 600 * 1024};
const std::string kLarge(1000, 'd');

/// Writes until the store is full and well past it.
void fill_each(sync::Records& records) {
  for (int i = 0; i < 1000; ++i) offer(records, artifact("large" + std::to_string(i)), "handle", kLarge);
}

}  // namespace

TEST_CASE("a full store takes nothing of a transaction and answers what came first") {
  TestStore store(kSmall);
  store.write([](sync::Records& records) { offer(records, artifact("a"), "petstore"); });

  bool ran_to_its_end = false;
  const auto done = store->transact([&ran_to_its_end](sync::Records& records) {
    withdraw(records, "a");
    fill_each(records);
    ran_to_its_end = true;
  });

  REQUIRE_FALSE(done);
  CHECK(ran_to_its_end);
  CHECK(done.error().kind == ErrorKind::Retry);
  CHECK_THAT(done.error().message, Catch::Contains("full"));
  store.write([](sync::Records& records) {
    CHECK(records.revision() == 2);
    CHECK(records.artifact("a")->offering.offered.is_set());
    CHECK_FALSE(records.artifact("large0"));
  });
}

TEST_CASE("after the first error calls do nothing and answer nothing") {
  TestStore store(kSmall);
  store.write([](sync::Records& records) { offer(records, artifact("a"), "petstore"); });

  const auto done = store->transact([](sync::Records& records) {
    fill_each(records);

    CHECK_FALSE(records.artifact("a"));
    CHECK_FALSE(records.body({"RestApi", "a"}, "deployment-of-a"));
    CHECK_FALSE(records.is_offered({"RestApi", "petstore"}));
    CHECK(records.without_document(10).empty());
    CHECK_FALSE(records.remember("c", from_ms(1), from_ms(0)));
    CHECK(records.marks() == sync::Marks{});
    records.visit_refused([](const sync::Key&) { FAIL("nothing is visited"); });
  });

  CHECK_FALSE(done);
}

TEST_CASE("a store that was full goes on when there is room") {
  TestStore store(kSmall);
  CHECK_FALSE(store->transact(fill_each));

  store.write([](sync::Records& records) { offer(records, artifact("b"), "small"); });

  CHECK(store.read<bool>([](sync::Records& records) { return records.is_offered({"RestApi", "small"}); }));
  CHECK(store->overview()->offered_count == 1);
}

TEST_CASE("what listings saw in a transaction that failed was not seen") {
  TestStore store(kSmall);
  store.write([](sync::Records& records) { records.begin_listing("deployments"); });

  CHECK_FALSE(store->transact([](sync::Records& records) {
    records.mark_seen("deployments", "a");
    fill_each(records);
  }));

  CHECK_FALSE(store.read<bool>([](sync::Records& records) { return records.was_seen("deployments", "a"); }));
}

TEST_CASE("a transaction that changes nothing leaves the counters alone") {
  TestStore store;
  store.write([](sync::Records& records) {
    records.next_change();
    records.next_change();
  });

  store.write([](sync::Records&) {});

  store.write([](sync::Records& records) {
    CHECK(records.last_change() == 2);
    CHECK(records.next_change() == 3);
  });
}

TEST_CASE("a store whose tables are lost while it runs says that it is corrupt") {
  TestStore store;
  store.raw()->run_script("DROP TABLE outbox");

  const auto done = store->transact([](sync::Records& records) { records.unsent_acks(1); });

  REQUIRE_FALSE(done);
  CHECK(done.error().kind == ErrorKind::Corrupt);
}

TEST_CASE("a store that is held by another process is to be tried again") {
  TestStore store;
  auto other = store.raw();
  other->execute("BEGIN IMMEDIATE");

  bool ran = false;
  const auto done = store->transact([&ran](sync::Records&) { ran = true; });

  REQUIRE_FALSE(done);
  CHECK(done.error().kind == ErrorKind::Retry);
  CHECK_FALSE(ran);
}

TEST_CASE("a process that dies within a transaction leaves what was committed before") {
  TempFolder temporary;
  const auto child = ::fork();
  if (child == 0) {
    auto folder = StateFolder::take(temporary.path());
    if (!folder) ::_exit(1);
    auto store = Store::open(**folder, {});
    const auto done = store->transact([](sync::Records& records) { offer(records, artifact("a"), "first"); });
    if (!done) ::_exit(1);
    const auto never = store->transact([](sync::Records& records) {
      offer(records, artifact("b"), "second");
      ::_exit(9);
    });
    ::_exit(never ? 1 : 2);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WEXITSTATUS(status) == 9);

  auto folder = StateFolder::take(temporary.path());
  REQUIRE(folder);
  auto store = Store::open(**folder, {});

  CHECK(store->opened_notes().empty());
  CHECK(store->transact([](sync::Records& records) {
    CHECK(records.artifact("a"));
    CHECK_FALSE(records.artifact("b"));
    CHECK(records.revision() == 2);
  }));
}

// A third of all time once went there.
TEST_CASE("a statement is not prepared anew for each value that is bound") {
  TestStore store;
  const auto connection = store.raw();
  connection->run_script("CREATE TABLE t (a TEXT, b INTEGER); CREATE INDEX t_x ON t (b) WHERE a = 'x';");

  for (const char* value : {"y", "z", "x"}) {
    CHECK(connection->number("SELECT count(*) FROM t WHERE b = 1 AND a = ?", value) == 0);
  }

  CHECK(connection->prepared_anew() == 0);
}

TEST_CASE("ten thousand deployments go through one transaction") {
  TestStore store;

  store.write([](sync::Records& records) {
    for (int i = 0; i < 10'000; ++i) offer(records, artifact("a" + std::to_string(i)), "h" + std::to_string(i), kLarge);
  });

  auto body = store->push_body({.full = true});
  REQUIRE(body);
  CHECK((*body)->count() == 10'000);
  CHECK(lines_of(**body).size() == 10'000);
}

TEST_CASE("what a large transaction needed is given back when that is asked for [R26]") {
  TestStore store;
  store.write([](sync::Records& records) { offer(records, artifact("a"), "petstore"); });
  const auto before = sqlite3_memory_used();
  store.write(fill_each);
  REQUIRE(sqlite3_memory_used() > before + kWriterCacheKiB * 256);

  store->release_memory();

  CHECK(sqlite3_memory_used() < before + kWriterCacheKiB * 64);
  store.write([](sync::Records& records) { CHECK(records.artifact("large999")); });
}
