#include <catch2/catch.hpp>
#include <set>
#include <tuple>

#include "fixture.h"

using namespace tether;
using namespace tether::store;
using namespace tether::store::test;

namespace {

Overview overview_of(TestStore& store) {
  auto overview = store->overview();
  if (!overview) FAIL(overview.error().message);
  return *overview;
}

using Counts = std::vector<std::pair<std::string, std::int64_t>>;

}  // namespace

TEST_CASE("an empty store's overview is empty") {
  TestStore store;

  const auto overview = overview_of(store);

  CHECK(overview.revision == 1);
  CHECK(overview.offered_by_kind.empty());
  CHECK(overview.offered_count == 0);
  CHECK(overview.quarantined.empty());
  CHECK(overview.outbox_acks == 0);
}

TEST_CASE("resources are counted by kind while they are offered") {
  TestStore store;
  store.write([](sync::Records& records) {
    offer(records, artifact("a"), "h-a");
    offer(records, artifact("b"), "h-b");
    offer(records, artifact("b"), "h-b");
    offer(records, artifact("m", "Mcp"), "h-m");
    offer(records, resource("ApiKey", "k"));
    records.put(artifact("not offered"));
  });
  CHECK(overview_of(store).offered_by_kind == Counts{{"ApiKey", 1}, {"Mcp", 1}, {"RestApi", 2}});
  CHECK(overview_of(store).offered_count == 4);

  store.write([](sync::Records& records) {
    withdraw(records, "a");
    withdraw(records, "a");
    records.erase({"Mcp", "m"});
    records.erase({"RestApi", "not offered"});
  });
  store.reopen();

  CHECK(overview_of(store).offered_by_kind == Counts{{"ApiKey", 1}, {"RestApi", 1}});
  CHECK(overview_of(store).offered_count == 2);
}

TEST_CASE("the quarantined are shown with the handle of what was refused") {
  TestStore store;
  store.write([](sync::Records& records) {
    offer(records, artifact("a"), "petstore");
    auto row = *records.artifact("a");
    row.offering.refused = sync::Refusal{{row.deployment_id, 1}, "no route", from_ms(5)};
    records.put(row);
    auto unknown = artifact("b");
    unknown.offering.refused = sync::Refusal{{"never fetched", 1}, "damaged", from_ms(6)};
    records.put(unknown);
    auto secret = resource("Secret", "db-password");
    secret.name = "GENERIC";
    secret.offering.refused = sync::Refusal{{"#1", 0}, "no", from_ms(7)};
    records.put(secret);
    auto plan = resource("SubscriptionPlan", "p");
    plan.name = "gold";
    plan.offering.refused = sync::Refusal{{"#2", 0}, "no", from_ms(8)};
    records.put(plan);
  });

  const auto overview = overview_of(store);

  CHECK(overview.quarantined_count == 4);
  CHECK(overview.quarantined == std::vector<NamedResource>{{"RestApi", "a", "petstore", "no route", from_ms(5)},
                                                           {"RestApi", "b", "", "damaged", from_ms(6)},
                                                           {"Secret", "db-password", "db-password", "no", from_ms(7)},
                                                           {"SubscriptionPlan", "p", "gold", "no", from_ms(8)}});
}

TEST_CASE("no more of the quarantined and the waiting are shown than the limits say, but all are counted") {
  TestStore store;
  store.write([](sync::Records& records) {
    for (std::size_t i = 0; i <= kMaxQuarantinedShown; ++i) {
      auto row = artifact("a" + std::to_string(i));
      row.fetched = row.deployment_id;
      row.waiting = true;
      row.offering.refused = sync::Refusal{{"d", 1}, "no", from_ms(5)};
      records.put(row);
    }
  });

  const auto overview = overview_of(store);

  CHECK(overview.quarantined.size() == kMaxQuarantinedShown);
  CHECK(overview.quarantined_count == static_cast<std::int64_t>(kMaxQuarantinedShown) + 1);
  CHECK(overview.waiting.size() == kMaxWaitingShown);
  CHECK(overview.waiting_count == static_cast<std::int64_t>(kMaxQuarantinedShown) + 1);
}

