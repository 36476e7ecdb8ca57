#include "tether/store/catalogue.h"

#include <catch2/catch.hpp>
#include <map>

#include "fixture.h"

using namespace tether;
using namespace tether::store;
using namespace tether::store::test;

namespace {

CataloguePage page_of(const TestStore& store, const CatalogueQuery& query = {}) {
  auto page = Catalogue(store.state_dir()).page(query);
  if (!page) FAIL(page.error().message);
  return *page;
}

/// All pages, one after the other.
std::vector<CatalogueEntry> list(const TestStore& store, CatalogueQuery query = {}) {
  std::vector<CatalogueEntry> out;
  do {
    auto page = page_of(store, query);
    CHECK(page.entries.size() <= static_cast<std::size_t>(kCataloguePageRows));
    out.insert(out.end(), page.entries.begin(), page.entries.end());
    query.after = page.next;
  } while (!query.after.empty());
  return out;
}

std::vector<std::string> ids(const std::vector<CatalogueEntry>& entries) {
  std::vector<std::string> out;
  for (const auto& entry : entries) out.push_back(entry.id);
  return out;
}

CatalogueEntry found(const TestStore& store, const std::string& name, const std::string& kind = "") {
  auto page = Catalogue(store.state_dir()).find(name, kind);
  if (!page) FAIL(page.error().message);
  REQUIRE(page->entries.size() == 1);
  return page->entries.front();
}

void answer_all(sync::Records& records) {
  auto marks = records.marks();
  marks.answered = {"i-1", records.epoch(), records.revision()};
  records.put_marks(marks);
}

using Ids = std::vector<std::string>;

}  // namespace

TEST_CASE("a resource is in service once the gateway has answered what is offered") {
  TestStore store;
  store.write([](sync::Records& records) {
    offer(records, artifact("a"), "petstore");
    answer_all(records);
    offer(records, artifact("b"), "h-b");
    auto proxy = artifact("c", "LlmProxy");
    records.put(proxy);
  });

  const auto all = list(store);
  REQUIRE(ids(all) == Ids{"a", "b", "c"});
  CHECK(all[0].standing == Standing::InService);
  CHECK(all[0].name == "petstore");
  CHECK(all[0].deployment_id == "deployment-of-a");
  CHECK(all[0].offered_version == "deployment-of-a");
  CHECK(all[0].has_content);
  CHECK(all[0].answered);
  CHECK(all[1].standing == Standing::Pending);
  CHECK_FALSE(all[1].answered);
  CHECK(all[2].standing == Standing::Waiting);
  CHECK_FALSE(all[2].has_content);
  const auto page = page_of(store);
  CHECK(page.instance == "i-1");
  CHECK(page.answered_revision == all[0].revision);
}

TEST_CASE("what waits, was refused, undeployed or removed is told apart, and removed ones are for who asks") {
  TestStore store;
  store.write([](sync::Records& records) {
    auto waits = artifact("waits", "LlmProxy");
    waits.fetched = waits.deployment_id;
    waits.waiting = true;
    records.put_body(body({"LlmProxy", "waits"}, waits.deployment_id, "text",
                          {{"LlmProvider", "openai"}, {"Secret", "key"}}, "chat"));
    records.put(waits);
    offer(records, resource("Secret", "key"), "{}");
    auto refused = artifact("refused");
    refused.fetched = refused.deployment_id;
    refused.offering.refused = sync::Refusal{{refused.deployment_id, 1}, "no such policy", from_ms(5)};
    records.put(refused);
    offer(records, artifact("stopped"), "h");
    withdraw(records, "stopped");
    auto gone = artifact("gone");
    gone.wanted = sync::Wanted::Gone;
    gone.gone_since = from_ms(77);
    records.put(gone);
    auto key = resource("ApiKey", "k", "stopped");
    key.name = "mobile";
    key.body = "#1";
    records.put(key);
  });

  std::map<std::string, std::string_view> standings;
  for (const auto& entry : list(store)) standings[entry.id] = name_of(entry.standing);
  CHECK(standings == std::map<std::string, std::string_view>{{"waits", "waiting"},
                                                             {"refused", "quarantined"},
                                                             {"stopped", "undeployed"},
                                                             {"k", "kept"},
                                                             {"key", "pending"}});
  CHECK(ids(list(store, {.standing = Standing::Removed})) == Ids{"gone"});
  CHECK(ids(list(store, {.standing = Standing::Quarantined})) == Ids{"refused"});
  CHECK(ids(list(store, {.kind = "ApiKey"})) == Ids{"k"});
  CHECK(ids(list(store, {.kind = "ApiKey", .standing = Standing::InService})).empty());

  const auto refused = found(store, "refused");
  CHECK(refused.refused_reason == "no such policy");
  CHECK(refused.refused_since == from_ms(5));
  CHECK(refused.next_try == from_ms(3'600'005));
  const auto waits = found(store, "chat");
  CHECK(waits.id == "waits");
  CHECK(waits.refers_to == std::vector<Referred>{{"LlmProvider", "openai", false}, {"Secret", "key", true}});
}

