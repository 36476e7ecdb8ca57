#include <catch2/catch.hpp>

#include "fixture.h"

using namespace tether;
using namespace tether::store;
using namespace tether::store::test;

namespace {

using Timestamps = std::vector<std::pair<std::string, Instant>>;
const sync::Key kApi{"RestApi", "a"};

sync::Pending pending(const std::string& type, const sync::Key& key, std::int64_t at_ms, std::int64_t doubt = 0) {
  return {type, key, from_ms(at_ms), from_ms(at_ms), doubt};
}

}  // namespace

TEST_CASE("a hold is kept until it is dropped, also over a restart") {
  TestStore store;
  const sync::Hold hold{"deployments", from_ms(5), 6, 7, 1, 2, 3, 4, 5, true, sync::Release::Released, 8, 9};
  store.write([&hold](sync::Records& records) {
    CHECK_FALSE(records.hold("deployments"));
    sync::Hold first;
    first.scope = "deployments";
    records.put_hold(first);
    records.put_hold(hold);
  });

  store.reopen();

  store.write([&hold](sync::Records& records) {
    CHECK(records.hold("deployments") == hold);
    CHECK_FALSE(records.hold("plans"));
    records.drop_hold("deployments");
    CHECK_FALSE(records.hold("deployments"));
  });
}

TEST_CASE("a type's timestamp is the newest event seen, and just before the earliest that is pending") {
  TestStore store;
  store.write([](sync::Records& records) {
    records.put_seen("api.deployed", from_ms(2000));
    records.put_seen("api.deployed", from_ms(1000));
    CHECK(records.event_timestamps() == Timestamps{{"api.deployed", from_ms(2000)}});

    records.put_pending(pending("api.deployed", kApi, 3000));
    records.put_pending(pending("api.deployed", {"RestApi", "b"}, 4000));
    records.put_pending(pending("api.undeployed", {"RestApi", "c"}, 500));
  });
  store.reopen();
  store.write([](sync::Records& records) {
    CHECK(records.event_timestamps() == Timestamps{{"api.deployed", from_ms(2999)}, {"api.undeployed", from_ms(499)}});

    records.clear_pending(kApi);
    CHECK(records.event_timestamps()[0].second == from_ms(3999));
    records.clear_pending({"RestApi", "b"});
    CHECK(records.event_timestamps()[0].second == from_ms(4000));
  });
}

TEST_CASE("a timestamp steps back when an older event arrives late") {
  TestStore store;
  store.write([](sync::Records& records) {
    records.put_seen("api.deployed", from_ms(5000));

    records.put_pending(pending("api.deployed", kApi, 1000));

    CHECK(records.event_timestamps()[0].second == from_ms(999));
  });
}

TEST_CASE("events of one type about one resource are pending from the first on") {
  TestStore store;
  store.write([](sync::Records& records) {
    records.put_pending(pending("api.deployed", kApi, 2000));
    records.put_pending(pending("api.deployed", kApi, 1000));
    records.put_pending(pending("api.deployed", kApi, 3000));

    CHECK(records.earliest_pending_deployment() == from_ms(1000));
    records.clear_pending(kApi);
    CHECK_FALSE(records.earliest_pending_deployment().is_set());
    CHECK(records.event_timestamps()[0].second == from_ms(3000));
  });
}

TEST_CASE("what ends an artifact in doubt is told by when it came, and of when it is") {
  TestStore store;
  store.write([](sync::Records& records) {
    const char* const type = GENERATE("api.undeployed", "api.deleted");
    records.put_pending(pending("api.deployed", kApi, 3000, /*doubt=*/9));
    CHECK_FALSE(records.is_stopped_since(kApi, 0, from_ms(0)));
    records.put_pending(pending(type, kApi, 2000, /*doubt=*/5));

    CHECK(records.is_stopped_since(kApi, 4, from_ms(1999)));
    CHECK_FALSE(records.is_stopped_since(kApi, 5, from_ms(1999)));
    CHECK_FALSE(records.is_stopped_since(kApi, 4, from_ms(2000)));
    CHECK_FALSE(records.is_stopped_since({kApi.kind, "another"}, 4, from_ms(0)));
  });
}

TEST_CASE("a doubt ends with a listing asked after it, not with the resource") {
  TestStore store;
  store.write([](sync::Records& records) {
    records.put_pending(pending("api.deployed", kApi, 1000, /*doubt=*/5));
    records.put_pending(pending("api.deployed", kApi, 2000));

    records.clear_pending(kApi);
    CHECK(records.earliest_pending_deployment() == from_ms(1000));
    records.clear_doubts(/*asked_change=*/4);
    CHECK(records.open_work().doubts);
    records.clear_doubts(/*asked_change=*/5);
    CHECK_FALSE(records.open_work().doubts);
    CHECK_FALSE(records.earliest_pending_deployment().is_set());
  });
}

