#include <catch2/catch.hpp>

#include "fixture.h"

using namespace tether;
using namespace tether::store;
using namespace tether::store::test;

namespace {

using Ids = std::vector<std::string>;

sync::OutboxRow ack(const std::string& artifact_id, bool deploy = true) {
  return {artifact_id,
          "RestApi",
          "d-" + artifact_id,
          deploy,
          true,
          "2026-08-22T11:02:03.4170000Z",
          Instant{1'700'000'000'123'456'789},
          0};
}

Ids unsent(sync::Records& records, std::size_t limit = 100) {
  Ids ids;
  for (const auto& row : records.unsent_acks(limit)) ids.push_back(row.artifact_id);
  return ids;
}

}  // namespace

TEST_CASE("acks survive a restart as they were put, the oldest first") {
  TestStore store;
  const std::vector<sync::OutboxRow> acks = {ack("z"), ack("a", /*deploy=*/false)};
  store.write([&acks](sync::Records& records) {
    for (const auto& row : acks) records.put_ack(row);
  });

  store.reopen();

  store.write([&acks](sync::Records& records) {
    CHECK(records.unsent_acks(10) == acks);
    CHECK(unsent(records, 1) == Ids{"z"});
  });
}

TEST_CASE("a newer ack of an artifact takes the older one's place and is the youngest") {
  TestStore store;
  store.write([](sync::Records& records) {
    records.put_ack(ack("a"));
    records.put_ack(ack("b"));
    records.mark_sent("a", 3);

    records.put_ack(ack("a", /*deploy=*/false));

    CHECK(unsent(records) == Ids{"b", "a"});
    CHECK_FALSE(records.unsent_acks(10)[1].deploy);
  });
}

TEST_CASE("an ack goes when the ping behind it was answered") {
  TestStore store;
  store.write([](sync::Records& records) {
    for (const char* id : {"a", "b", "c", "d"}) records.put_ack(ack(id));
    records.mark_sent("a", 1);
    records.mark_sent("b", 2);
    records.mark_sent("c", 3);
    CHECK(unsent(records) == Ids{"d"});

    records.drop_acks_sent_up_to(2);
    records.reset_sent();

    CHECK(unsent(records) == Ids{"c", "d"});
  });
}

TEST_CASE("an ack can be taken back") {
  TestStore store;
  store.write([](sync::Records& records) {
    records.put_ack(ack("a"));
    records.put_ack(ack("b"));

    records.drop_ack("a");

    CHECK(unsent(records) == Ids{"b"});
  });
}
