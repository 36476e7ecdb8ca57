#include <catch2/catch.hpp>

#include "world.h"

using namespace tether;
using namespace tether::sync;
using namespace tether::sync::test;

namespace {

protocol::ResourceState update(const std::string& artifact_id, const std::string& name, Instant at,
                               const std::string& display) {
  protocol::ResourceState state = World::key("", artifact_id, name, at);
  state.data = R"({"maskedApiKey":")" + display + R"("})";
  return state;
}

/// Of eight keys of one artifact the list has lacked k0 once.
void lack_one_of_eight(World& world) {
  for (int i = 0; i < 8; ++i) {
    const std::string id = "k" + std::to_string(i);
    world.keys[id] = World::key(id, "a", id, from_ms(1000));
  }
  world.deploy("a", "d1");
  world.settle();
  world.keys.erase("k0");
  world.relist();
  world.serve();
}

}  // namespace

TEST_CASE("what is said late of something that is gone ends when it is found not to exist once more [A7]") {
  World world;
  world.deploy("a", "d1");
  world.settle();
  world.remove("a");
  world.deleted_event("a");
  world.serve();
  REQUIRE(world.artifact("a")->wanted == Wanted::Gone);
  const std::string heard = GENERATE("before", "after");
  const auto late = World::key("late", "a", "key", from_ms(1000));
  const auto say_late = [&world, &late] { world.event("apikey.created", protocol::KeyCreated{late}); };
  if (heard == "before") say_late();
  world.deleted_event("a");
  if (heard == "after") say_late();  // it may be of the next one
  world.serve();
  CHECK(world.resource("ApiKey", "late")->gone == (heard == "before"));

  world.run(3s);
  if (heard == "after") world.keys["late"] = late;
  world.event(world.deploy("a", "d3"));
  world.serve_for(3s);
  CHECK(world.offered("a") == "d3");
  CHECK(world.offered("ApiKey", "late").empty() == (heard == "before"));
}

TEST_CASE("a key waits for its artifact, leaves with it and returns with it") {
  World world;
  world.keys["k"] = World::key("k", "a", "key", from_ms(1000));
  world.settle();
  world.event("apikey.created", protocol::KeyCreated{world.keys["k"]});
  CHECK(world.offered("ApiKey", "k").empty());
  world.event(world.deploy("a", "d1"));
  world.serve();
  CHECK(world.offered("ApiKey", "k") == world.keys["k"].data);

  world.run(3s);
  world.event(world.undeploy("a"));
  CHECK(world.offered("ApiKey", "k").empty());
  CHECK_FALSE(world.resource("ApiKey", "k")->gone);

  world.run(3s);
  world.event(world.deploy("a", "d2"));
  world.serve();
  CHECK(world.offered("ApiKey", "k") == world.keys["k"].data);
}

TEST_CASE("a created key is stored, however many there are [B7]") {
  World world;
  world.deploy("a", "d1");
  world.settle();
  for (int i = 0; i < 30; ++i) {
    const std::string id = "k" + std::to_string(i);
    world.keys[id] = World::key(id, "a", "name " + id, from_ms(1000));
    world.event("apikey.created", protocol::KeyCreated{world.keys[id]});
  }

  CHECK(world.offered("ApiKey", "k29") == world.keys["k29"].data);
}

TEST_CASE("what a key is called is no affair of ours: by event and by list, in any script and length, or twice [B7]") {
  const std::vector<std::string> names = {"k", "K", "k", "Schlüssel 鍵", "a/b?c=d&e", " ", std::string(2000, 'n')};
  World world;
  world.deploy("a", "d1");
  world.settle();
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string id = "uuid-" + std::to_string(i);
    world.keys[id] = World::key(id, "a", names[i], from_ms(1000));
    if (i % 2 == 0) world.event("apikey.created", protocol::KeyCreated{world.keys[id]});
  }
  world.relist();
  world.serve();

  for (const auto& [id, key] : world.keys) CHECK(world.offered("ApiKey", id) == key.data);
}