TEST_CASE("what waits, acks and event timestamps are shown") {
  TestStore store;
  store.write([](sync::Records& records) {
    auto proxy = artifact("x", "LlmProxy");
    proxy.fetched = proxy.deployment_id;
    proxy.waiting = true;
    records.put_body(body({"LlmProxy", "x"}, proxy.deployment_id, "text", {}, "chat"));
    records.put(proxy);
    records.put_ack({"x", "LlmProxy", "d", true, true, "t", from_ms(1), 0});
    records.put_ack({"y", "LlmProxy", "d", true, true, "t", from_ms(1), 9});
    records.put_pending({"api.deployed", {"RestApi", "a"}, from_ms(9), from_ms(9), 0});
  });

  const auto overview = overview_of(store);

  CHECK(overview.waiting ==
        std::vector<NamedResource>{{"LlmProxy", "x", "chat", "what it refers to is not in service", {}}});
  CHECK(overview.outbox_acks == 2);
  CHECK(overview.event_timestamps == std::vector<std::pair<std::string, Instant>>{{"api.deployed", from_ms(8)}});
}

TEST_CASE("what a listing lacks and the brake keeps is shown by name until the hold is replaced or dropped") {
  TestStore store;
  const auto list = [&store](const std::set<std::string>& seen, std::int64_t lacks) {
    store.write([&](sync::Records& records) {
      records.begin_listing("deployments");
      for (const auto& id : seen) records.mark_seen("deployments", id);
      records.put_hold({"deployments", from_ms(5), lacks, 3});
      records.note_held("deployments", "", "", "");
      records.end_listing("deployments");
    });
  };
  store.write([](sync::Records& records) {
    for (const std::string id : {"a", "b", "c"}) offer(records, artifact(id), "h-" + id);
    records.put(artifact("not in service"));
  });
  const std::string reason = "the listing deployments lacks 2 of 3: nothing of it is removed";

  list({"b"}, 2);
  store.reopen();
  CHECK(overview_of(store).held == std::vector<NamedResource>{{"RestApi", "a", "h-a", reason, from_ms(5)},
                                                              {"RestApi", "c", "h-c", reason, from_ms(5)}});
  CHECK(overview_of(store).held_count == 2);

  list({"a"}, 2);
  store.write([](sync::Records& records) { records.note_held("deployments", {"RestApi", "a"}); });
  CHECK(overview_of(store).held == std::vector<NamedResource>{{"RestApi", "a", "h-a", reason, from_ms(5)},
                                                              {"RestApi", "b", "h-b", reason, from_ms(5)},
                                                              {"RestApi", "c", "h-c", reason, from_ms(5)}});

  store.write([](sync::Records& records) { records.drop_hold("deployments"); });
  CHECK(overview_of(store).held.empty());
  CHECK(overview_of(store).held_count == 0);
  CHECK(store.raw()->number("SELECT count(*) FROM held_resources") == 0);
}

TEST_CASE("held resources of other kinds have their names, and those that are not of the listing are not held") {
  TestStore store;
  store.write([](sync::Records& records) {
    offer(records, artifact("a"), "petstore");
    offer(records, artifact("m", "Mcp"), "tools");
    auto key = resource("ApiKey", "k", "a");
    key.name = "mobile-app";
    records.put(key);
    records.put(resource("ApiKey", "of another kind", "m"));
    auto secret = resource("Secret", "db-password");
    secret.name = "GENERIC";
    records.put(secret);
    for (const auto& [scope, kind, artifact_kind] :
         {std::tuple("keys/RestApi", "ApiKey", "RestApi"), std::tuple("secrets", "Secret", "")}) {
      records.begin_listing(scope);
      records.put_hold({scope, from_ms(5), 1, 1});
      records.note_held(scope, kind, artifact_kind, "");
    }
    records.put_hold({"subscriptions/a", from_ms(6), 1, 2});
  });

  const auto overview = overview_of(store);

  const auto reason = [](const std::string& scope, const std::string& stored) {
    return "the listing " + scope + " lacks 1 of " + stored + ": nothing of it is removed";
  };
  CHECK(overview.held ==
        std::vector<NamedResource>{{"ApiKey", "k", "mobile-app", reason("keys/RestApi", "1"), from_ms(5)},
                                   {"Secret", "db-password", "db-password", reason("secrets", "1"), from_ms(5)},
                                   {"listing", "subscriptions/a", "", reason("subscriptions/a", "2"), from_ms(6)}});
  CHECK(overview.held_count == 3);
}

