#include <algorithm>
#include <catch2/catch.hpp>

#include "fixture.h"

using namespace tether;
using namespace tether::store;
using namespace tether::store::test;

namespace {
const sync::Key kOwner{"RestApi", "a"};
}

TEST_CASE("a body comes back with its references in their order") {
  TestStore store;
  const std::vector<sync::Reference> references = {{"Secret", "z"}, {"LlmProvider", "a"}, {"Secret", "a"}};

  store.write([&references](sync::Records& records) {
    records.put_body(body(kOwner, "k", "text", references, "petstore"));

    const auto found = records.body(kOwner, "k");
    REQUIRE(found);
    CHECK(found->owner_kind == "RestApi");
    CHECK(found->owner_id == "a");
    CHECK(found->key == "k");
    CHECK(found->handle == "petstore");
    CHECK(found->document == "text");
    CHECK(found->references == references);
    CHECK(records.references(kOwner, "k") == references);
    CHECK(records.references(kOwner, "other").empty());
    CHECK_FALSE(records.body({"RestApi", "b"}, "k"));
  });
}

TEST_CASE("a document is kept to the byte") {
  TestStore store;
  const std::string odd = std::string("\"quoted\"\r\n\ttab \\ back\n\0zero", 27) + "\xf0\x9f\x90\x99 \xe2\x80\xa8\n\n";

  store.write([&odd](sync::Records& records) {
    records.put_body(body(kOwner, "odd", odd));
    records.put_body(body(kOwner, "empty", ""));
  });

  store.write([&odd](sync::Records& records) {
    CHECK(records.body(kOwner, "odd")->document == odd);
    CHECK(records.body(kOwner, "empty")->document.empty());
  });
}

TEST_CASE("a body does not change under its key") {
  TestStore store;

  store.write([](sync::Records& records) {
    records.put_body(body(kOwner, "k", "first", {{"Secret", "s"}}));
    records.put_body(body(kOwner, "k", "second", {{"Secret", "t"}}));

    CHECK(records.body(kOwner, "k")->document == "first");
    CHECK(records.references(kOwner, "k") == std::vector<sync::Reference>{{"Secret", "s"}});
  });
}

TEST_CASE("an artifact keeps the bodies that it names, and no others") {
  TestStore store;
  auto a = artifact("a");
  a.fetched = "fetched";
  a.offering.offered.body = "offered";
  a.offering.good.body = "good";
  a.offering.sent.body = "sent";

  store.write([&a](sync::Records& records) {
    for (const char* key : {"fetched", "offered", "good", "sent", "old"}) {
      records.put_body(body(kOwner, key, key, {{"Secret", key}}));
    }
    records.put_body(body({"RestApi", "b"}, "old", "b's"));

    records.put(a);

    for (const char* key : {"fetched", "offered", "good", "sent"}) CHECK(records.body(kOwner, key));
    CHECK_FALSE(records.body(kOwner, "old"));
    CHECK(records.references(kOwner, "old").empty());
    CHECK(records.body({"RestApi", "b"}, "old"));

    a.offering.good = {};
    records.put(a);
    CHECK_FALSE(records.body(kOwner, "good"));
    CHECK(records.references(kOwner, "good").empty());
    CHECK(records.body(kOwner, "sent"));
  });
}

TEST_CASE("a resource keeps its wanted body and those of its offer") {
  TestStore store;
  const sync::Key owner{"Secret", "s"};
  auto secret = resource("Secret", "s");
  secret.body = "wanted";
  secret.offering.offered.body = "offered";

  store.write([&owner, &secret](sync::Records& records) {
    for (const char* key : {"wanted", "offered", "old"}) records.put_body(body(owner, key, "{}"));

    records.put(secret);

    CHECK(records.body(owner, "wanted"));
    CHECK(records.body(owner, "offered"));
    CHECK_FALSE(records.body(owner, "old"));
  });
}

TEST_CASE("a body that comes to be and is not named goes with the next row, also with one that is as it was") {
  TestStore store;
  const sync::Key owner{"Secret", "s"};
  auto row = resource("Secret", "s");
  row.body = "#1";
  store.write([&](sync::Records& records) {
    records.put_body(body(owner, "#1", "{}"));
    records.put(row);
  });

  store.write([&](sync::Records& records) {
    records.put_body(body(owner, "#2", "{}"));
    records.put(row);

    CHECK(records.has_body(owner, "#1"));
    CHECK_FALSE(records.has_body(owner, "#2"));
  });
}

TEST_CASE("the data of all that may hold a credential is shown, every version of it, and nothing else") {
  TestStore store;
  store.write([](sync::Records& records) {
    auto secret = resource("Secret", "s");
    secret.body = "new";
    secret.offering.good.body = "old";
    records.put_body(body({"Secret", "s"}, "new", R"({"value":"new"})"));
    records.put_body(body({"Secret", "s"}, "old", R"({"value":"old"})"));
    records.put(secret);
    for (const char* kind : {"ApiKey", "HmacSecret", "Subscription", "SubscriptionPlan", "Application"}) {
      offer(records, resource(kind, "r"), std::string("\"") + kind + "\"");
    }
    offer(records, artifact("a"), "petstore");
  });

  std::vector<std::pair<std::string, std::string>> seen;
  const auto visited =
      store->visit_sensitive([&seen](std::string_view kind, std::string_view data) { seen.emplace_back(kind, data); });

  CHECK(visited);
  std::sort(seen.begin(), seen.end());
  const std::vector<std::pair<std::string, std::string>> all = {
      {"ApiKey", "\"ApiKey\""},         {"HmacSecret", "\"HmacSecret\""}, {"RestApi", "kind: RestApi\n"},
      {"Secret", R"({"value":"new"})"}, {"Secret", R"({"value":"old"})"}, {"Subscription", "\"Subscription\""}};
  CHECK(seen == all);
}