TEST_CASE("another content of the same second is applied, and the list is asked [B7]") {
  World world;
  world.deploy("a", "d1");
  world.keys["k"] = World::key("k", "a", "key", from_ms(1000), "one");
  world.settle();
  const auto listed = world.count_asked("GET /apis/api-keys");
  world.keys["k"] = World::key("k", "a", "key", from_ms(1000), "two");
  world.event("apikey.created", protocol::KeyCreated{world.keys["k"]});

  CHECK(world.offered("ApiKey", "k") == world.keys["k"].data);
  CHECK(world.count_asked("GET /apis/api-keys") == listed + 1);
}

TEST_CASE("what a list says of a key stands against what an event said [F11]") {
  World world;
  world.deploy("a", "d1");
  world.settle();
  world.keys["k"] = World::key("k", "a", "key", world.cp_now(), "without allowedTargets");
  world.event("apikey.created", protocol::KeyCreated{World::key("k", "a", "key", world.cp_now(), "allowedTargets: a")});
  CHECK(world.offered("ApiKey", "k").find("allowedTargets: a") != std::string::npos);

  world.relist();
  world.serve();

  CHECK(world.offered("ApiKey", "k") == world.keys["k"].data);
}

TEST_CASE("a list that says what an event has said offers nothing anew") {
  World world;
  world.deploy("a", "d1");
  world.settle();
  world.keys["k"] = World::key("k", "a", "key", from_ms(1000), "one");
  world.event("apikey.created", protocol::KeyCreated{world.keys["k"]});
  world.push();
  const auto before = world.resource("ApiKey", "k");
  world.keys["k"].updated_at = from_ms(1500);  // an event has whole seconds
  world.relist();
  world.serve();

  const auto after = world.resource("ApiKey", "k");
  CHECK(after->offering.revision == before->offering.revision);
  CHECK(after->body == before->body);
  CHECK_FALSE(after->unconfirmed);
  CHECK(after->updated_at == from_ms(1500));
}

TEST_CASE(
    "a key that was created before what the lists have said is no word: a revoked one does not come back [CE-6]") {
  World world;
  world.deploy("a", "d1");
  world.link_up();
  world.serve();
  world.push();
  const auto key = World::key("k", "a", "key", from_ms(1000));
  world.event("apikey.created", protocol::KeyCreated{key});  // a replay; its revocation was not heard
  CHECK(world.offered("ApiKey", "k").empty());
  CHECK_FALSE(world.standing().settled);
  world.serve();
  CHECK(world.offered("ApiKey", "k").empty());
  CHECK_FALSE(world.standing().in_sync);  // the list may lag behind the event
  world.serve_for(11s);
  CHECK(world.offered("ApiKey", "k").empty());
  CHECK(world.standing().in_sync);

  world.keys["k"] = key;
  world.event("apikey.created", protocol::KeyCreated{key});
  world.serve();
  CHECK_FALSE(world.offered("ApiKey", "k").empty());
}

TEST_CASE("a key that was created before the last list of keys, and that lacks it, is no word either [CE-6]") {
  World world;
  world.deploy("a", "d1");
  world.settle();
  world.run(5s);
  const auto key = World::key("k", "a", "key", world.cp_now());
  const auto listings = world.count_asked("GET /apis/api-keys");
  const auto created = [&](Instant at) {
    protocol::Event event;
    event.type = "apikey.created";
    event.at = at;
    event.body = protocol::KeyCreated{key};
    world.with([&](Engine& engine, Records& records) { engine.on_event(records, event, world.now()); });
  };
  const Instant then{world.cp_now().ns / 1'000'000'000 * 1'000'000'000};
  world.run(3s);
  world.event("apikey.revoked", protocol::KeyRevoked{"a", "key"});  // nothing is known of it yet
  world.event("apikey.updated", protocol::KeyUpdated{update("a", "key", world.cp_now(), "two")});
  world.serve();
  REQUIRE(world.count_asked("GET /apis/api-keys") == listings + 2);
  created(then);
  CHECK(world.offered("ApiKey", "k").empty());
  world.serve();
  CHECK(world.count_asked("GET /apis/api-keys") == listings + 3);

  world.run(2s);
  created(world.cp_now());
  CHECK_FALSE(world.offered("ApiKey", "k").empty());
}

