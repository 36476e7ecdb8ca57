#include "memory_disk.h"

#include <catch2/catch.hpp>

#include "daemon.h"
#include "random.h"
#include "tether/store/connection.h"

namespace tether::sim {
namespace {

constexpr const char* kFile = "/memory/a.db";

std::unique_ptr<store::Connection> open(MemoryDisk& disk) {
  store::ConnectionOptions options;
  options.vfs = disk.vfs();
  auto connection = store::Connection::open(kFile, options);
  if (!connection) FAIL(connection.error().message);
  return std::move(*connection);
}

/// Counts up, a transaction each; how many were committed before one failed.
int count_up(store::Connection& connection, int from, int to) {
  for (int number = from; number <= to; ++number) {
    store::OpenTransaction transaction(connection, "BEGIN IMMEDIATE");
    connection.execute("UPDATE a SET number = ?, filler = randomblob(3000)", number);
    if (!transaction.commit("count")) return number - 1;
  }
  return to;
}

int number_in(MemoryDisk& disk) {
  const auto connection = open(disk);
  CHECK(connection->query("PRAGMA integrity_check").next());
  auto row = connection->query("SELECT number FROM a");
  return row.next() ? static_cast<int>(row.integer(0)) : -1;
}

sync::Now at(Duration since) {
  return {TimePoint(1h) + since, from_ms(1'787'396'400'000)};
}

}  // namespace

TEST_CASE("wherever the power is cut, what was committed is there and nothing else [sim]") {
  for (int operations = 0; operations < 120; ++operations) {
    CAPTURE(operations);
    MemoryDisk disk;
    Random random(static_cast<std::uint64_t>(operations));
    auto connection = open(disk);
    connection->run_script(
        "PRAGMA wal_autocheckpoint = 8; CREATE TABLE a(number, filler); INSERT INTO a VALUES (0, '')");
    disk.die_after(operations);
    const int committed = count_up(*connection, 1, 40);
    disk.cut_power([&random] { return random.chance(50); });
    connection.reset();
    const int found = number_in(disk);
    // A commit whose sync failed may have reached the disk all the same.
    CHECK((found == committed || found == committed + 1));
  }
}

TEST_CASE("what was written and not synced is lost with the power, and not with the process [sim]") {
  MemoryDisk disk;
  auto connection = open(disk);
  connection->run_script("CREATE TABLE a(number, filler); INSERT INTO a VALUES (0, ''); PRAGMA synchronous = NORMAL");
  REQUIRE(count_up(*connection, 1, 5) == 5);

  SECTION("the process is killed") {
    disk.kill();
    connection.reset();
    CHECK(number_in(disk) == 5);
  }
  SECTION("the power is cut") {
    disk.cut_power([] { return false; });
    connection.reset();
    CHECK(number_in(disk) == 0);
  }
}

TEST_CASE("a process that is gone changes nothing any more [sim]") {
  MemoryDisk disk;
  auto before = open(disk);
  before->run_script("CREATE TABLE a(number, filler); INSERT INTO a VALUES (0, '')");
  disk.kill();
  CHECK(count_up(*before, 1, 1) == 0);
  before.reset();  // would write its log back and delete it
  CHECK(number_in(disk) == 0);
}

TEST_CASE("while the disk is full, read-only or broken nothing is committed, and after that all is as before [sim]") {
  MemoryDisk disk;
  auto connection = open(disk);
  connection->run_script("CREATE TABLE a(number, filler); INSERT INTO a VALUES (0, '')");
  REQUIRE(count_up(*connection, 1, 3) == 3);
  SECTION("full") {
    disk.faults.full = true;
  }
  SECTION("read-only") {
    disk.faults.read_only = true;
  }
  SECTION("writes fail") {
    disk.faults.writes = true;
  }
  SECTION("syncs fail") {
    disk.faults.syncs = true;
  }
  CHECK(count_up(*connection, 4, 4) == 3);
  connection->clear_error();
  CHECK(connection->number("SELECT number FROM a") == 3);
  disk.faults = {};
  CHECK(count_up(*connection, 4, 6) == 6);
  disk.cut_power([] { return false; });
  connection.reset();
  CHECK(number_in(disk) == 6);
}

TEST_CASE("the rows of a daemon's database are counted by another reader, whatever its tables are [sim]") {
  Daemon daemon(1);
  daemon.restart(at(0s));
  const auto before = daemon.count_rows();
  REQUIRE(before);
  const auto input = [](sync::Engine&, sync::Records& records, sync::Now) {
    records.put_body({"RestApi", "a", "d1", "", "text", {}});
    records.put_body({"RestApi", "a", "d2", "", "text", {}});
    records.remember("c-1", {}, {});
  };
  daemon.give(input, at(1s));
  const auto after = daemon.count_rows();
  REQUIRE(after);
  CHECK(after->others == before->others + 2);
  CHECK(after->events == before->events + 1);
}

TEST_CASE("a daemon whose disk fails keeps its inputs and goes on when it can [sim]") {
  Daemon daemon(1);
  daemon.restart(at(0s));
  int ran = 0;
  const auto input = [&ran](sync::Engine&, sync::Records& records, sync::Now) {
    ++ran;
    records.next_revision();
  };

  const auto before = daemon.overview()->revision;
  SECTION("full") {
    daemon.disk().faults.full = true;
  }
  SECTION("read-only") {
    daemon.disk().faults.read_only = true;
  }
  SECTION("broken") {
    daemon.disk().faults.syncs = true;
  }
  // The log that was reset at the start may have room for one of them, but not for ten.
  for (int i = 0; i < 10; ++i) daemon.give(input, at(1s));
  CHECK_FALSE(daemon.is_storing());
  CHECK(daemon.overview()->revision < before + 10);

  daemon.disk().faults = {};
  daemon.on_deadline(at(1s));
  CHECK_FALSE(daemon.is_storing());  // it waits a second
  daemon.on_deadline(at(2s));
  CHECK(daemon.is_storing());
  CHECK(daemon.overview()->revision == before + 10);
  CHECK(ran > 10);
}

TEST_CASE("what is stored after a sync failed and its process was killed outlives a power cut [sim] [R28]") {
  Daemon daemon(1);
  daemon.restart(at(0s));
  const auto input = [](sync::Engine&, sync::Records& records, sync::Now) { records.next_revision(); };
  for (int i = 0; i < 5; ++i) daemon.give(input, at(1s));
  daemon.disk().faults.syncs = true;
  daemon.give(input, at(1s));
  REQUIRE_FALSE(daemon.is_storing());

  // The next process reads from the kernel's memory what is not on the disk, and goes on behind it.
  daemon.kill();
  daemon.disk().faults = {};
  daemon.restart(at(2s));
  for (int i = 0; i < 5; ++i) daemon.give(input, at(2s));
  REQUIRE(daemon.is_storing());
  const auto stored = daemon.overview()->revision;

  daemon.cut_power([] { return false; });
  daemon.restart(at(3s));
  CHECK(daemon.overview()->revision >= stored);
}

TEST_CASE("a damaged store is set aside at the next start, and an empty one begun [sim]") {
  Daemon daemon(1);
  daemon.restart(at(0s));
  const auto input = [](sync::Engine&, sync::Records& records, sync::Now) { records.next_revision(); };
  for (int i = 0; i < 10; ++i) daemon.give(input, at(1s));
  REQUIRE(daemon.overview()->revision > 10);

  daemon.kill();
  daemon.restart(at(2s));
  CHECK(daemon.overview()->revision > 10);

  daemon.kill();
  daemon.spoil_store();
  daemon.restart(at(3s));
  CHECK(daemon.overview()->revision < 10);
}

TEST_CASE("a file on the disk in memory is told from another that took its place [sim]") {
  MemoryDisk disk;
  CHECK(disk.identity(kFile) == 0);
  REQUIRE_FALSE(disk.make(kFile));
  const auto first = disk.identity(kFile);
  REQUIRE_FALSE(disk.make(kFile));
  CHECK(disk.identity(kFile) == first);

  REQUIRE_FALSE(disk.rename(kFile, "/memory/b.db"));
  CHECK(disk.identity("/memory/b.db") == first);
  REQUIRE_FALSE(disk.make(kFile));

  CHECK(first != 0);
  CHECK(disk.identity(kFile) != 0);
  CHECK(disk.identity(kFile) != first);
}

}  // namespace tether::sim