TEST_CASE("one is found by its id or its name, of one kind if that is said, with its events and acks") {
  TestStore store;
  store.write([](sync::Records& records) {
    offer(records, artifact("a"), "shared");
    offer(records, artifact("m", "Mcp"), "shared");
    offer(records, artifact("g", "GraphApi"), "of a kind that nobody knows");
    auto key = resource("ApiKey", "k", "a");
    key.name = "mobile";
    records.put(key);
    auto secret = resource("Secret", "db-password");
    secret.name = "GENERIC";
    records.put(secret);
    records.put_ack({"a", "RestApi", "d", true, true, "t", from_ms(1), 0});
    records.put_pending({"api.deployed", {"RestApi", "a"}, from_ms(8), from_ms(9), 0});
  });
  const Catalogue catalogue(store.state_dir());

  CHECK(ids(catalogue.find("shared", "")->entries) == Ids{"a", "m"});
  CHECK(ids(catalogue.find("GENERIC", "")->entries).empty());  // a secret's type is no name
  CHECK(found(store, "shared", "Mcp").id == "m");
  CHECK(found(store, "of a kind that nobody knows").id == "g");
  CHECK(found(store, "mobile").artifact_id == "a");
  CHECK(found(store, "db-password").kind == "Secret");
  const auto artifact = found(store, "a");
  CHECK(artifact.ack_waits);
  CHECK(artifact.pending == std::vector<PendingEvent>{{"api.deployed", from_ms(9), false}});
}

TEST_CASE("what the deletion brake keeps names the listing that lacks it") {
  TestStore store;
  store.write([](sync::Records& records) {
    offer(records, artifact("a"), "h-a");
    records.begin_listing("deployments");
    sync::Hold hold;
    hold.scope = "deployments";
    records.put_hold(hold);
    records.note_held("deployments", "", "", "");
    records.end_listing("deployments");
  });

  const auto held = list(store, {.standing = Standing::Held});
  REQUIRE(ids(held) == Ids{"a"});
  CHECK(held[0].held_by == "deployments");
}

TEST_CASE("a long list comes in pages, each of it once, while the store goes on") {
  TestStore store;
  constexpr int kMany = 2 * kCataloguePageRows;
  store.write([](sync::Records& records) {
    for (int i = 0; i < kMany; ++i) records.put(artifact("a" + std::to_string(100'000 + i)));
    for (int i = 0; i < kMany + 1; ++i) records.put(resource("ApiKey", "k/" + std::to_string(100'000 + i)));
  });

  const auto first = page_of(store);
  CHECK(first.entries.size() == kCataloguePageRows);
  store.write([](sync::Records& records) { records.put(artifact("a0")); });  // before: it is not seen any more
  CHECK(list(store, {.after = first.next}).size() == 3 * kCataloguePageRows + 1);
  CHECK(list(store, {.kind = "ApiKey"}).size() == kMany + 1);
}

TEST_CASE("a place that is none is refused, and a store that is not there said so") {
  TestStore store;
  const auto nowhere = Catalogue(store.state_dir()).page({.after = "x"});
  REQUIRE_FALSE(nowhere);
  CHECK(nowhere.error().kind == ErrorKind::Reject);

  const auto none = Catalogue(store.state_dir() / "elsewhere").page({});
  REQUIRE_FALSE(none);
  CHECK(none.error().kind == ErrorKind::Retry);
}

TEST_CASE("each standing has a name, and is found by it") {
  for (std::size_t i = 0; i < kStandings; ++i) {
    const auto standing = static_cast<Standing>(i);
    CHECK(standing_named(name_of(standing)) == standing);
  }
  CHECK_FALSE(standing_named("lost"));
}