TEST_CASE("a key of before the link whose artifact is not known yet is kept: no list may have it [A7]") {
  World world;
  world.link_up();
  const auto key = World::key("k", "m", "key", from_ms(1000));
  world.event("apikey.created", protocol::KeyCreated{key});
  world.deploy("m", "d1", "Mcp");
  world.serve();

  CHECK(world.offered("ApiKey", "k") == key.data);
}

TEST_CASE("an older created event is nothing") {
  World world;
  world.deploy("a", "d1");
  world.keys["k"] = World::key("k", "a", "key", from_ms(9000), "new");
  world.settle();
  world.event("apikey.created", protocol::KeyCreated{World::key("k", "a", "key", from_ms(1000), "old")});

  CHECK(world.offered("ApiKey", "k") == world.keys["k"].data);
}

TEST_CASE("an update is merged into the key that artifact and name find [A7]") {
  World world;
  world.deploy("a", "d1");
  world.keys["k"] = World::key("k", "a", "key", from_ms(1000), "one");
  world.settle();
  world.event("apikey.updated", protocol::KeyUpdated{update("a", "key", from_ms(9000), "two")});

  const auto data = world.offered("ApiKey", "k");
  CHECK(data.find(R"("maskedApiKey":"two")") != std::string::npos);
  CHECK(data.find(R"("uuid":"k")") != std::string::npos);
}

TEST_CASE("an update of an unknown key has its kind listed [A7]") {
  World world;
  world.deploy("a", "d1");
  world.settle();
  world.keys["k"] = World::key("k", "a", "key", from_ms(9000), "two");
  world.event("apikey.updated", protocol::KeyUpdated{update("a", "key", from_ms(9000), "two")});
  world.serve();

  CHECK(world.offered("ApiKey", "k") == world.keys["k"].data);
}

TEST_CASE("a revoked key goes at once, and a list that lags behind does not bring it back") {
  World world;
  world.deploy("a", "d1");
  world.keys["k"] = World::key("k", "a", "key", from_ms(1000));
  world.settle();
  const auto listed = world.count_asked("GET /apis/api-keys");
  world.event("apikey.revoked", protocol::KeyRevoked{"a", "key"});
  CHECK(world.offered("ApiKey", "k").empty());
  CHECK(world.count_asked("GET /apis/api-keys") == listed + 1);
  world.serve();  // still active there
  CHECK(world.offered("ApiKey", "k").empty());
  CHECK_FALSE(world.standing().in_sync);

  SECTION("the next list has it as it is") {
    world.keys["k"].active = false;
    world.serve_for(11s);
    CHECK(world.offered("ApiKey", "k").empty());
  }
  SECTION("the event was an old one, and the list has the last word") {
    world.serve_for(11s);
    CHECK(world.offered("ApiKey", "k") == world.keys["k"].data);
  }
  CHECK(world.standing().in_sync);
}

TEST_CASE("a revoked key whose creation was never heard goes soon after a list that lags behind brought it") {
  World world;
  world.deploy("a", "d1");
  world.keys["other"] = World::key("other", "a", "other", world.cp_now());
  world.settle();
  world.keys["k"] = World::key("k", "a", "key", world.cp_now());
  world.event("apikey.revoked", protocol::KeyRevoked{"a", "key"});
  CHECK_FALSE(world.standing().in_sync);
  world.event(world.deploy("b", "d2"));  // has the list asked too
  world.serve_for(2s);                   // still active there
  CHECK_FALSE(world.offered("ApiKey", "k").empty());
  world.keys.erase("k");
  world.serve_for(25s);

  CHECK(world.offered("ApiKey", "k").empty());
  CHECK(world.standing().in_sync);
}

