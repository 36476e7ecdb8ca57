#include <catch2/catch.hpp>
#include <set>

#include "fixture.h"
#include "tether/store/transaction.h"

using namespace tether;
using namespace tether::store;
using namespace tether::store::test;

namespace {

using Keys = std::vector<sync::Key>;

/// Enough for several pages of keys, the last of them not full.
constexpr int kMany = 3 * static_cast<int>(kVisitPage) + 17;

sync::Refusal refusal() {
  return {{"d", 1}, "no", from_ms(1)};
}

void put_refused(sync::Records& records, int count) {
  for (int i = 0; i < count; ++i) {
    auto row = artifact("a" + std::to_string(i));
    row.offering.refused = refusal();
    row.may_settle = true;
    row.changed = i;
    records.put(row);
  }
}

}  // namespace

TEST_CASE("a visit shows each row once, however many there are") {
  const int count = GENERATE(0, 1, static_cast<int>(kVisitPage), static_cast<int>(kVisitPage) + 1, kMany);
  CAPTURE(count);
  TestStore store;
  store.write([count](sync::Records& records) {
    put_refused(records, count);

    const auto keys = visited([&records](const auto& visit) { records.visit_refused(visit); });

    std::set<std::string> ids;
    for (const auto& key : keys) ids.insert(key.id);
    CHECK(keys.size() == static_cast<std::size_t>(count));
    CHECK(ids.size() == keys.size());
  });
}

TEST_CASE("a visitor that writes what is visited neither misses a row nor sees one twice") {
  TestStore store;
  store.write([](sync::Records& records) {
    put_refused(records, kMany);

    int visits = 0;
    records.visit_refused([&records, &visits](const sync::Key& key) {
      ++visits;
      auto row = *records.artifact(key.id);
      row.offering.refused.reset();
      row.changed = records.next_change();
      records.put(row);
      auto another = artifact("new" + key.id);
      another.offering.refused = refusal();
      records.put(another);
    });

    CHECK(visits == kMany);
    CHECK(visited([&records](const auto& visit) { records.visit_refused(visit); }).size() == kMany);
  });
}

TEST_CASE("visits may be inside each other") {
  TestStore store;
  store.write([](sync::Records& records) {
    put_refused(records, kMany);
    int outer = 0;
    std::size_t inner = 0;

    records.visit_refused([&](const sync::Key&) {
      if (++outer % 100 != 0) return;
      inner += visited([&records](const auto& visit) { records.visit_refused(visit); }).size();
    });

    CHECK(outer == kMany);
    CHECK(inner == static_cast<std::size_t>(kMany / 100) * kMany);
  });
}

TEST_CASE("a row that the visitor erased is not shown later") {
  TestStore store;
  store.write([](sync::Records& records) {
    put_refused(records, 3);
    int visits = 0;

    records.visit_may_settle(/*up_to_revision=*/1, [&records, &visits](const sync::Artifact& row) {
      ++visits;
      for (const char* id : {"a0", "a1", "a2"}) {
        if (row.id != id) records.erase({"RestApi", id});
      }
    });

    CHECK(visits == 1);
  });
}

TEST_CASE("what may settle is what the answered revision covers, the oldest first") {
  TestStore store;
  store.write([](sync::Records& records) {
    const auto put = [&records](const std::string& id, std::int64_t revision, std::int64_t changed, bool may_settle) {
      auto row = artifact(id);
      row.may_settle = may_settle;
      row.changed = changed;
      row.offering.revision = revision;
      records.put(row);
    };
    put("never offered", 0, 3, true);
    put("covered", 5, 1, true);
    put("beyond", 6, 2, true);
    put("settled", 4, 4, false);

    std::vector<std::string> ids;
    records.visit_may_settle(/*up_to_revision=*/5, [&ids](const sync::Artifact& row) { ids.push_back(row.id); });

    CHECK(ids == std::vector<std::string>{"covered", "never offered"});
  });
}

TEST_CASE("what a push touched is the range of its revisions, removals too, and what it carried before a change") {
  TestStore store;
  store.write([](sync::Records& records) {
    offer(records, artifact("r2"), "h");                 // revision 2
    offer(records, artifact("r3"), "h");                 // revision 3
    offer(records, resource("SubscriptionPlan", "r4"));  // revision 4
    withdraw(records, "r2");                             // revision 5
    offer(records, artifact("r6"), "h");                 // revision 6
    auto changed_since = artifact("sent");
    changed_since.offering.revision = 99;
    changed_since.offering.sent = {"d", 1};
    changed_since.offering.sent_push = 7;
    records.put(changed_since);
    records.put(artifact("never offered"));

    const auto pushed = [&records](std::int64_t after, std::int64_t up_to, std::int64_t push) {
      return visited([&](const auto& visit) { records.visit_pushed(after, up_to, push, visit); });
    };
    CHECK(pushed(3, 5, 7) == Keys{{"RestApi", "r2"}, {"RestApi", "sent"}, {"SubscriptionPlan", "r4"}});
    CHECK(pushed(3, 5, 8) == Keys{{"RestApi", "r2"}, {"SubscriptionPlan", "r4"}});
    CHECK(pushed(0, 2, 0).empty());
    CHECK(pushed(98, 99, 7) == Keys{{"RestApi", "sent"}});
  });
}

TEST_CASE("the refused are artifacts and resources that carry a refusal") {
  TestStore store;
  store.write([](sync::Records& records) {
    auto api = artifact("a");
    api.offering.refused = sync::Refusal{{"d", 1}, "no", from_ms(1)};
    auto plan = resource("SubscriptionPlan", "p");
    plan.offering.refused = sync::Refusal{{"#1", 0}, "", from_ms(1)};
    records.put(api);
    records.put(plan);
    records.put(artifact("fine"));
    const auto refused = [&records] {
      return visited([&records](const auto& visit) { records.visit_refused(visit); });
    };

    CHECK(refused() == Keys{{"RestApi", "a"}, {"SubscriptionPlan", "p"}});

    api.offering.refused.reset();
    records.put(api);
    CHECK(refused() == Keys{{"SubscriptionPlan", "p"}});
  });
}

TEST_CASE("a tombstone is due when its revision was answered and its time has passed") {
  TestStore store;
  store.write([](sync::Records& records) {
    const auto put = [&records](const std::string& id, std::int64_t revision, std::int64_t gone_ms, bool offered) {
      auto row = artifact(id);
      row.wanted = sync::Wanted::Gone;
      row.gone_since = from_ms(gone_ms);
      row.offering.revision = revision;
      if (offered) row.offering.offered = {"d", 1};
      records.put(row);
    };
    put("due", 5, 999, false);
    put("not answered", 6, 999, false);
    put("too young", 5, 1000, false);
    put("still offered", 5, 999, true);
    records.put(artifact("deployed"));
    auto key = resource("ApiKey", "due too");
    key.gone = true;
    key.gone_since = from_ms(1);
    key.offering.revision = 4;
    records.put(key);

    std::vector<std::pair<std::string, std::int64_t>> due;
    records.visit_tombstones(/*up_to_revision=*/5, from_ms(1000), [&](const sync::Key& key_, std::int64_t revision) {
      due.emplace_back(key_.id, revision);
      records.erase(key_);
    });

    CHECK(due == std::vector<std::pair<std::string, std::int64_t>>{{"due", 5}, {"due too", 4}});
  });
}
