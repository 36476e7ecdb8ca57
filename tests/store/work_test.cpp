#include <catch2/catch.hpp>

#include "fixture.h"

using namespace tether;
using namespace tether::store;
using namespace tether::store::test;

namespace {

using Ids = std::vector<std::string>;
using Documents = std::vector<sync::WantedDocument>;

sync::OpenWork open_work(TestStore& store) {
  return store.read<sync::OpenWork>([](sync::Records& records) { return records.open_work(); });
}

}  // namespace

TEST_CASE("artifacts without their document are those wanted and not fetched, the longest waiting first") {
  TestStore store;
  store.write([](sync::Records& records) {
    auto first = artifact("z");
    first.changed = 1;
    auto second = artifact("a");
    second.changed = 2;
    auto here = artifact("here");
    here.fetched = here.deployment_id;
    auto stopped = artifact("stopped");
    stopped.wanted = sync::Wanted::Undeployed;
    for (const auto& row : {second, first, here, stopped}) records.put(row);

    CHECK(records.without_document(10) == Documents{{"z", "deployment-of-z"}, {"a", "deployment-of-a"}});
    CHECK(records.without_document(1) == Documents{{"z", "deployment-of-z"}});
    CHECK(records.open_work().documents);
  });
}

TEST_CASE("a document that is known to be refused is not asked for again") {
  TestStore store;
  store.write([](sync::Records& records) {
    auto row = artifact("a");
    row.at = Instant{1'700'000'000'123'456'789};
    row.offering.refused = sync::Refusal{{row.deployment_id, row.at.ms()}, "no", from_ms(1)};
    records.put(row);
    CHECK(records.without_document(10).empty());
    CHECK_FALSE(records.open_work().documents);
    CHECK(records.open_work().refused);

    row.at = row.at + 1ms;
    records.put(row);
    CHECK(records.without_document(10) == Documents{{"a", "deployment-of-a"}});
  });
}

TEST_CASE("secrets without their value are those whose hash is another's, or that have none yet") {
  TestStore store;
  store.write([](sync::Records& records) {
    auto fresh = resource("Secret", "fresh");
    fresh.changed = 2;
    auto changed = resource("Secret", "changed");
    changed.changed = 1;
    changed.body = "#1";
    changed.hash = "new";
    changed.fetched_hash = "old";
    auto here = resource("Secret", "here");
    here.body = "#2";
    here.hash = here.fetched_hash = "same";
    auto gone = resource("Secret", "gone");
    gone.gone = true;
    for (const auto& row : {fresh, changed, here, gone, resource("ApiKey", "k")}) records.put(row);

    CHECK(records.without_value(10) == Ids{"changed", "fresh"});
    CHECK(records.without_value(1) == Ids{"changed"});
    CHECK(records.open_work().documents);
  });
}

TEST_CASE("questions are those noted, the longest waiting first") {
  TestStore store;
  store.write([](sync::Records& records) {
    auto first = artifact("z");
    first.question = sync::Question::Absence;
    first.changed = 1;
    auto second = artifact("a");
    second.question = sync::Question::DeletedEvent;
    second.changed = 2;
    for (const auto& row : {second, first, artifact("none")}) records.put(row);

    CHECK(records.with_question(10) == Ids{"z", "a"});
    CHECK(records.with_question(1) == Ids{"z"});
    CHECK(records.open_work().questions);
  });
}

TEST_CASE("a question about what is out of service because it was absent is asked, and holds up nothing") {
  TestStore store;
  auto out = artifact("a");
  out.wanted = sync::Wanted::Undeployed;
  out.by_absence = true;
  out.question = sync::Question::Absence;
  bool holds_up = false;
  SECTION("nothing else") {}
  SECTION("it was deleted, and a row names it") {
    out.wanted = sync::Wanted::Gone;
    holds_up = true;
  }
  SECTION("somebody said that it is undeployed") {
    out.by_absence = false;
    holds_up = true;
  }
  SECTION("an event said that it was deleted") {
    out.question = sync::Question::DeletedEvent;
    holds_up = true;
  }
  store.write([&out](sync::Records& records) {
    records.put(out);
    CHECK(records.with_question(10) == Ids{"a"});
  });
  CHECK(open_work(store).questions == holds_up);
  store.reopen();

  CHECK(open_work(store).questions == holds_up);
}