TEST_CASE("a key that was made after the revocation of its name is back with the first list") {
  World world;
  world.deploy("a", "d1");
  world.settle();
  world.keys["k"] = World::key("k", "a", "key", world.cp_now() + std::chrono::seconds(2));
  world.relist();
  world.serve();
  world.event("apikey.revoked", protocol::KeyRevoked{"a", "key"});  // of the one before it
  world.serve();

  CHECK(world.offered("ApiKey", "k") == world.keys["k"].data);
}

TEST_CASE("a list that lags behind an update does not put the key back [B7]") {
  World world;
  world.deploy("a", "d1");
  world.keys["k"] = World::key("k", "a", "key", from_ms(1000), "one");
  world.settle();
  world.event("apikey.updated", protocol::KeyUpdated{update("a", "key", from_ms(5000), "two")});
  // The second of its second: the list is asked.
  world.event("apikey.updated", protocol::KeyUpdated{update("a", "key", from_ms(5000), "three")});
  world.serve();

  CHECK(world.offered("ApiKey", "k").find("three") != std::string::npos);
}

TEST_CASE("a row that says revoked is an explicit statement") {
  World world;
  world.deploy("a", "d1");
  world.keys["k"] = World::key("k", "a", "key", from_ms(1000));
  world.settle();
  world.keys["k"].active = false;
  world.relist();
  world.serve();

  CHECK(world.offered("ApiKey", "k").empty());
  CHECK_FALSE(world.hold("keys/RestApi"));
}

TEST_CASE("a key that two listings lack goes [B5]") {
  World world;
  lack_one_of_eight(world);
  CHECK_FALSE(world.offered("ApiKey", "k0").empty());
  CHECK_FALSE(world.standing().in_sync);
  world.serve_for(12s);

  CHECK(world.offered("ApiKey", "k0").empty());
  CHECK(world.standing().in_sync);
}

TEST_CASE("a key whose artifact was undeployed between two absences stays, and nothing stays open [B3]") {
  World world;
  for (int i = 0; i < 8; ++i) {
    const std::string id = "k" + std::to_string(i);
    world.keys[id] = World::key(id, i == 0 ? "a" : "b", id, from_ms(1000));
  }
  world.deploy("a", "d1");
  world.deploy("b", "d2");
  world.settle();
  const auto kept = world.keys["k0"];
  world.keys.erase("k0");
  world.relist();
  world.serve();
  world.event(world.undeploy("a"));
  world.push();
  world.serve_for(15s);

  CHECK_FALSE(world.resource("ApiKey", "k0")->gone);
  CHECK(world.standing().in_sync);
}

TEST_CASE("a key whose artifact changes while the list is asked again stays in question, and goes [B5]") {
  World world;
  lack_one_of_eight(world);
  CHECK_FALSE(world.standing().in_sync);
  while (!world.awaits(Call::Keys)) world.run(1s);
  const auto listing = world.take_request(Call::Keys);
  world.event(world.deploy("a", "d2"));
  world.answer(listing);
  world.serve_for(2s);
  CHECK_FALSE(world.offered("ApiKey", "k0").empty());
  CHECK_FALSE(world.standing().in_sync);

  world.serve_for(12s);
  CHECK(world.offered("ApiKey", "k0").empty());
  CHECK(world.standing().in_sync);
}

TEST_CASE("the time of a key event is held back until the gateway has answered it") {
  World world;
  world.deploy("a", "d1");
  world.settle();
  world.event("apikey.created", protocol::KeyCreated{World::key("k", "a", "key", from_ms(1000))});
  const Instant pending = world.timestamp("apikey.created");
  world.push();

  CHECK(world.timestamp("apikey.created") == pending + 1ms);
}

