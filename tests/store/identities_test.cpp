#include <catch2/catch.hpp>

#include "fixture.h"
#include "tether/protocol/kinds.h"

using namespace tether;
using namespace tether::store;
using namespace tether::store::test;

namespace {

/// An artifact that is offered, with a row in every other table beside it.
void put_all(sync::Records& records, const std::string& id, const std::string& deployment) {
  sync::Artifact artifact;
  artifact.id = id;
  artifact.kind = "RestApi";
  artifact.deployment_id = artifact.fetched = deployment;
  artifact.changed = records.next_change();
  artifact.offering.offered = {deployment, 1};
  artifact.offering.revision = records.next_revision();
  records.put_body({"RestApi", id, deployment, "handle-" + id, "document " + deployment, {{"Secret", "s"}}});
  records.put(artifact);
  sync::Resource secret;
  secret.kind = protocol::kSecret;
  secret.id = "s";
  secret.body = "v";
  records.put_body({secret.kind, "s", "v", "", R"({"value":"of )" + deployment + "\"}", {}});
  records.put(secret);
  records.put_pending({"api.deployed", {"RestApi", id}, Instant{1}, Instant{1}, 0});
  records.put_hold({"deployments", Instant{1}, 1, 1});
  records.begin_listing("deployments");
  records.note_held("deployments", "", "", "");
  records.end_listing("deployments");
  records.remember("correlation", Instant{1}, Instant{});
  records.put_ack({id, "RestApi", deployment, true, true, "at", Instant{1}, 0});
}

void serve_first(sync::Records& records) {
  sync::Marks marks;
  marks.gateway_id = "first";
  records.put_marks(marks);
  records.begin_epoch("epoch-1");
  put_all(records, "a", "d1");
  marks.answered = {"instance", "epoch-1", records.revision()};
  records.put_marks(marks);
}

void stage_second(sync::Records& records) {
  CHECK(records.stage("second", Instant{5}));
  records.work_on(sync::Side::Staged);
  put_all(records, "a", "e1");
  put_all(records, "b", "e2");
  records.work_on(sync::Side::Served);
}

std::string deployment_of_a(sync::Records& records) {
  const auto artifact = records.artifact("a");
  return artifact ? artifact->deployment_id : "";
}

/// How many rows of this gateway id are in all tables together; of its epochs none.
std::int64_t rows_of(TestStore& store, std::int64_t identity) {
  const auto raw = store.raw();
  std::vector<std::string> tables;
  {
    auto rows = raw->query(
        "SELECT name FROM sqlite_schema t WHERE type = 'table' AND name <> 'epochs' AND EXISTS (SELECT 1 FROM "
        "pragma_table_info(t.name) WHERE name = 'identity')");
    while (rows.next()) tables.push_back(rows.text(0));
  }
  std::int64_t sum = 0;
  for (const auto& table : tables) {
    const auto count = raw->number("SELECT count(*) FROM " + table + " WHERE identity = ?", identity);
    CAPTURE(table);
    if (identity == 1) CHECK(count >= 0);
    sum += count;
  }
  return sum;
}

}  // namespace

TEST_CASE("a staged identity shares no row, outbox or revision with the one in service") {
  TestStore store;
  store.write(serve_first);
  const auto before = store.read<sync::Marks>([](sync::Records& records) { return records.marks(); });
  store.write(stage_second);
  store.reopen();

  store.write([&before](sync::Records& records) {
    CHECK(records.staged_gateway_id() == "second");
    CHECK(records.side() == sync::Side::Served);
    CHECK(records.marks() == before);
    CHECK(records.revision() == 2);
    CHECK(deployment_of_a(records) == "d1");
    CHECK(records.unsent_acks(9).size() == 1);
    CHECK(records.offered_count() == 1);

    records.work_on(sync::Side::Staged);
    CHECK(records.marks().gateway_id == "second");
    CHECK(records.revision() == 3);
    CHECK(deployment_of_a(records) == "e1");
    CHECK(records.unsent_acks(9).size() == 2);
    CHECK(records.offered_count() == 2);
    CHECK_FALSE(records.remember("correlation", Instant{2}, Instant{}));
  });
  CHECK(store->overview()->offered_count == 1);
  const StagedIdentity staged{"second", Instant{5}, 2, 0, 2};
  CHECK(store->overview()->staged == staged);
}

