#include "tether/terminal/events_command.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <vector>

namespace tether::terminal {

using Catch::Matchers::Contains;
using nlohmann::json;

namespace {

json event(int number, const std::string& stage = "stored") {
  return {{"number", number},       {"at", "2026-08-22T11:02:03.000Z"},
          {"type", "api.deployed"}, {"correlation_id", "c-" + std::to_string(number)},
          {"kind", "RestApi"},      {"id", "a-1"},
          {"stage", stage},         {"why", nullptr}};
}

std::string news(std::uint64_t next, const std::vector<json>& events) {
  return json{{"next", next}, {"events", events}}.dump();
}

struct EventsPerson {
  std::vector<Result<std::string>> answers;
  std::vector<std::uint64_t> asked;
  std::string out, err;

  bool run(const EventsWishes& wishes) {
    EventsEnds ends;
    ends.ask = [this](std::uint64_t after) {
      asked.push_back(after);
      return answers.at(asked.size() - 1);
    };
    ends.say = [this](const std::string& text) { out += text; };
    ends.complain = [this](const std::string& text) { err += text; };
    ends.pause = [this] { return asked.size() < answers.size(); };
    return run_events(ends, wishes);
  }
};

}  // namespace

TEST_CASE("the last events are shown, with what has become of each") {
  EventsPerson person;
  json dropped = event(3, "dropped");
  dropped["why"] = "no room";
  dropped["id"] = dropped["correlation_id"] = nullptr;
  dropped["type"] = "x\x1by";
  person.answers = {news(9, {event(1), event(2, "acknowledged"), dropped})};

  CHECK(person.run({.count = 2}));
  CHECK(person.out ==
        "2026-08-22T11:02:03.000Z  api.deployed             RestApi a-1, in effect, and acknowledged  [c-2]\n"
        "2026-08-22T11:02:03.000Z  x?y                      dropped: no room\n");
}

TEST_CASE("each stage has its words") {
  EventsPerson person;
  person.answers = {news(9, {event(1, "received"), event(2, "pushed"), event(3, "refused"), event(4, "failed")})};

  CHECK(person.run({}));
  CHECK_THAT(person.out,
             Contains("waits for the store  [c-1]") && Contains("the gateway has answered a push with it  [c-2]") &&
                 Contains("the gateway has refused it  [c-3]") && Contains("acknowledged as failed  [c-4]"));
}

TEST_CASE("who follows is shown what comes and what changes, of the next daemon too") {
  EventsPerson person;
  person.answers = {news(7, {event(1)}), news(8, {event(1, "pushed")}), news(2, {}), news(2, {event(1, "received")})};

  CHECK(person.run({.follow = true, .json = true}));
  CHECK(person.out == event(1).dump() + "\n" + event(1, "pushed").dump() + "\n" + event(1, "received").dump() + "\n");
  CHECK(person.asked == std::vector<std::uint64_t>{0, 7, 8, 0});
}

TEST_CASE("that no event has come is said, and that nobody answers") {
  EventsPerson person;
  person.answers = {news(0, {}), fail(ErrorKind::Retry, "refused"), std::string("{}")};

  CHECK(person.run({}));
  CHECK(person.out == "no event has come since the daemon's start\n");
  CHECK_FALSE(person.run({}));
  CHECK_FALSE(person.run({}));
  CHECK(person.err ==
        "the daemon does not answer: refused\n"
        "what answers there is no tetherd of this version\n");
}

}  // namespace tether::terminal
