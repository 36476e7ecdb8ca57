#include <catch2/catch.hpp>

#include "fixture.h"

using namespace tether;
using namespace tether::store;
using namespace tether::store::test;

namespace {

using Ids = std::vector<std::string>;

Ids unseen_artifacts(sync::Records& records, const std::string& scope) {
  Ids ids;
  records.visit_unseen_artifacts(scope, [&ids](const sync::Artifact& row) { ids.push_back(row.id); });
  return ids;
}

Ids unseen_resources(sync::Records& records, const std::string& scope, const std::string& kind,
                     const std::string& artifact_kind = "", const std::string& artifact_id = "") {
  Ids ids;
  records.visit_unseen_resources(scope, kind, artifact_kind, artifact_id,
                                 [&ids](const sync::Resource& row) { ids.push_back(row.id); });
  return ids;
}

}  // namespace

TEST_CASE("what a listing lacks is what is stored, not gone, and was not seen") {
  TestStore store;
  store.write([](sync::Records& records) {
    offer(records, artifact("in service"), "h1");
    offer(records, artifact("seen"), "h2");
    records.put(artifact("not fetched yet"));
    auto gone = artifact("gone");
    gone.wanted = sync::Wanted::Gone;
    records.put(gone);
    records.begin_listing("deployments");
  });
  store.write([](sync::Records& records) {
    records.mark_seen("deployments", "seen");
    records.mark_seen("deployments", "seen");
    records.mark_seen("deployments", "never heard of");
  });
  store.write([](sync::Records& records) {
    CHECK(records.was_seen("deployments", "seen"));
    CHECK_FALSE(records.was_seen("deployments", "in service"));
    CHECK(unseen_artifacts(records, "deployments") == Ids{"in service", "not fetched yet"});
    const auto share = records.unseen_artifacts("deployments");
    CHECK(share.stored == 2);
    CHECK(share.unseen == 1);
  });
}

TEST_CASE("what a row takes back is missing for the brake, and not absent") {
  TestStore store;
  store.write([](sync::Records& records) {
    offer(records, artifact("a"), "h1");
    offer(records, artifact("b"), "h2");
    records.begin_listing("deployments");
    records.mark_seen("deployments", "a");
    records.mark_seen("deployments", "b");
    records.mark_taken_back("deployments", "b");

    CHECK(records.was_seen("deployments", "b"));
    CHECK(unseen_artifacts(records, "deployments").empty());
    CHECK(records.unseen_artifacts("deployments").unseen == 1);
  });
}

TEST_CASE("a listing has something of old if it shows what has not changed since") {
  TestStore store;
  store.write([](sync::Records& records) {
    for (const auto& [id, changed] : {std::pair("old", 3), std::pair("new", 9)}) {
      auto row = artifact(id);
      row.changed = changed;
      offer(records, row, id);
      auto key = resource("ApiKey", id, id);
      key.changed = changed;
      records.put(key);
    }
    const auto shown = [&records](std::int64_t change) {
      return std::pair(records.seen_unchanged("x", "", "", "", change),
                       records.seen_unchanged("x", "ApiKey", "RestApi", "", change));
    };
    records.begin_listing("x");
    CHECK(shown(9) == std::pair(0L, 0L));
    records.mark_seen("x", "new");
    CHECK(shown(8) == std::pair(0L, 0L));
    CHECK(shown(9) == std::pair(1L, 1L));
    records.mark_seen("x", "old");
    CHECK(shown(9) == std::pair(2L, 2L));
    CHECK(shown(3) == std::pair(1L, 1L));
    CHECK(shown(2) == std::pair(0L, 0L));
    records.mark_taken_back("x", "old");
    CHECK(shown(3) == std::pair(0L, 0L));

    CHECK(1 == records.unchanged_elsewhere("ApiKey", "new", 3));
    CHECK(0 == records.unchanged_elsewhere("ApiKey", "new", 2));
    CHECK(0 == records.unchanged_elsewhere("ApiKey", "old", 8));
    auto key = *records.resource("ApiKey", "old");
    key.absent = sync::Proposal{1, 2, 3};
    records.put(key);
    CHECK(0 == records.unchanged_elsewhere("ApiKey", "new", 3));
  });
}