TEST_CASE("no more of what is held is noted and shown than the limit says, but all are counted") {
  const bool over = GENERATE(false, true);
  TestStore store;
  const auto many = static_cast<std::int64_t>(kMaxHeldShown) + (over ? 1 : 0);
  store.write([many](sync::Records& records) {
    records.begin_listing("plans");
    for (std::int64_t i = 0; i < many; ++i) records.put(resource("SubscriptionPlan", "p" + std::to_string(i)));
    records.put_hold({"plans", from_ms(5), many, many});
    records.note_held("plans", "SubscriptionPlan", "", "");
  });

  CHECK(overview_of(store).held.size() == kMaxHeldShown);
  CHECK(overview_of(store).held_count == many);
  CHECK(store.raw()->number("SELECT count(*) FROM held_resources") == static_cast<std::int64_t>(kMaxHeldShown));
}

TEST_CASE("kinds are named of which something is offered that no listing can correct") {
  using Kinds = std::vector<std::string>;
  TestStore store;
  store.write([](sync::Records& records) {
    offer(records, artifact("a"), "petstore");
    offer(records, artifact("m", "Mcp"), "tools");
    offer(records, resource("ApiKey", "k", "a"));
    offer(records, resource("Subscription", "s", "a"));
  });
  CHECK(overview_of(store).best_effort_kinds.empty());

  store.write([](sync::Records& records) {
    offer(records, resource("ApiKey", "mk", "m"));
    offer(records, resource("Application", "app"));
  });
  CHECK(overview_of(store).best_effort_kinds == Kinds{"ApiKey", "Application"});

  store.write([](sync::Records& records) {
    offer(records, resource("Subscription", "ms", "m"));
    records.erase({"ApiKey", "mk"});
  });
  CHECK(overview_of(store).best_effort_kinds == Kinds{"Application", "Subscription"});
}

TEST_CASE("an overview that cannot be read is an error, and the next may succeed") {
  TestStore store;
  store.raw()->run_script("ALTER TABLE holds RENAME TO elsewhere");
  CHECK_FALSE(store->overview());

  store.raw()->run_script("ALTER TABLE elsewhere RENAME TO holds");

  CHECK(store->overview());
}

TEST_CASE("what waits for its document, its value or what it belongs to is shown with the reason, and counted") {
  TestStore store;
  store.write([](sync::Records& records) {
    auto fetched = artifact("here");
    fetched.fetched = fetched.deployment_id;
    records.put(fetched);
    offer(records, artifact("again"), "petstore");
    auto again = *records.artifact("again");
    again.deployment_id = "newer";
    records.put(again);
    auto refused = artifact("refused");
    refused.offering.refused = sync::Refusal{{refused.deployment_id, refused.at.ms()}, "no", from_ms(5)};
    records.put(refused);
    auto secret = resource("Secret", "db-password");
    secret.hash = "h";
    records.put(secret);
    auto key = resource("ApiKey", "k", "here");
    key.name = "mobile-app";
    key.waiting = true;
    records.put(key);
    // What belongs to something that is not wanted is as it should be.
    auto stopped = artifact("stopped");
    stopped.wanted = sync::Wanted::Undeployed;
    records.put(stopped);
    auto kept = resource("ApiKey", "kept", "stopped");
    kept.waiting = true;
    records.put(kept);
  });

  const auto overview = overview_of(store);

  CHECK(overview.waiting ==
        std::vector<NamedResource>{{"RestApi", "again", "petstore", "its document has not come yet", {}},
                                   {"Secret", "db-password", "db-password", "its value has not come yet", {}},
                                   {"ApiKey", "k", "mobile-app", "what it belongs to is not in service", {}}});
  CHECK(overview.waiting_count == 3);
}