TEST_CASE("nothing is open in a store where everything is offered") {
  TestStore store;
  store.write([](sync::Records& records) { offer(records, artifact("a"), "petstore"); });

  CHECK(open_work(store) == sync::OpenWork{});
}

TEST_CASE("each kind of open work shows, alone") {
  TestStore store;
  sync::OpenWork expected;
  auto row = artifact("a");
  row.fetched = row.deployment_id;

  SECTION("an absence") {
    row.absent = sync::Proposal{1, 2, 3};
    expected.proposals = true;
    expected.unheld = true;
  }
  SECTION("a step back") {
    row.went_back = sync::Proposal{1, 2, 3};
    expected.proposals = true;
    expected.unheld = true;
  }
  SECTION("a resource's absence") {
    auto key = resource("ApiKey", "k");
    key.absent = sync::Proposal{1, 2, 3};
    store.write([&key](sync::Records& records) { records.put(key); });
    expected.proposals = true;
    expected.unheld = true;
  }
  SECTION("an artifact that waits") {
    row.waiting = true;
    expected.waiting = true;
  }
  SECTION("a resource that waits is nothing to do") {
    auto key = resource("ApiKey", "k");
    key.waiting = true;
    store.write([&key](sync::Records& records) { records.put(key); });
  }
  SECTION("a hold, and that nobody has released it") {
    const auto release = GENERATE(sync::Release::None, sync::Release::Asked, sync::Release::Released);
    store.write([release](sync::Records& records) {
      sync::Hold hold;
      hold.scope = "deployments";
      hold.release = release;
      records.put_hold(hold);
    });
    expected.holds = true;
    expected.unreleased = release != sync::Release::Released;
  }
  SECTION("a refusal") {
    row.offering.refused = sync::Refusal{{"d", 1}, "", from_ms(1)};
    expected.refused = true;
  }
  SECTION("a doubt") {
    store.write([](sync::Records& records) {
      records.put_pending({"api.deployed", {"RestApi", "b"}, from_ms(1), from_ms(1), 3});
    });
    expected.doubts = true;
  }
  SECTION("an event that the gateway owes an answer is no open work of ours") {
    store.write([](sync::Records& records) {
      records.put_pending({"api.deployed", {"RestApi", "b"}, from_ms(1), from_ms(1), 0});
    });
  }
  store.write([&row](sync::Records& records) { records.put(row); });

  CHECK(open_work(store) == expected);
}

TEST_CASE("an absence is held by the brake of the list that lacks it, and by no other") {
  struct Case {
    const char* kind;
    const char* scope;
  };
  const auto one =
      GENERATE(Case{"", "deployments"}, Case{"ApiKey", "keys/RestApi"}, Case{"SubscriptionPlan", "plans"},
               Case{"Secret", "secrets"}, Case{"Subscription", "subscriptions/a"}, Case{"HmacSecret", "hmac/a"});
  CAPTURE(one.scope);
  TestStore store;
  store.write([&one](sync::Records& records) {
    auto api = artifact("a");
    if (*one.kind == '\0') {
      (GENERATE(true, false) ? api.absent : api.went_back) = sync::Proposal{1, 2, 3};
    } else {
      auto lacked = resource(one.kind, "x", "a");
      lacked.absent = sync::Proposal{1, 2, 3};
      records.put(lacked);
    }
    records.put(api);
  });
  const auto is_unheld_with = [&store](const std::string& scope, sync::Release release) {
    store.write([&](sync::Records& records) {
      sync::Hold hold;
      hold.scope = scope;
      hold.release = release;
      records.put_hold(hold);
    });
    const auto open = open_work(store);
    CHECK(open.proposals);
    store.write([&scope](sync::Records& records) { records.drop_hold(scope); });
    return open.unheld;
  };

  for (const std::string scope : {"deployments", "keys/RestApi", "keys/LlmProvider", "plans", "secrets",
                                  "subscriptions/a", "subscriptions/b", "hmac/a", "hmac/b"}) {
    CAPTURE(scope);
    CHECK(is_unheld_with(scope, sync::Release::None) == (scope != one.scope));
    CHECK(is_unheld_with(scope, sync::Release::Asked) == (scope != one.scope));
    CHECK(is_unheld_with(scope, sync::Release::Released));
  }
}