TEST_CASE("artifacts are visited of whose resources a listing of the present link lacked some") {
  TestStore store;
  store.write([](sync::Records& records) {
    using Visits = std::vector<std::pair<std::string, std::int64_t>>;
    const auto absent = [&records](std::int64_t link) {
      Visits visits;
      records.visit_absent("Subscription", link, [&visits](const std::string& artifact_id, std::int64_t asked_ms) {
        visits.emplace_back(artifact_id, asked_ms);
      });
      return visits;
    };
    const auto put = [&records](const std::string& id, const std::string& artifact_id, const std::string& kind,
                                std::int64_t link, std::int64_t asked_ms) {
      auto row = resource(kind, id);
      row.artifact_id = artifact_id;
      if (link != 0) row.absent = sync::Proposal{link, asked_ms, 1};
      records.put(row);
    };
    CHECK(absent(2).empty());
    put("s1", "a", "Subscription", 2, 500);
    put("s2", "a", "Subscription", 2, 700);
    put("s3", "b", "Subscription", 1, 600);
    put("s4", "c", "Subscription", 0, 0);
    put("s5", "d", "Subscription", 2, 300);
    put("k", "e", "ApiKey", 2, 300);

    CHECK(absent(2) == Visits{{"a", 700}, {"d", 300}});
    CHECK(absent(3).empty());
  });
}

TEST_CASE("listings of two scopes know nothing of each other") {
  TestStore store;
  store.write([](sync::Records& records) {
    records.put(artifact("a"));
    records.begin_listing("one");
    records.begin_listing("two");
    records.mark_seen("one", "a");

    CHECK(unseen_artifacts(records, "one").empty());
    CHECK(unseen_artifacts(records, "two") == Ids{"a"});

    records.end_listing("two");
    CHECK(records.was_seen("one", "a"));
  });
}

TEST_CASE("a listing that begins again has seen nothing") {
  TestStore store;
  store.write([](sync::Records& records) {
    records.put(artifact("a"));
    records.begin_listing("deployments");
    records.mark_seen("deployments", "a");
    records.begin_listing("deployments");

    CHECK_FALSE(records.was_seen("deployments", "a"));
    CHECK(unseen_artifacts(records, "deployments") == Ids{"a"});
  });
}

TEST_CASE("a listing that is not under way lacks nothing") {
  TestStore store;
  store.write([](sync::Records& records) {
    offer(records, artifact("a"), "h");
    records.put(resource("SubscriptionPlan", "p"));
    CHECK(unseen_artifacts(records, "deployments").empty());

    records.begin_listing("deployments");
    records.end_listing("deployments");

    CHECK(unseen_artifacts(records, "deployments").empty());
    CHECK(records.unseen_artifacts("deployments").stored == 1);
    CHECK(records.unseen_artifacts("deployments").unseen == 0);
    CHECK(unseen_resources(records, "plans", "SubscriptionPlan").empty());
    CHECK(records.unseen_resources("plans", "SubscriptionPlan", "", "").unseen == 0);
    records.begin_listing("interrupted");
  });

  store.reopen();

  store.write([](sync::Records& records) { CHECK(unseen_artifacts(records, "interrupted").empty()); });
}

