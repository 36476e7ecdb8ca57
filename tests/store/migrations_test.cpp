#include "tether/store/migrations.h"

#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "fixture.h"

/// What an earlier version has left behind is found again.
using namespace tether;
using namespace tether::store;
using namespace tether::store::test;

namespace {

const std::string kFirst = "CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT NOT NULL);";
const std::string kSecond = "ALTER TABLE things ADD COLUMN colour TEXT NOT NULL DEFAULT 'green';";
const std::string kThird = "UPDATE things SET name = upper(name); CREATE INDEX by_name ON things (name);";

std::string written_by(std::size_t version) {
  std::array<char, 16> name{};
  std::snprintf(name.data(), name.size(), "/%04zu.sql", version);
  std::ifstream file(std::string(TETHER_WRITTEN_BY_FOLDER) + name.data());
  INFO("each published schema has a file " << name.data());
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::unique_ptr<Connection> open(const TempFolder& folder) {
  auto connection = Connection::open((folder.path() / "test.db").string(), {});
  REQUIRE(connection);
  return std::move(*connection);
}

/// The same after every migration.
void check_contents(TestStore& store) {
  store.write([](sync::Records& records) {
    const auto marks = records.marks();
    CHECK(marks.gateway_id == "gateway-1");
    CHECK(marks.listed_to == Instant{1'700'000'000'123'000'000});
    CHECK(marks.links == 3);
    CHECK(marks.answered == sync::Answered{"instance-1", "epoch-2", 6});
    CHECK(marks.floor == 2);
    CHECK(records.last_change() == 9);
    CHECK(records.revision() == 7);
    CHECK(records.epoch() == "epoch-2");
    CHECK(records.last_revision_of("epoch-1") == 3);

    const auto a = records.artifact("a");
    REQUIRE(a);
    CHECK(a->kind == "RestApi");
    CHECK(a->wanted == sync::Wanted::Deployed);
    CHECK(a->deployment_id == "d1");
    CHECK(a->at_text == "2023-11-14T22:13:20.123Z");
    CHECK(a->fetched == "d1");
    CHECK(a->verdict == sync::Verdict::Success);
    CHECK(a->offering.offered == sync::Version{"d1", 1'700'000'000'123});
    CHECK(a->offering.good == a->offering.offered);
    CHECK(a->offering.revision == 5);
    CHECK_FALSE(a->offering.lost);
    const auto b = records.artifact("b");
    REQUIRE(b);
    REQUIRE(b->offering.refused);
    CHECK(b->offering.refused->version == sync::Version{"d2", 1'700'000'000'456});
    CHECK(b->offering.refused->reason == "no such backend");
    CHECK(b->may_settle);
    const auto secret = records.resource("Secret", "s");
    REQUIRE(secret);
    CHECK(secret->hash == "h1");
    CHECK(secret->fetched_hash == "h1");
    CHECK(records.body({"RestApi", "b"}, "d2")->document == "kind: RestApi\nmetadata: {name: orders}\n");
    CHECK(records.references({"RestApi", "a"}, "d1") == std::vector<sync::Reference>{{"Secret", "s"}});

    CHECK(records.is_pending("api.deployed", {"RestApi", "b"}));
    CHECK(records.event_timestamps().size() == 1);
    const auto acks = records.unsent_acks(10);
    REQUIRE(acks.size() == 1);
    CHECK(acks[0].artifact_id == "a");
    CHECK(acks[0].success);
  });
  auto body = store->push_body({.full = true});
  REQUIRE(body);
  const auto lines = lines_of(**body);
  REQUIRE(lines.size() == 3);
  CHECK_THAT(lines[0], Catch::Contains("hunter2"));
  CHECK_THAT(lines[1], Catch::Contains("Gold"));
  CHECK_THAT(lines[2], Catch::Contains("metadata: {name: petstore}"));
}

}  // namespace

TEST_CASE("what every published schema was written with is found again under the newest") {
  StoreOptions options;
  options.durable = false;
  options.key = Secret(std::string(32, 'k'));
  for (std::size_t version = 1; version <= migrations().size(); ++version) {
    CAPTURE(version);
    TestStore store(options);
    store.close();
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(store.file().string() + suffix);
    {
      auto raw = store.raw();
      REQUIRE(migrate(*raw, migrations().first(version)));
      raw->run_script(written_by(version));
      REQUIRE_FALSE(raw->error());
      CHECK(raw->number("PRAGMA user_version") == static_cast<std::int64_t>(version));
    }

    store.reopen();

    CHECK(store->opened_notes().empty());
    check_contents(store);
    CHECK(store.raw()->number("PRAGMA user_version") == static_cast<std::int64_t>(migrations().size()));
  }
}

TEST_CASE("a database takes the steps that it has not seen, in order, and keeps what is in it") {
  const TempFolder folder;
  const std::array<std::string_view, 3> steps = {kFirst, kSecond, kThird};
  auto database = open(folder);
  REQUIRE(migrate(*database, std::span(steps).first(1)));
  database->execute("INSERT INTO things (name) VALUES ('one')");

  REQUIRE(migrate(*database, steps));
  REQUIRE(migrate(*database, steps));  // and none of them twice

  CHECK(database->number("PRAGMA user_version") == 3);
  auto row = database->query("SELECT name, colour FROM things");
  REQUIRE(row.next());
  CHECK(row.text(0) == "ONE");
  CHECK(row.text(1) == "green");
}

TEST_CASE("a step that fails takes back those before it, and the database is as it was") {
  const TempFolder folder;
  const std::array<std::string_view, 3> steps = {kFirst, kSecond, "UPDATE nothing SET name = ''"};
  auto database = open(folder);
  REQUIRE(migrate(*database, std::span(steps).first(1)));
  database->execute("INSERT INTO things (name) VALUES ('one')");

  const auto migrated = migrate(*database, steps);

  REQUIRE_FALSE(migrated);
  database->clear_error();
  CHECK(database->number("PRAGMA user_version") == 1);
  CHECK(database->number("SELECT count(*) FROM pragma_table_info('things')") == 2);
  CHECK(database->number("SELECT count(*) FROM things WHERE name = 'one'") == 1);
}

TEST_CASE("a database of a newer schema is left as it is") {
  const TempFolder folder;
  const std::array<std::string_view, 2> steps = {kFirst, kSecond};
  auto database = open(folder);
  REQUIRE(migrate(*database, steps));

  const auto migrated = migrate(*database, std::span(steps).first(1));

  REQUIRE_FALSE(migrated);
  CHECK(migrated.error().kind == ErrorKind::Reject);
  CHECK(database->number("PRAGMA user_version") == 2);
}