TEST_CASE("a doubt that comes again waits for a listing asked after the last of them") {
  TestStore store;
  store.write([](sync::Records& records) {
    records.put_pending(pending("api.deployed", kApi, 1000, /*doubt=*/5));
    records.put_pending(pending("api.deployed", kApi, 2000, /*doubt=*/9));

    records.clear_doubts(5);

    CHECK(records.earliest_pending_deployment() == from_ms(1000));
  });
}

TEST_CASE("a listing of doubts leaves what the gateway owes") {
  TestStore store;
  store.write([](sync::Records& records) {
    records.put_pending(pending("api.deployed", kApi, 1000));

    records.clear_doubts(100);

    CHECK(records.earliest_pending_deployment() == from_ms(1000));
  });
}

TEST_CASE("only deployments and undeployments hold the listing mark back") {
  TestStore store;
  store.write([](sync::Records& records) {
    records.put_pending(pending("apikey.created", {"ApiKey", "k"}, 1000));
    records.put_pending(pending("api.deleted", kApi, 2000));
    CHECK_FALSE(records.earliest_pending_deployment().is_set());

    records.put_pending(pending("llmproxy.undeployed", {"LlmProxy", "x"}, 4000));
    CHECK(records.earliest_pending_deployment() == from_ms(4000));
    records.put_pending(pending("api.deployed", kApi, 3000));
    CHECK(records.earliest_pending_deployment() == from_ms(3000));
  });
}

TEST_CASE("a correlation id is new once, until it has expired") {
  TestStore store;
  store.write([](sync::Records& records) {
    CHECK(records.remember("c1", from_ms(1000), from_ms(0)));
    CHECK_FALSE(records.remember("c1", from_ms(2000), from_ms(0)));
  });
  store.reopen();
  store.write([](sync::Records& records) {
    CHECK_FALSE(records.remember("c1", from_ms(3000), from_ms(1000)));
    CHECK(records.remember("c1", from_ms(3000), from_ms(1001)));
  });
}

TEST_CASE("the oldest correlation id is forgotten past the limit") {
  TestStore store;
  store.write([](sync::Records& records) { records.remember("first", from_ms(1), from_ms(0)); });
  store.raw()->execute("UPDATE correlations SET number = ?", 1);
  store.raw()->execute("INSERT INTO correlations (number, identity, correlation_id, at_ns) VALUES (?, 1, 'last', 1)",
                       kMaxCorrelations);
  store.write([](sync::Records& records) {
    CHECK_FALSE(records.remember("first", from_ms(1), from_ms(0)));

    CHECK(records.remember("one more", from_ms(1), from_ms(0)));

    CHECK(records.remember("first", from_ms(1), from_ms(0)));
  });
}

TEST_CASE("hints are kept with all that they say, one for each resource [A4]") {
  TestStore store;
  sync::Hint hint;
  hint.state.kind = "Subscription";
  hint.state.id = "s";
  hint.state.artifact_id = "a";
  hint.state.name = "name";
  hint.state.references = {"gold"};
  hint.state.data = R"({"subscriptionToken":"plain-text-token"})";
  hint.change = 7;
  store.write([&hint](sync::Records& records) {
    records.put_hint({{}, true, 1});
    records.put_hint(hint);
    hint.change = 8;
    records.put_hint(hint);
    records.drop_hint({"", ""});
  });
  store.reopen();

  store.write([&hint](sync::Records& records) {
    const auto hints = records.hints();
    REQUIRE(hints.size() == 1);
    CHECK(hints[0].state.kind == "Subscription");
    CHECK(hints[0].state.id == "s");
    CHECK(hints[0].state.artifact_id == "a");
    CHECK(hints[0].state.name == "name");
    CHECK(hints[0].state.references == hint.state.references);
    CHECK(hints[0].state.data == hint.state.data);
    CHECK(hints[0].change == 8);
    CHECK_FALSE(hints[0].deleted);
  });
  CHECK(store.raw()->number("SELECT count(*) FROM hints WHERE instr(data, 'plain-text-token')") == 0);

  store.raw()->execute("UPDATE hints SET key_id = key_id + 1");
  store.write([](sync::Records& records) { CHECK(records.hints().empty()); });
  CHECK(store.raw()->number("SELECT count(*) FROM hints") == 0);
}