TEST_CASE("a listing of resources is judged within its kind and its artifacts") {
  TestStore store;
  store.write([](sync::Records& records) {
    records.put(artifact("rest"));
    records.put(artifact("rest2"));
    records.put(artifact("proxy", "LlmProxy"));
    records.put(resource("ApiKey", "k-rest", "rest"));
    records.put(resource("ApiKey", "k-rest2", "rest2"));
    records.put(resource("ApiKey", "k-seen", "rest"));
    records.put(resource("ApiKey", "k-proxy", "proxy"));
    records.put(resource("ApiKey", "k-nobody", "unknown"));
    records.put(resource("Subscription", "s", "rest"));
    auto gone = resource("ApiKey", "k-gone", "rest");
    gone.gone = true;
    records.put(gone);
    records.begin_listing("keys");
    records.mark_seen("keys", "k-seen");

    CHECK(unseen_resources(records, "keys", "ApiKey", "RestApi") == Ids{"k-rest", "k-rest2"});
    CHECK(unseen_resources(records, "keys", "ApiKey", "", "rest") == Ids{"k-rest"});
    CHECK(unseen_resources(records, "keys", "ApiKey", "LlmProxy") == Ids{"k-proxy"});
    CHECK(unseen_resources(records, "keys", "ApiKey") == Ids{"k-proxy", "k-rest", "k-rest2"});

    const auto share = records.unseen_resources("keys", "ApiKey", "RestApi", "");
    CHECK(share.stored == 3);
    CHECK(share.unseen == 2);
    const auto none = records.unseen_resources("keys", "Application", "", "");
    CHECK(none.stored == 0);
    CHECK(none.unseen == 0);
  });
}

TEST_CASE("a list of keys lacks nothing of an artifact that is not wanted deployed: the brake does not count it [B5]") {
  TestStore store;
  store.write([](sync::Records& records) {
    records.put(artifact("in service"));
    auto stopped = artifact("stopped");
    stopped.wanted = sync::Wanted::Undeployed;
    records.put(stopped);
    records.put(resource("ApiKey", "k-seen", "in service"));
    for (const char* id : {"k-1", "k-2", "k-3"}) records.put(resource("ApiKey", id, "stopped"));
    records.begin_listing("keys");
    records.mark_seen("keys", "k-seen");

    CHECK(unseen_resources(records, "keys", "ApiKey").empty());
    const auto share = records.unseen_resources("keys", "ApiKey", "", "");
    CHECK(share.stored == 1);
    CHECK(share.unseen == 0);
  });
}

TEST_CASE("what belongs to something that no list is asked about is no share of what is stored [B5]") {
  TestStore store;
  const char* kind = GENERATE("Subscription", "HmacSecret");
  store.write([kind](sync::Records& records) {
    const char* artifact_kind = std::string_view(kind) == "Subscription" ? "RestApi" : "WebSubApi";
    records.put(artifact("a", artifact_kind));
    auto stopped = artifact("stopped", artifact_kind);
    stopped.wanted = sync::Wanted::Undeployed;
    records.put(stopped);
    auto asked_about = artifact("asked about", artifact_kind);
    asked_about.question = sync::Question::DeletedEvent;
    records.put(asked_about);
    records.put(artifact("proxy", "LlmProxy"));
    records.put(resource(kind, "own", "a"));
    records.put(resource(kind, "of stopped", "stopped"));
    records.put(resource(kind, "of asked about", "asked about"));
    if (std::string_view(kind) == "Subscription") records.put(resource(kind, "of proxy", "proxy"));
    records.begin_listing("scope");

    CHECK(records.unseen_resources("scope", kind, "", "").stored == 1);
    CHECK(records.unseen_resources("scope", kind, "", "a").unseen == 1);
    CHECK(0 == records.unchanged_elsewhere(kind, "a", 1000));
  });
}

TEST_CASE("a visitor may remove what the listing lacks, however much that is") {
  TestStore store;
  store.write([](sync::Records& records) {
    for (int i = 0; i < 1000; ++i) records.put(artifact("a" + std::to_string(i)));
    records.begin_listing("deployments");
    int visits = 0;

    records.visit_unseen_artifacts("deployments", [&records, &visits](const sync::Artifact& row) {
      ++visits;
      records.erase({row.kind, row.id});
    });

    CHECK(visits == 1000);
    CHECK(unseen_artifacts(records, "deployments").empty());
  });
}