TEST_CASE("the time of a revocation of what was never offered is not held back") {
  World world;
  world.settle();
  world.event("apikey.created", protocol::KeyCreated{World::key("k", "nowhere", "key", from_ms(1000))});
  world.event("apikey.revoked", protocol::KeyRevoked{"nowhere", "key"});

  CHECK(world.timestamp("apikey.revoked").ns % 1'000'000'000 == 0);
}

TEST_CASE("keys for what does not exist yet are kept [A7]") {
  World world;
  world.settle();
  world.event("apikey.created", protocol::KeyCreated{World::key("k", "later", "key", from_ms(1000))});
  world.serve_for(5s);

  REQUIRE(world.resource("ApiKey", "k"));
  CHECK_FALSE(world.resource("ApiKey", "k")->gone);
}

TEST_CASE("keys are not judged while the absence of their artifact is") {
  World world;
  world.deploy("a", "d1");
  for (int i = 0; i < 20; ++i) world.deploy("b" + std::to_string(i), "e" + std::to_string(i));
  for (int i = 0; i < 20; ++i) {
    const std::string key = "k" + std::to_string(i);
    world.keys[key] = World::key(key, i < 3 ? "a" : "b1", key, from_ms(1000));
  }
  world.settle();
  const Deployment kept = world.deployments["a"];
  world.deployments.erase("a");  // with its keys: the list shows only those of what is deployed
  world.relist();
  world.serve();
  CHECK_FALSE(world.resource("ApiKey", "k0")->absent);
  world.deployments["a"] = kept;
  world.serve_for(15s);

  CHECK_FALSE(world.offered("ApiKey", "k0").empty());
  CHECK(world.standing().in_sync);
}

TEST_CASE("a key that belongs to another artifact now does not stay in service with the former one") {
  World world;
  world.deploy("a", "d1");
  world.keys["k"] = World::key("k", "a", "key", from_ms(1000));
  world.settle();
  CHECK_FALSE(world.offered("ApiKey", "k").empty());
  world.event("apikey.created", protocol::KeyCreated{World::key("k", "elsewhere", "key", from_ms(9000))});

  CHECK(world.offered("ApiKey", "k").empty());
}

TEST_CASE("a revocation is of every key that is known by its name") {
  World world;
  world.deploy("m", "d1", "Mcp");
  world.settle();
  world.event("apikey.created", protocol::KeyCreated{World::key("first", "m", "key", from_ms(1000))});
  world.event("apikey.created", protocol::KeyCreated{World::key("second", "m", "key", from_ms(9000))});
  world.event("apikey.created", protocol::KeyCreated{World::key("other", "m", "another", from_ms(9000))});

  world.event("apikey.revoked", protocol::KeyRevoked{"m", "key"});

  CHECK(world.offered("ApiKey", "first").empty());
  CHECK(world.offered("ApiKey", "second").empty());
  CHECK_FALSE(world.offered("ApiKey", "other").empty());
}

TEST_CASE("a key of an MCP proxy that is not known yet is kept, though lists have spoken since: none has it") {
  World world;
  world.settle();
  world.deploy("m", "d1", "Mcp");
  world.event("apikey.created", protocol::KeyCreated{World::key("k", "m", "key", from_ms(1000))});  // before its row
  REQUIRE_FALSE(world.artifact("m"));

  world.link_up();
  world.serve();

  CHECK_FALSE(world.offered("ApiKey", "k").empty());
}

TEST_CASE("a key of an MCP proxy that is created again after it was revoked is taken: no list would bring it") {
  World world;
  world.deploy("m", "d1", "Mcp");
  world.settle();
  const auto key = World::key("k", "m", "key", from_ms(1000));
  world.event("apikey.created", protocol::KeyCreated{key});
  REQUIRE(world.offered("ApiKey", "k") == key.data);
  world.event("apikey.revoked", protocol::KeyRevoked{"m", "key"});
  REQUIRE(world.offered("ApiKey", "k").empty());

  world.event("apikey.created", protocol::KeyCreated{key});

  CHECK(world.offered("ApiKey", "k") == key.data);
}
