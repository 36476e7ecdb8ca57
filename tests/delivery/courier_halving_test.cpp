// How the courier finds the line for which a whole body is refused.
#include <catch2/catch.hpp>

#include "desk.h"

namespace tether::test {

namespace {

std::string id_of(int n) {
  return "api-" + std::to_string(n);
}

}  // namespace

TEST_CASE("a delta that is refused whole is halved until the refused line stands alone") {
  const int status = GENERATE(400, 413, 422);
  CAPTURE(status);
  Desk desk;
  for (int n = 0; n < 40; ++n) desk.write(id_of(n), 1);
  desk.tell();
  desk.pump();

  for (int n = 0; n < 32; ++n) desk.write(id_of(n), 2);
  desk.gateway.poisoned.emplace(id_of(13), 2);
  desk.tell();
  desk.run(1min);

  REQUIRE(desk.refused_lines.size() == 1);
  CHECK(desk.refused_lines[0].line.id == id_of(13));
  CHECK(desk.refused_lines[0].line.reason.find("400") != std::string::npos);
  CHECK(desk.quarantined.size() == 1);
  CHECK(desk.gateway.resources == desk.wanted());
  CHECK(desk.gateway.resources.at(id_of(13)) == 1);
  CHECK(desk.courier.condition() == GatewayCondition::InSync);
  // 5 halvings of 32 lines, and what follows each good half.
  CHECK(desk.gateway.received.size() < 20);
}

TEST_CASE("a first PUT that is refused whole becomes an empty PUT and halved deltas") {
  Desk desk;
  for (int n = 0; n < 20; ++n) desk.write(id_of(n), 1);
  desk.gateway.poisoned.emplace(id_of(0), 1);
  desk.gateway.poisoned.emplace(id_of(19), 1);
  // Also where tombstones were dropped: a gateway that has nothing misses none of them.
  desk.standing.floor = 5;
  desk.tell();
  desk.run(1min);

  REQUIRE(desk.puts() == 2);
  CHECK(desk.gateway.received.at(1).full);
  CHECK(desk.gateway.received.at(1).lines.empty());
  CHECK(desk.gateway.received.at(1).revision == 1);
  CHECK(desk.refused_lines.size() == 2);
  CHECK(desk.gateway.resources.size() == 18);
  CHECK(desk.courier.condition() == GatewayCondition::InSync);
}

TEST_CASE("a PUT that was given up and is taken late is not emptied because the next one is refused whole") {
  Desk desk;
  for (int n = 0; n < 20; ++n) desk.write(id_of(n), 1);
  desk.tell();
  REQUIRE(std::holds_alternative<AskState>(desk.courier.take_command(desk.now).value()));
  desk.courier.on_state({desk.gateway.instance, "", 0, 0}, desk.now);
  const auto put = std::get<Push>(desk.courier.take_command(desk.now).value());
  PushOutcome refused{put.epoch, put.up_to, 20, std::nullopt, {}};
  refused.answer = GatewayProblem{GatewayFailure::Status, 413, "too large"};

  // While it was refused, the gateway took one that it had been sent before.
  desk.courier.on_push_outcome(put.number, refused, desk.now);

  REQUIRE(std::holds_alternative<AskState>(desk.courier.take_command(desk.now).value()));
  desk.courier.on_state({desk.gateway.instance, put.epoch, put.up_to, 20}, desk.now);
  const auto next = std::get<Push>(desk.courier.take_command(desk.now).value());
  CHECK_FALSE(next.full);
}

TEST_CASE(
    "a gateway that was given something in parts does not pass for empty when another identity takes over [CE-2]") {
  Desk desk;
  for (int n = 0; n < 20; ++n) desk.write(id_of(n), 1);
  desk.gateway.max_lines = 15;
  desk.records_at_most = 1;  // the empty PUT's; the first part's is out
  desk.tell();
  desk.pump();
  REQUIRE(desk.gateway.resources.size() == 10);

  desk.earlier_epochs[desk.standing.epoch] = desk.standing.revision;
  desk.standing.epoch = "e2";
  desk.standing.answered = {};
  for (int n = 0; n < 20; ++n) desk.write(id_of(n), 2);
  desk.records_at_most = SIZE_MAX;
  desk.tell();
  desk.run(10min);

  // Too many lines for one PUT, and with what it has nothing else is right.
  CHECK(desk.gateway.resources.size() == 10);
  CHECK(desk.courier.condition() == GatewayCondition::Refusing);
}

TEST_CASE("a gateway that takes only a few lines at a time gets all of them, and none is refused") {
  Desk desk;
  for (int n = 0; n < 100; ++n) desk.write(id_of(n), 1);
  desk.gateway.max_lines = 7;
  desk.tell();
  desk.run(1min);

  CHECK(desk.refused_lines.empty());
  CHECK(desk.gateway.resources == desk.wanted());
  CHECK(desk.courier.condition() == GatewayCondition::InSync);
}

TEST_CASE("each half holds all changes up to its revision") {
  Desk desk;
  for (int n = 0; n < 16; ++n) desk.write(id_of(n), 1);
  desk.tell();
  desk.pump();
  for (int n = 0; n < 16; ++n) desk.write(id_of(n), 2);
  desk.gateway.max_lines = 5;
  desk.gateway.received.clear();
  desk.tell();
  desk.run(1min);

  std::int64_t expected = 1;
  for (const auto& body : desk.gateway.received) {
    if (body.lines.size() > 5) continue;
    CHECK(body.from <= body.revision);
    expected += static_cast<std::int64_t>(body.lines.size());
  }
  CHECK(expected == 17);
  CHECK(desk.gateway.resources == desk.wanted());
}

TEST_CASE("a PUT that is refused whole by a gateway with this store's epoch becomes halved deltas of everything") {
  Desk desk;
  for (int n = 0; n < 20; ++n) desk.write(id_of(n), 1);
  desk.gateway.loses_answers = true;
  desk.tell();
  desk.pump();
  // It has everything, which was never heard; now the same body is refused for a new line in it.
  desk.gateway.loses_answers = false;
  desk.gateway.poisoned.emplace(id_of(3), 2);
  desk.put(id_of(3), 2);
  desk.put(id_of(4), 0);
  desk.run(1min);

  CHECK(desk.refused_lines.size() == 1);
  CHECK(desk.gateway.resources == desk.wanted());
  CHECK(desk.courier.condition() == GatewayCondition::InSync);
}

TEST_CASE("the pieces of a PUT go on after a restart of the daemon, also below where tombstones were dropped") {
  Desk desk;
  for (int n = 0; n < 20; ++n) desk.write(id_of(n), 1);
  desk.standing.floor = 15;
  desk.gateway.poisoned.emplace(id_of(19), 1);
  for (int n = 0; n < 4; ++n) desk.gateway.resources[id_of(n)] = 1;
  desk.gateway.epoch = "e1";
  desk.gateway.revision = 5;
  desk.standing.answered = {"i1", "e1", 5};
  desk.restart_daemon("e2");
  desk.run(1min);

  CHECK(desk.puts() == 0);
  CHECK(desk.refused_lines.size() == 1);
  CHECK(desk.gateway.resources.size() == 19);
  CHECK(desk.courier.condition() == GatewayCondition::InSync);
}

TEST_CASE("a gateway that falls behind its answer between the pieces of a PUT is sent pieces again") {
  Desk desk;
  for (int n = 0; n < 20; ++n) desk.write(id_of(n), 1);
  desk.gateway.loses_answers = true;
  desk.tell();
  desk.pump();
  desk.gateway.loses_answers = false;
  desk.standing.floor = 21;  // where the gateway is
  desk.gateway.poisoned.emplace(id_of(3), 2);
  desk.gateway.stumbles_at = 5;
  desk.put(id_of(3), 2);
  desk.run(2min);

  CHECK(desk.gateway.received.size() > 5);
  CHECK(desk.refused_lines.size() == 1);
  CHECK(desk.gateway.resources == desk.wanted());
  CHECK(desk.courier.condition() == GatewayCondition::InSync);
}

TEST_CASE("a PUT that is refused whole by a gateway that has something else is tried again slowly") {
  Desk desk;
  desk.write("a", 1);
  desk.tell();
  desk.pump();
  desk.restart_daemon("e2");
  desk.gateway.received.clear();
  desk.gateway.instance = "i2";
  desk.gateway.answers_status = 400;

  desk.run(10s);
  CHECK(desk.courier.condition() == GatewayCondition::Refusing);
  CHECK(desk.gateway.received.size() == 1);
  desk.run(10min);
  CHECK(desk.gateway.received.size() == 11);
  CHECK(desk.refused_lines.empty());

  desk.gateway.answers_status.reset();
  desk.run(1min);
  CHECK(desk.courier.condition() == GatewayCondition::InSync);
}

TEST_CASE("a body of no lines that is refused whole has nothing to halve") {
  Desk desk;
  desk.gateway.answers_status = 422;
  desk.tell();
  desk.run(5s);

  CHECK(desk.gateway.received.size() == 1);
  CHECK(desk.courier.condition() == GatewayCondition::Refusing);
}

TEST_CASE("a deletion that is refused again and again is tried with growing waits and holds nothing else up") {
  Desk desk;
  desk.write("a", 1);
  desk.write("b", 1);
  desk.tell();
  desk.pump();
  desk.gateway.poisoned.emplace("a", 0);
  desk.gateway.received.clear();
  desk.write("a", 0);
  desk.tell();
  desk.pump();
  desk.put("b", 2);

  desk.run(1h);

  CHECK(desk.gateway.resources.at("b") == 2);
  CHECK(desk.courier.condition() != GatewayCondition::InSync);
  CHECK(desk.gateway.received.size() < 200);

  desk.gateway.poisoned.clear();
  desk.run(2min);
  CHECK(desk.gateway.resources == desk.wanted());
  CHECK(desk.courier.condition() == GatewayCondition::InSync);
}

TEST_CASE("a gateway that fell behind its own answer and refuses everything whole gets it in pieces, not in a loop") {
  Desk desk;
  for (int n = 0; n < 20; ++n) desk.write(id_of(n), 1);
  desk.tell();
  desk.pump();
  desk.run(1s);
  desk.gateway.revision = 3;  // the same instance, and less than it answered
  desk.gateway.max_lines = 5;
  desk.gateway.received.clear();

  desk.run(1min);

  CHECK(desk.gateway.received.size() < 20);
  CHECK(desk.gateway.resources == desk.wanted());
  CHECK(desk.courier.condition() == GatewayCondition::InSync);
}

TEST_CASE("ten thousand refused lines are remembered, and with one more all are forgotten") {
  const auto [lines, is_remembered] =
      GENERATE(table<std::size_t, bool>({{kMaxRefusedLines, true}, {kMaxRefusedLines + 1, false}}));
  Desk desk;
  for (std::size_t n = 0; n < lines; ++n) {
    const std::string id = id_of(static_cast<int>(n));
    desk.gateway.rejects.emplace(id, 1);
    desk.write(id, 1);
  }
  desk.gateway.rejects.emplace(id_of(0), 0);
  desk.tell();
  desk.pump();

  CHECK(desk.quarantined.size() == lines);
  // A PUT, then the removals: one of them is of a line that was refused before, which is followed by a wait. Where that
  // is not known any more, the next body goes at once.
  CHECK(desk.gateway.received.size() == (is_remembered ? 2U : 3U));
}

TEST_CASE("a restart of the gateway ends the halving") {
  Desk desk;
  for (int n = 0; n < 10; ++n) desk.write(id_of(n), 1);
  desk.gateway.max_lines = 3;
  desk.tell();
  desk.courier.take_command(desk.now);
  desk.courier.on_state(std::get<protocol::GatewayState>(desk.gateway.state()), desk.now);
  desk.pump();
  desk.gateway.restart("i2");
  desk.gateway.max_lines = 1000;
  desk.gateway.received.clear();

  desk.run(1min);

  REQUIRE(desk.gateway.received.size() == 1);
  CHECK(desk.gateway.received[0].full);
  CHECK(desk.gateway.resources == desk.wanted());
}

}  // namespace tether::test
