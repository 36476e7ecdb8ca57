#include <catch2/catch.hpp>

#include "fixture.h"

using namespace tether;
using namespace tether::store;
using namespace tether::store::test;

TEST_CASE("marks survive a restart, and the control plane's first word names the identity") {
  TestStore store;
  CHECK(store.read<sync::Marks>([](sync::Records& records) { return records.marks(); }) == sync::Marks{});
  sync::Marks marks;
  marks.gateway_id = "gateway-1";
  marks.listed_to = Instant{1'700'000'000'123'456'789};
  marks.horizon = from_ms(1'700'000'001'000);
  marks.links = 7;
  marks.answered = {"instance", "epoch", 42};
  marks.floor = 3;

  store.write([&marks](sync::Records& records) { records.put_marks(marks); });
  store.reopen();

  CHECK(store.read<sync::Marks>([](sync::Records& records) { return records.marks(); }) == marks);
}

TEST_CASE("counters go on where they were") {
  TestStore store;
  store.write([](sync::Records& records) {
    CHECK(records.next_revision() == 2);
    CHECK(records.revision() == 2);
    CHECK(records.next_change() == 1);
  });

  store.reopen();

  store.write([](sync::Records& records) {
    CHECK(records.revision() == 2);
    CHECK(records.next_revision() == 3);
    CHECK(records.last_change() == 1);
  });
}

TEST_CASE("an epoch remembers revisions up to where the next one begins") {
  TestStore store;
  store.write([](sync::Records& records) {
    CHECK(records.epoch().empty());
    records.begin_epoch("first");
    records.next_revision();
    records.next_revision();
  });
  store.reopen();
  store.write([](sync::Records& records) { records.begin_epoch("second"); });
  store.write([](sync::Records& records) {
    records.next_revision();

    CHECK(records.epoch() == "second");
    CHECK(records.last_revision_of("first") == 3);
    CHECK(records.last_revision_of("second") == 4);
    CHECK_FALSE(records.last_revision_of("somebody else's"));
    CHECK_FALSE(records.last_revision_of(""));
  });
}

TEST_CASE("the oldest epoch is forgotten past the limit") {
  TestStore store;
  store.write([](sync::Records& records) {
    for (int i = 1; i <= kMaxEpochs; ++i) records.begin_epoch(std::to_string(i));
    CHECK(records.last_revision_of("1"));

    records.begin_epoch("one more");

    CHECK_FALSE(records.last_revision_of("1"));
    CHECK(records.last_revision_of("2"));
  });
}
