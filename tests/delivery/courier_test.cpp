// What the courier sends, row by row of the table of section 6 of the rule: what the gateway says.
#include <catch2/catch.hpp>

#include "desk.h"

namespace tether::test {

namespace {

/// A desk whose gateway has `count` resources and has answered them.
void settle(Desk& desk, int count) {
  for (int n = 0; n < count; ++n) desk.write("api-" + std::to_string(n), 1);
  desk.tell();
  desk.pump();
  REQUIRE(desk.courier.condition() == GatewayCondition::InSync);
  desk.gateway.received.clear();
}

}  // namespace

TEST_CASE("a fresh gateway gets everything at once, also from an incomplete store") {
  Desk desk;
  desk.standing.complete = false;
  desk.write("a", 1);
  desk.write("b", 1);
  desk.tell();

  desk.pump();

  REQUIRE(desk.gateway.received.size() == 1);
  CHECK(desk.gateway.received[0].full);
  CHECK(desk.gateway.resources == desk.wanted());
  CHECK(desk.courier.condition() == GatewayCondition::InSync);
  CHECK(desk.accepted.at(0).first_of_instance);
}

TEST_CASE("an empty store is put once, with no line and revision 1") {
  Desk desk;
  desk.tell();

  desk.run(1min);

  REQUIRE(desk.gateway.received.size() == 1);
  CHECK(desk.gateway.received[0].full);
  CHECK(desk.gateway.received[0].revision == 1);
  CHECK(desk.gateway.received[0].lines.empty());
  CHECK(desk.courier.condition() == GatewayCondition::InSync);
}

TEST_CASE("nothing is sent before the store has spoken") {
  Desk desk;

  desk.run(1min);

  CHECK(desk.gateway.received.empty());
}

TEST_CASE("a change is sent as a delta, without asking the state before") {
  Desk desk;
  settle(desk, 3);
  const auto asked = desk.asked;

  desk.put("api-1", 2);
  desk.pump();

  REQUIRE(desk.gateway.received.size() == 1);
  CHECK_FALSE(desk.gateway.received[0].full);
  CHECK(desk.gateway.received[0].lines == std::vector<ModelLine>{{"api-1", 2}});
  CHECK(desk.asked == asked);
  CHECK_FALSE(desk.accepted.back().first_of_instance);
}

TEST_CASE("a gateway that agrees is sent nothing, and asked at each interval") {
  Desk desk;
  settle(desk, 3);
  const auto asked = desk.asked;

  desk.run(60s);

  CHECK(desk.gateway.received.empty());
  CHECK(desk.asked == asked + 6);
  CHECK(desk.courier.proven_at() == desk.now);
}

TEST_CASE("a restart of the daemon moves the gateway to the new epoch with a delta of no lines") {
  Desk desk;
  settle(desk, 3);

  desk.restart_daemon("e2");
  desk.pump();

  REQUIRE(desk.gateway.received.size() == 1);
  CHECK_FALSE(desk.gateway.received[0].full);
  CHECK(desk.gateway.received[0].from_epoch == "e1");
  CHECK(desk.gateway.received[0].epoch == "e2");
  CHECK(desk.gateway.received[0].lines.empty());
  CHECK(desk.courier.condition() == GatewayCondition::InSync);
}

TEST_CASE("a restarted gateway is found at the next check and gets everything") {
  Desk desk;
  settle(desk, 3);

  desk.gateway.restart("i2");
  desk.run(10s);

  CHECK(desk.puts() == 1);
  CHECK(desk.gateway.resources == desk.wanted());
  CHECK(desk.accepted.back().answered.instance == "i2");
  CHECK(desk.accepted.back().first_of_instance);
}

TEST_CASE("another instance that names the right revision gets everything all the same") {
  Desk desk;
  settle(desk, 3);

  desk.gateway.instance = "i2";
  desk.run(10s);

  CHECK(desk.puts() == 1);
  CHECK(desk.courier.condition() == GatewayCondition::InSync);
}

TEST_CASE("an instance that is behind its own answer gets everything") {
  Desk desk;
  settle(desk, 3);

  desk.gateway.revision = 2;
  desk.gateway.resources.clear();
  desk.run(10s);

  CHECK(desk.puts() == 1);
  CHECK(desk.gateway.resources == desk.wanted());
}

TEST_CASE("CE-1: a delta whose answer was lost goes again from what was answered, and its refusal is learnt") {
  Desk desk;
  settle(desk, 3);
  desk.gateway.rejects.emplace("api-1", 2);
  desk.gateway.loses_answers = true;
  desk.put("api-1", 2);
  desk.pump();
  // It looks right: the gateway names the store's own revision, and has kept the earlier version.
  REQUIRE(desk.gateway.revision == desk.standing.revision);
  REQUIRE(desk.gateway.resources.at("api-1") == 1);
  CHECK(desk.courier.condition() != GatewayCondition::InSync);

  desk.gateway.loses_answers = false;
  desk.run(1min);

  CHECK(desk.gateway.received.at(1).lines == std::vector<ModelLine>{{"api-1", 2}});
  CHECK(desk.quarantined.contains({"api-1", 2}));
  CHECK(desk.rows.at("api-1").version == 1);
  CHECK(desk.courier.condition() == GatewayCondition::InSync);
}

TEST_CASE("CE-1: a PUT whose answer was lost goes again, whatever was answered before, and its refusal is learnt") {
  Desk desk;
  settle(desk, 3);
  desk.gateway.restart("i1");  // the same instance, and nothing of what it had
  desk.gateway.rejects.emplace("api-1", 1);
  desk.gateway.loses_answers = true;
  desk.run(10s);
  // It looks right: the gateway names the store's own revision, which it has answered once.
  REQUIRE(desk.gateway.revision == desk.standing.revision);
  REQUIRE_FALSE(desk.gateway.resources.contains("api-1"));
  CHECK(desk.courier.condition() != GatewayCondition::InSync);

  desk.gateway.loses_answers = false;
  SECTION("soon") {}
  SECTION("the daemon is killed meanwhile") {
    desk.restart_daemon("e2");
  }
  desk.run(1min);

  CHECK(desk.quarantined.contains({"api-1", 1}));
  CHECK(desk.courier.condition() == GatewayCondition::InSync);
}

TEST_CASE("before a PUT to an instance that has answered, that answer is forgotten") {
  Desk desk;
  settle(desk, 3);
  desk.records_verdicts = false;
  desk.gateway.restart("i1");
  desk.run(15s);
  CHECK(desk.gateway.received.empty());

  desk.records_verdicts = true;
  desk.run(20s);
  CHECK(desk.puts() == 1);
  CHECK(desk.courier.condition() == GatewayCondition::InSync);
}

TEST_CASE("CE-1: what a PUT refused while nothing could be stored is learnt after a restart") {
  Desk desk;
  settle(desk, 3);
  desk.standing.storable = false;
  desk.records_verdicts = false;
  desk.tell();
  desk.gateway.restart("i1");
  desk.gateway.rejects.emplace("api-1", 1);
  desk.run(20s);
  REQUIRE(desk.puts() == 1);
  CHECK(desk.gateway.resources == std::map<std::string, std::int64_t>{{"api-0", 1}, {"api-2", 1}});
  CHECK(desk.courier.condition() != GatewayCondition::InSync);

  desk.standing.storable = true;
  desk.records_verdicts = true;
  desk.restart_daemon("e2");
  desk.run(1min);

  CHECK(desk.quarantined.contains({"api-1", 1}));
  CHECK(desk.courier.condition() == GatewayCondition::InSync);
}

TEST_CASE("a gateway beyond what the store remembers waits for a full listing, then gets everything") {
  Desk desk;
  settle(desk, 3);
  // The store came back from a backup: fewer revisions, an older answer.
  desk.standing.revision = 2;
  desk.standing.answered.revision = 2;
  desk.rows.erase("api-1");
  desk.rows.erase("api-2");
  desk.restart_daemon("e2");
  desk.run(10min);
  CHECK(desk.gateway.received.empty());
  CHECK(desk.courier.condition() == GatewayCondition::Behind);
  CHECK_FALSE(desk.courier.last_error().empty());

  desk.write("api-1", 1);
  desk.write("api-2", 1);
  desk.standing.complete = true;
  desk.standing.contains_known = true;
  desk.tell();
  desk.pump();

  CHECK(desk.puts() == 1);
  CHECK(desk.gateway.resources == desk.wanted());
}

TEST_CASE("a gateway with an epoch that is not ours is not emptied by a lost store") {
  Desk desk;
  desk.gateway.epoch = "other";
  desk.gateway.revision = 17;
  for (int n = 0; n < 10; ++n) desk.gateway.resources["api-" + std::to_string(n)] = 1;
  desk.tell();
  desk.run(1h);
  CHECK(desk.gateway.received.empty());

  desk.standing.complete = true;
  struct Case {
    int offered;
    bool contains_known;
    bool held;
  };
  const auto given = GENERATE(Case{0, false, true}, Case{7, false, true}, Case{8, false, false}, Case{1, true, false});
  CAPTURE(given.offered, given.contains_known);
  for (int n = 0; n < given.offered; ++n) desk.write("api-" + std::to_string(n), 1);
  desk.standing.contains_known = given.contains_known;
  desk.tell();
  desk.run(1h);

  CHECK(desk.courier.is_held() == given.held);
  CHECK(desk.puts() == (given.held ? 0U : 1U));
}

TEST_CASE("a store that lacks content for a while replaces nothing, and adds to whoever has nothing") {
  Desk desk;
  desk.put("a", 1);
  desk.put("b", 1);
  desk.pump();
  REQUIRE(desk.gateway.resources.size() == 2);
  const auto puts = desk.puts();
  desk.standing.lost = true;  // and `a` would be missing in a PUT
  desk.tell();

  SECTION("not what another instance has") {
    desk.gateway.instance = "i2";
    desk.run(30s);
    CHECK(desk.puts() == puts);
    CHECK_THAT(desk.courier.last_error(), Catch::Contains("full listing"));

    desk.standing.lost = false;
    desk.tell();
    desk.run(30s);
    CHECK(desk.puts() == puts + 1);
    CHECK(desk.courier.condition() == GatewayCondition::InSync);
  }
  SECTION("a difference is sent all the same") {
    desk.put("c", 1);
    desk.pump();
    CHECK(desk.gateway.resources.size() == 3);
    CHECK(desk.puts() == puts);
  }
  SECTION("a gateway with nothing gets what there is") {
    desk.gateway.restart("i2");
    desk.run(30s);
    CHECK(desk.puts() == puts + 1);
    CHECK(desk.courier.condition() == GatewayCondition::InSync);
  }
}

TEST_CASE("a held push goes when the operator releases it, once") {
  Desk desk;
  desk.gateway.epoch = "other";
  desk.gateway.revision = 17;
  desk.gateway.resources["x"] = 1;
  desk.standing.complete = true;
  desk.tell();
  desk.run(1h);
  REQUIRE(desk.courier.is_held());

  const auto held = desk.courier.held();
  REQUIRE(held.has_value());
  CHECK((*held == HeldPut{"i1", "other", 17, /*has=*/1, /*would_get=*/0}));
  desk.courier.release_hold(*held, desk.now);
  desk.pump();

  CHECK(desk.puts() == 1);
  CHECK(desk.gateway.resources.empty());
  CHECK_FALSE(desk.courier.is_held());
  CHECK_FALSE(desk.courier.held().has_value());

  desk.gateway.epoch = "other";
  desk.gateway.revision = 17;
  desk.gateway.resources["x"] = 1;
  desk.run(1h);
  CHECK(desk.courier.is_held());
  CHECK(desk.puts() == 1);
}

TEST_CASE("an operator's word on a held push counts for what was shown alone") {
  Desk desk;
  desk.gateway.epoch = "other";
  desk.gateway.revision = 17;
  for (int n = 0; n < 10; ++n) desk.gateway.resources["api-" + std::to_string(n)] = 1;
  desk.standing.complete = true;
  desk.put("api-0", 1);
  desk.put("api-1", 1);
  desk.run(1min);
  REQUIRE(desk.courier.is_held());
  const HeldPut shown = *desk.courier.held();

  SECTION("the gateway has got more, or something else") {
    if (GENERATE(true, false)) desk.gateway.resources["api-10"] = 1;
    ++desk.gateway.revision;
    desk.run(1min);
    desk.courier.release_hold(shown, desk.now);
    desk.run(1h);
    CHECK(desk.courier.is_held());
  }
  SECTION("another gateway is there") {
    desk.gateway.instance = "i2";
    desk.run(1min);
    desk.courier.release_hold(shown, desk.now);
    desk.run(1h);
    CHECK(desk.courier.is_held());
  }
  SECTION("less would take its place") {
    desk.put("api-1", 0);
    desk.courier.release_hold(shown, desk.now);
    desk.run(1h);
    CHECK(desk.courier.is_held());
  }
  SECTION("less would take its place once the push that was let go had failed") {
    desk.gateway.answers_status = 503;
    desk.courier.release_hold(shown, desk.now);
    desk.pump();
    REQUIRE(desk.puts() == 1);
    desk.gateway.answers_status.reset();
    desk.put("api-1", 0);
    desk.run(1h);
    CHECK(desk.courier.is_held());
    CHECK(desk.gateway.resources.size() == 10);
  }
  SECTION("more would") {
    desk.put("api-2", 1);
    desk.courier.release_hold(shown, desk.now);
    desk.pump();
    CHECK_FALSE(desk.courier.is_held());
    CHECK(desk.gateway.resources == desk.wanted());
  }
}

TEST_CASE("a store that cannot be written serves a fresh gateway and nobody else") {
  Desk desk;
  desk.standing.storable = false;
  desk.records_verdicts = false;
  desk.put("a", 1);
  desk.pump();
  REQUIRE(desk.puts() == 1);

  desk.put("a", 2);
  desk.run(5min);
  CHECK(desk.gateway.received.size() == 1);

  desk.records_verdicts = true;
  desk.standing.storable = true;
  desk.tell();
  desk.run(1min);
  CHECK(desk.gateway.resources == desk.wanted());
  CHECK(desk.courier.condition() == GatewayCondition::InSync);
}

TEST_CASE("changes during a push go with the next one") {
  Desk desk;
  desk.put("a", 1);
  REQUIRE(std::holds_alternative<AskState>(desk.courier.take_command(desk.now).value()));
  desk.courier.on_state(std::get<protocol::GatewayState>(desk.gateway.state()), desk.now);
  const auto push = std::get<Push>(desk.courier.take_command(desk.now).value());

  desk.put("a", 2);
  CHECK_FALSE(desk.courier.take_command(desk.now));
  desk.courier.on_push_outcome(push.number, desk.gateway.push({true, {}, 0, "e1", push.up_to, {{"a", 1}}}), desk.now);
  desk.pump();

  CHECK(desk.gateway.resources == desk.wanted());
  CHECK(desk.gateway.received.at(1).lines == std::vector<ModelLine>{{"a", 2}});
}

TEST_CASE("pushes are numbered on from the number that is given") {
  Courier courier(
      {}, [](std::string_view) { return std::optional<std::int64_t>(); }, /*last_push=*/41, TimePoint{});
  courier.on_standing({.epoch = "e", .revision = 1, .answered = {}});
  courier.take_command(TimePoint{});
  courier.on_state({"i", "", 0, 0}, TimePoint{});

  CHECK(std::get<Push>(courier.take_command(TimePoint{}).value()).number == 42);
}

}  // namespace tether::test
