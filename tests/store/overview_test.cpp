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

TEST_CASE("changes that no gateway has answered are counted, removals too") {
  TestStore store;
  store.write([](sync::Records& records) {
    offer(records, artifact("a"), "h-a");
    offer(records, artifact("b"), "h-b");
  });
  CHECK(overview_of(store).unanswered == 2);

  store.write([](sync::Records& records) {
    auto marks = records.marks();
    marks.answered = {"i", "e", records.revision()};
    records.put_marks(marks);
  });
  CHECK(overview_of(store).unanswered == 0);

  store.write([](sync::Records& records) { withdraw(records, "a"); });
  CHECK(overview_of(store).unanswered == 1);
  CHECK(overview_of(store).size_bytes >= 4096);
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
    plan.offering.refused = sync::Refusal{{}, "no", from_ms(8)};  // its removal
    records.put(plan);
  });

  const auto overview = overview_of(store);

  CHECK(overview.quarantined_count == 4);
  // A refused version waits for an hour, a refused removal for some seconds.
  const auto hour = [](int since) { return from_ms(3'600'000 + since); };
  CHECK(overview.quarantined ==
        std::vector<NamedResource>{{"RestApi", "a", "petstore", "no route", from_ms(5), hour(5)},
                                   {"RestApi", "b", "", "damaged", from_ms(6), hour(6)},
                                   {"Secret", "db-password", "db-password", "no", from_ms(7), hour(7)},
                                   {"SubscriptionPlan", "p", "gold", "no", from_ms(8), from_ms(5008)}});
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

namespace {

sync::Hold hold_of(const std::string& scope, std::int64_t would_go, std::int64_t in_service) {
  sync::Hold hold;
  hold.scope = scope;
  hold.since = from_ms(5);
  hold.would_go = would_go;
  hold.in_service = in_service;
  return hold;
}

std::string held_reason(const std::string& scope, int lacks, int of) {
  return "the listing " + scope + " lacks " + std::to_string(lacks) + " of " + std::to_string(of) +
         ": nothing of it is removed";
}

NamedResource held(const std::string& kind, const std::string& id, const std::string& handle, const std::string& reason,
                   const std::string& scope) {
  return {kind, id, handle, reason, from_ms(5), {}, scope};
}

}  // namespace

TEST_CASE("what a listing lacks and the brake keeps is shown by name until the hold is dropped") {
  TestStore store;
  const auto list = [&store](const std::set<std::string>& seen, const std::string& taken_back = "") {
    std::int64_t fresh = 0;
    store.write([&](sync::Records& records) {
      records.begin_listing("deployments");
      for (const auto& id : seen) records.mark_seen("deployments", id);
      records.mark_taken_back("deployments", taken_back);
      records.put_hold(hold_of("deployments", records.unseen_artifacts("deployments").unseen, 3));
      fresh = records.note_held("deployments", "", "", "");
      records.end_listing("deployments");
    });
    return fresh;
  };
  store.write([](sync::Records& records) {
    for (const std::string id : {"a", "b", "c"}) offer(records, artifact(id), "h-" + id);
    records.put(artifact("not in service"));
  });
  const std::string reason = held_reason("deployments", 2, 3);

  CHECK(list({"b"}) == 2);
  store.reopen();
  CHECK(overview_of(store).held == std::vector<NamedResource>{held("RestApi", "a", "h-a", reason, "deployments"),
                                                              held("RestApi", "c", "h-c", reason, "deployments")});
  CHECK(overview_of(store).held_count == 2);
  CHECK(overview_of(store).holds == std::vector<sync::Hold>{hold_of("deployments", 2, 3)});

  CHECK(list({"b"}) == 0);  // the same again
  CHECK(list({"b", "a"}) == 0);
  CHECK(overview_of(store).held_count == 1);
  CHECK(list({"b", "a", "c"}, "b") == 1);  // it is there, and taken back
  CHECK(overview_of(store).held ==
        std::vector<NamedResource>{held("RestApi", "b", "h-b", held_reason("deployments", 1, 3), "deployments")});

  store.write([](sync::Records& records) {
    auto hold = hold_of("deployments", 1, 3);
    hold.release = sync::Release::Released;
    records.put_hold(hold);
  });
  CHECK(overview_of(store).held.at(0).reason ==
        "the listing deployments lacks 1 of 3: released, and removed once that is confirmed");
  store.write([](sync::Records& records) { records.drop_hold("deployments"); });
  CHECK(overview_of(store).held.empty());
  CHECK(overview_of(store).holds.empty());
  CHECK(overview_of(store).held_count == 0);
  CHECK(store.raw()->number("SELECT count(*) FROM held_resources") == 0);
}

TEST_CASE("held resources of other kinds have their names, and those that are not of the listing are not held") {
  TestStore store;
  store.write([](sync::Records& records) {
    const auto api = artifact("a");
    records.put_body(body({"RestApi", "a"}, api.deployment_id, "doc", {{"Secret", "db-password"}}, "petstore"));
    offer(records, api, "petstore");
    offer(records, artifact("m", "Mcp"), "tools");
    auto key = resource("ApiKey", "k", "a");
    key.name = "mobile-app";
    records.put(key);
    records.put(resource("ApiKey", "of another kind", "m"));
    auto secret = resource("Secret", "db-password");
    secret.name = "GENERIC";
    records.put(secret);
    records.put(resource("Secret", "nothing refers to it"));
    for (const auto& [scope, kind, artifact_kind] :
         {std::tuple("keys/RestApi", "ApiKey", "RestApi"), std::tuple("secrets", "Secret", "")}) {
      records.begin_listing(scope);
      records.put_hold(hold_of(scope, 1, 1));
      records.note_held(scope, kind, artifact_kind, "");
    }
  });

  const auto overview = overview_of(store);

  CHECK(overview.held == std::vector<NamedResource>{
                             held("ApiKey", "k", "mobile-app", held_reason("keys/RestApi", 1, 1), "keys/RestApi"),
                             held("Secret", "db-password", "db-password", held_reason("secrets", 1, 1), "secrets")});
  CHECK(overview.held_count == 2);
}

TEST_CASE("no more of what is held is shown than the limit says, but all are noted and counted") {
  const bool over = GENERATE(false, true);
  TestStore store;
  const auto many = static_cast<std::int64_t>(kMaxHeldShown) + (over ? 1 : 0);
  store.write([many](sync::Records& records) {
    records.begin_listing("plans");
    for (std::int64_t i = 0; i < many; ++i) {
      records.put(resource("SubscriptionPlan", "p" + std::to_string(i)));
      records.put_hold(hold_of("subscriptions/" + std::to_string(i), 0, many));
    }
    records.drop_hold("subscriptions/0");
    records.put_hold(hold_of("plans", many, many));
    CHECK(records.note_held("plans", "SubscriptionPlan", "", "") == many);
  });

  CHECK(overview_of(store).held.size() == kMaxHeldShown);
  CHECK(overview_of(store).holds.size() == kMaxHoldsShown);
  CHECK(overview_of(store).held_count == many);
  CHECK(store.raw()->number("SELECT count(*) FROM held_resources") == many);
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
