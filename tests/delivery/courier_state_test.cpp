// What the courier does with answers, failures and waits, and what it says of itself.
#include <catch2/catch.hpp>

#include "desk.h"

namespace tether::test {

TEST_CASE("an absent gateway is tried each second, and at once when its socket appears") {
  Desk desk;
  desk.gateway.is_away = true;
  desk.put("a", 1);
  CHECK(desk.courier.condition() == GatewayCondition::Connecting);
  desk.run(10s);
  CHECK(desk.asked == 11);
  CHECK(desk.courier.condition() == GatewayCondition::Away);
  CHECK_FALSE(desk.courier.present_instance());
  CHECK(desk.courier.last_error() == "nobody listens");

  desk.run(500ms);
  desk.gateway.is_away = false;
  desk.courier.on_gateway_appeared(desk.now);
  desk.pump();

  CHECK(desk.courier.condition() == GatewayCondition::InSync);
  CHECK(desk.courier.present_instance() == "i1");
  CHECK(desk.courier.last_error().empty());
}

TEST_CASE("a push that fails is repeated after the state was asked, with waits that double to the limit") {
  struct Case {
    GatewayFailure failure;
    int status;
    GatewayCondition condition;
  };
  const auto given = GENERATE(Case{GatewayFailure::Status, 503, GatewayCondition::Behind},
                              Case{GatewayFailure::Status, 404, GatewayCondition::Refusing},
                              Case{GatewayFailure::Timeout, 0, GatewayCondition::Behind},
                              Case{GatewayFailure::BadAnswer, 0, GatewayCondition::Behind},
                              Case{GatewayFailure::Source, 0, GatewayCondition::Behind},
                              Case{GatewayFailure::Gone, 0, GatewayCondition::Away},
                              Case{GatewayFailure::WrongUser, 0, GatewayCondition::Away},
                              Case{GatewayFailure::UnsafeFolder, 0, GatewayCondition::Away});
  CAPTURE(static_cast<int>(given.failure), given.status);
  TimePoint now{};
  Courier courier(
      {}, [](std::string_view) { return std::optional<std::int64_t>(); }, /*last_push=*/0, now);
  courier.on_standing({.epoch = "e", .revision = 5, .answered = {}});

  std::vector<std::int64_t> waits;
  for (int n = 0; n < 9; ++n) {
    REQUIRE(std::holds_alternative<AskState>(courier.take_command(now).value()));
    courier.on_state({"i", "", 0, 0}, now);
    const auto push = std::get<Push>(courier.take_command(now).value());
    courier.on_push_outcome(push.number,
                            {"e", 5, 3, std::nullopt, GatewayProblem{given.failure, given.status, "went wrong"}}, now);
    CHECK(courier.condition() == given.condition);
    CHECK(courier.last_error() == "went wrong");
    CHECK_FALSE(courier.take_command(now));
    const TimePoint next = courier.next_deadline().value();
    waits.push_back(std::chrono::duration_cast<std::chrono::seconds>(next - now).count());
    now = next;
    courier.on_deadline(now);
  }

  CHECK(waits == std::vector<std::int64_t>{1, 2, 4, 8, 16, 32, 60, 60, 60});
}

TEST_CASE("a 200 with another revision is no answer: nothing is taken as stored, and it goes again") {
  Desk desk;
  desk.gateway.answers_wrong_revision = true;
  desk.put("a", 1);
  desk.pump();
  CHECK(desk.accepted.empty());
  CHECK(desk.courier.condition() == GatewayCondition::Behind);
  CHECK_FALSE(desk.courier.take_command(desk.now + 999ms));

  desk.gateway.answers_wrong_revision = false;
  desk.run(1min);

  CHECK(desk.accepted.size() == 1);
  CHECK(desk.courier.condition() == GatewayCondition::InSync);
}

TEST_CASE("a gateway that is elsewhere is asked at once where it is") {
  Desk desk;
  desk.put("a", 1);
  desk.pump();

  // It restarts between two pushes: the next delta is answered 409.
  desk.gateway.restart("i2");
  desk.put("a", 2);
  desk.pump();

  CHECK(desk.gateway.resources == desk.wanted());
  CHECK(desk.accepted.back().answered.instance == "i2");
}

TEST_CASE("a gateway that always says it is elsewhere does not keep us busy") {
  Desk desk;
  desk.gateway.answers_status = 409;
  desk.put("a", 1);

  desk.run(1h);

  CHECK(desk.gateway.received.size() < 75);
}

TEST_CASE("a state that cannot be read or is refused shows as refusing") {
  const auto failure = GENERATE(GatewayFailure::BadAnswer, GatewayFailure::Status);
  Courier courier(
      {}, [](std::string_view) { return std::optional<std::int64_t>(); }, 0, TimePoint{});
  courier.take_command(TimePoint{});
  courier.on_state_problem({failure, 500, "no state"}, TimePoint{});

  CHECK(courier.condition() == GatewayCondition::Refusing);
  CHECK(courier.last_error() == "no state");
  CHECK(courier.next_deadline() == TimePoint{} + 1s);
}

TEST_CASE("nothing is decided while an answer is being stored, and the state is asked if that takes too long") {
  Desk desk;
  desk.records_verdicts = false;
  desk.put("a", 1);
  desk.pump();
  const auto asked = desk.asked;
  desk.put("a", 2);
  desk.run(9s);
  CHECK(desk.gateway.received.size() == 1);
  CHECK(desk.asked == asked);

  desk.records_verdicts = true;
  desk.run(10s);

  CHECK(desk.asked > asked);
  CHECK(desk.gateway.resources == desk.wanted());
  CHECK(desk.courier.condition() == GatewayCondition::InSync);
}

TEST_CASE("the proof of agreement counts from the sending of the request that gave it") {
  Desk desk;
  desk.put("a", 1);
  desk.courier.take_command(desk.now);
  desk.courier.on_state(std::get<protocol::GatewayState>(desk.gateway.state()), desk.now);
  const auto push = std::get<Push>(desk.courier.take_command(desk.now).value());
  const TimePoint sent = desk.now;
  CHECK_FALSE(desk.courier.proven_at());

  desk.now += 3s;
  desk.courier.on_push_outcome(push.number, desk.gateway.push({true, {}, 0, "e1", push.up_to, {{"a", 1}}}), desk.now);
  desk.pump();

  CHECK(desk.courier.proven_at() == sent);
}

TEST_CASE("an outcome or a state that was not asked for changes nothing") {
  Desk desk;
  desk.put("a", 1);
  desk.pump();

  desk.courier.on_push_outcome(999, {"e9", 9, 0, std::nullopt, protocol::PushAnswer{"e9", 9, {}}}, desk.now);
  desk.courier.on_state({"i9", "e9", 9, 9}, desk.now);

  CHECK_FALSE(desk.courier.take_verdict());
  CHECK(desk.courier.condition() == GatewayCondition::InSync);
}

TEST_CASE("rejected lines are handed over with the answer") {
  Desk desk;
  desk.gateway.rejects.emplace("bad", 1);
  desk.write("good", 1);
  desk.write("bad", 1);
  desk.tell();
  desk.pump();

  REQUIRE(desk.accepted.size() == 2);
  REQUIRE(desk.accepted[0].rejected.size() == 1);
  CHECK(desk.accepted[0].rejected[0].id == "bad");
  CHECK(desk.courier.condition() == GatewayCondition::InSync);
}

}  // namespace tether::test