TEST_CASE("what a transaction did to both identities is undone together") {
  TestStore store;
  store.write(serve_first);
  store.read<bool>([](sync::Records&) { return true; });
  const auto done = store->read([](sync::Records& records) { stage_second(records); });  // rolled back

  CHECK(done);
  CHECK(store.read<std::string>([](sync::Records& records) { return records.staged_gateway_id(); }).empty());
  CHECK(store.read<std::int64_t>([](sync::Records& records) { return records.revision(); }) == 2);
}

TEST_CASE("a switch serves the staged identity under a new epoch, beyond every revision that was ever pushed [CE-2]") {
  TestStore store;
  store.write(serve_first);
  store.write(stage_second);
  const bool reopened = GENERATE(false, true);
  store.write([](sync::Records& records) {
    for (int i = 0; i < 10; ++i) records.next_revision();
    records.switch_to_staged("epoch-2");
    CHECK(records.revision() == 13);
  });
  if (reopened) store.reopen();

  store.write([](sync::Records& records) {
    CHECK(records.staged_gateway_id().empty());
    CHECK(records.marks().gateway_id == "second");
    CHECK(records.marks().taking_over);
    CHECK(records.marks().answered == sync::Answered{});
    CHECK(records.epoch() == "epoch-2");
    CHECK(records.last_revision_of("epoch-1") == 12);
    CHECK(records.last_revision_of("epoch-2") == 13);
    CHECK(records.revision() == 13);
    CHECK(deployment_of_a(records) == "e1");
  });
  const auto body = store->push_body({.full = true});
  REQUIRE(body);
  CHECK((*body)->epoch() == "epoch-2");
  CHECK((*body)->revision() == 13);
  CHECK((*body)->count() == 2);
  CHECK((**(*body)->next()).find("document e1") != std::string_view::npos);
  CHECK((**(*body)->next()).find("document e2") != std::string_view::npos);
}

TEST_CASE("an identity goes with all that it has, and leaves the other what it has") {
  TestStore store;
  store.write(serve_first);
  store.write(stage_second);
  const auto first = rows_of(store, 1);
  const auto second = rows_of(store, 2);
  REQUIRE(first > 10);
  REQUIRE(second > 10);

  SECTION("the staged one") {
    store.write([](sync::Records& records) { CHECK(records.stage("", Instant{})); });
    CHECK(rows_of(store, 2) == 0);
    CHECK(rows_of(store, 1) == first);
  }
  SECTION("the staged one, for a third") {
    store.write([](sync::Records& records) { CHECK(records.stage("third", Instant{})); });
    CHECK(rows_of(store, 2) == 0);
    CHECK(rows_of(store, 1) == first);
    CHECK(store.read<std::string>([](sync::Records& records) { return records.staged_gateway_id(); }) == "third");
  }
  SECTION("the one that was in service, once that is asked for") {
    store.write([](sync::Records& records) {
      records.switch_to_staged("epoch-2");
      CHECK(records.stage("third", Instant{}));
      CHECK(records.stage("", Instant{}));
    });
    CHECK(rows_of(store, 1) == first);
    store.write([](sync::Records& records) { records.drop_others(); });
    CHECK(rows_of(store, 1) == 0);
    CHECK(rows_of(store, 2) == second);
    CHECK(store.read<bool>([](sync::Records& records) { return records.last_revision_of("epoch-1").has_value(); }));
  }
}

TEST_CASE("staging the same identity again keeps what is stored of it") {
  TestStore store;
  store.write(serve_first);
  store.write(stage_second);
  const auto before = rows_of(store, 2);
  store.write([](sync::Records& records) { CHECK_FALSE(records.stage("second", Instant{9})); });

  CHECK(rows_of(store, 2) == before);
  CHECK(store->overview()->staged->since == Instant{5});
}

TEST_CASE("secret values of every stored identity are shown to whoever clears a gateway's words of them") {
  TestStore store;
  store.write(serve_first);
  store.write(stage_second);
  std::vector<std::string> seen;
  REQUIRE(store->visit_sensitive([&seen](std::string_view kind, std::string_view data) {
    if (kind == "Secret") seen.emplace_back(data);
  }));

  CHECK(seen.size() == 2);
}
