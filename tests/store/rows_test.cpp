#include <catch2/catch.hpp>

#include "fixture.h"

using namespace tether;
using namespace tether::store;
using namespace tether::store::test;

namespace {

sync::Offering offering() {
  sync::Offering offering;
  offering.offered = {"offered", 1'700'000'000'001};
  offering.revision = 9;
  offering.good = {"good", 1'700'000'000'002};
  offering.refused = sync::Refusal{{"refused", 1'700'000'000'003}, "it says no", Instant{4}};
  offering.sent = {"sent", 1'700'000'000'005};
  offering.sent_push = 6;
  return offering;
}

sync::Artifact full_artifact() {
  auto a = artifact("0191-full");
  a.wanted = sync::Wanted::Undeployed;
  a.at = Instant{1'700'000'000'123'456'789};
  a.at_text = "2023-11-14T23:13:20.123456789+01:00";
  a.by_absence = true;
  a.changed = 11;
  a.fetched = "fetched";
  a.offering = offering();
  a.verdict = sync::Verdict::Failed;
  a.may_settle = true;
  a.waiting = true;
  a.absent = sync::Proposal{1, 2, 3};
  a.went_back = sync::Proposal{4, 5, 6};
  a.went_back_to = {"back", 7};
  a.question = sync::Question::Absence;
  a.question_change = 8;
  a.gone_since = Instant{9};
  return a;
}

sync::Resource full_resource() {
  auto r = resource("ApiKey", "key-1", "api-1");
  r.name = "mine";
  r.gone = true;
  r.body = "wanted";
  r.updated_at = Instant{1};
  r.unconfirmed = true;
  r.hash = "h1";
  r.fetched_hash = "h0";
  r.changed = 2;
  r.offering = offering();
  r.waiting = true;
  r.absent = sync::Proposal{3, 4, 5};
  r.gone_since = Instant{6};
  return r;
}

}  // namespace

TEST_CASE("an artifact comes back as it was put, member by member, after a restart too") {
  TestStore store;
  const auto all = full_artifact();
  const auto plain = artifact("0191-plain", "a kind of tomorrow");

  store.write([&all, &plain](sync::Records& records) {
    records.put(all);
    records.put(plain);
  });
  store.reopen();

  store.write([&all, &plain](sync::Records& records) {
    CHECK(records.artifact(all.id) == all);
    CHECK(records.artifact(plain.id) == plain);
    CHECK_FALSE(records.artifact("nobody"));
  });
}

TEST_CASE("putting an artifact again replaces every member, and takes back what was set") {
  TestStore store;
  const auto plain = artifact("0191-full");

  store.write([&plain](sync::Records& records) {
    records.put(full_artifact());
    records.put(plain);

    CHECK(records.artifact(plain.id) == plain);
  });
}

TEST_CASE("a resource comes back as it was put") {
  TestStore store;
  const auto all = full_resource();
  auto plain = resource("ApiKey", "key-2");

  store.write([&all, &plain](sync::Records& records) {
    records.put(all);
    records.put(plain);
  });
  store.reopen();

  store.write([&all, &plain](sync::Records& records) {
    CHECK(records.resource("ApiKey", "key-1") == all);
    CHECK(records.resource("ApiKey", "key-2") == plain);
    CHECK_FALSE(records.resource("Subscription", "key-1"));
    plain.id = "key-1";
    records.put(plain);
    CHECK(records.resource("ApiKey", "key-1") == plain);
  });
}

TEST_CASE("text is kept to the byte") {
  TestStore store;
  auto odd = artifact("odd");
  odd.at_text = std::string("a\0b", 3) + "'\"; DROP TABLE artifacts; -- \xc3\xa4\n";

  store.write([&odd](sync::Records& records) { records.put(odd); });

  CHECK(store.read<std::string>([](sync::Records& records) { return records.artifact("odd")->at_text; }) ==
        odd.at_text);
}

TEST_CASE("erasing a row takes its bodies, its pending marks and its ack with it, and nobody else's") {
  TestStore store;
  const auto put_all = [](sync::Records& records, const std::string& id) {
    offer(records, artifact(id), "handle-" + id);
    records.put_pending({"api.deployed", {"RestApi", id}, from_ms(5), from_ms(5), 0});
    records.put_ack({id, "RestApi", "d", true, true, "t", from_ms(5), 0});
  };
  store.write([&put_all](sync::Records& records) {
    put_all(records, "a");
    put_all(records, "b");

    records.erase({"RestApi", "a"});

    CHECK_FALSE(records.artifact("a"));
    CHECK_FALSE(records.body({"RestApi", "a"}, "deployment-of-a"));
    CHECK_FALSE(records.is_offered({"RestApi", "handle-a"}));
    CHECK(records.unsent_acks(10).size() == 1);
    CHECK(records.artifact("b"));
    CHECK(records.body({"RestApi", "b"}, "deployment-of-b"));
    CHECK(records.earliest_pending_deployment() == from_ms(5));
    records.erase({"RestApi", "b"});
    CHECK_FALSE(records.earliest_pending_deployment().is_set());
  });
}

TEST_CASE("erasing a resource leaves an artifact's ack of the same id alone") {
  TestStore store;
  store.write([](sync::Records& records) {
    records.put(resource("ApiKey", "same"));
    records.put_ack({"same", "RestApi", "d", true, true, "t", from_ms(5), 0});

    records.erase({"ApiKey", "same"});

    CHECK_FALSE(records.resource("ApiKey", "same"));
    CHECK(records.unsent_acks(10).size() == 1);
  });
}

TEST_CASE("what is put as it is stored is not written again, and what differs in its offer alone is") {
  TestStore store;
  store.write([](sync::Records& records) {
    records.put(full_artifact());
    records.put(full_resource());
  });
  const auto raw = store.raw();
  const auto before = raw->data_version();

  store.write([](sync::Records& records) {
    records.put(full_artifact());
    records.put(full_resource());
  });
  raw->number("SELECT count(*) FROM artifacts");
  CHECK(raw->data_version() == before);

  auto a = full_artifact();
  auto r = full_resource();
  a.offering.good = r.offering.good = {"better", 5};
  a.may_settle = false;
  store.write([&](sync::Records& records) {
    records.put(a);
    records.put(r);
  });
  raw->number("SELECT count(*) FROM artifacts");
  CHECK(raw->data_version() != before);
  store.reopen();
  store.write([&](sync::Records& records) {
    CHECK(records.artifact(a.id) == a);
    CHECK(records.resource(r.kind, r.id) == r);
  });
}
