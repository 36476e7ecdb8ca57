#include "tether/admin/event_trail.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace tether {
namespace {

using nlohmann::json;

/// A trail with a clock that the test moves.
struct Trail {
  Instant now = *parse_rfc3339("2026-08-22T11:02:03Z");
  TimePoint arrived{1h};  ///< Of the next event.
  EventTrail trail{[this] { return now; }};

  std::uint64_t deploys(const std::string& artifact, const std::string& correlation,
                        const std::string& deployment = "d-1", const std::string& type = "api.deployed") {
    return trail.received({type, correlation, "RestApi", artifact, deployment}, 120, arrived);
  }
  std::uint64_t stores(const std::string& artifact, const std::string& correlation) {
    const auto number = deploys(artifact, correlation);
    trail.stored(number);
    return number;
  }
  json all(std::uint64_t after = 0) const { return json::parse(trail.json_after(after)); }
  std::string stage(std::uint64_t number) const {
    const json everything = all();
    for (const json& event : everything["events"]) {
      if (event["number"] == number) return event["stage"];
    }
    return "none";
  }
};

}  // namespace

TEST_CASE("an event is told with when it came, what it is about and what has become of it") {
  Trail log;
  const auto number = log.deploys("a-1", "c-1");
  log.now = *parse_rfc3339("2026-08-22T11:02:04Z");
  log.trail.stored(number);

  CHECK(log.all()["events"] == json::parse(R"([{"number":1,"at":"2026-08-22T11:02:03.000Z","type":"api.deployed",
    "correlation_id":"c-1","kind":"RestApi","id":"a-1","deployment_id":"d-1","bytes":120,"stage":"stored",
    "stage_at":"2026-08-22T11:02:04.000Z","why":null}])"));
}

TEST_CASE("who asks again is told what has come or changed since, and nothing else") {
  Trail log;
  const auto first = log.deploys("a-1", "c-1");
  const auto second = log.deploys("a-2", "c-2");
  const std::uint64_t next = log.all()["next"];
  CHECK(log.all(next)["events"].empty());

  log.trail.stored(first);
  log.trail.dropped(second, "no room");
  log.trail.stored(second);  // it was not

  const json news = log.all(next);
  REQUIRE(news["events"].size() == 2);
  CHECK(news["events"][0]["number"] == first);
  CHECK(news["events"][1]["stage"] == "dropped");
  CHECK(news["events"][1]["why"] == "no room");
}

TEST_CASE("an answered push moves on what was stored before it, and only what it had a line about") {
  Trail log;
  const auto in_it = log.stores("a-1", "c-1");
  const auto not_in_it = log.stores("a-2", "c-2");
  const auto waits = log.deploys("a-1", "c-3");
  log.trail.push_begins();
  const auto later = log.stores("a-1", "c-4");
  log.trail.stored(waits);
  log.trail.push_line("RestApi", "a-1");
  log.trail.push_line("ApiKey", "a-2");  // of another kind
  CHECK(log.trail.push_correlations() == "c-1");

  log.trail.push_answered({}, log.arrived);

  CHECK(log.stage(in_it) == "pushed");
  CHECK(log.stage(not_in_it) == "stored");
  CHECK(log.stage(waits) == "stored");
  CHECK(log.stage(later) == "stored");
}

TEST_CASE("what the gateway refused is told, and of a push that failed nothing is") {
  Trail log;
  const auto refused = log.stores("a-1", "c-1");
  log.trail.push_begins();
  log.trail.push_line("RestApi", "a-1");
  log.trail.push_failed();
  log.trail.push_answered({}, log.arrived);
  CHECK(log.stage(refused) == "stored");

  log.trail.push_begins();
  log.trail.push_line("RestApi", "a-1");
  log.trail.push_answered({{"RestApi", "a-1"}}, log.arrived);
  CHECK(log.stage(refused) == "refused");
}

TEST_CASE("how long an event took is from its arrival to the answer that took it in, once [R29]") {
  Trail log;
  log.stores("a-1", "c-1");
  log.arrived += 3s;
  log.stores("a-1", "c-2");
  log.stores("a-2", "c-3");  // refused
  log.stores("a-3", "c-4");  // not in the push
  log.trail.push_begins();
  for (const auto* artifact : {"a-1", "a-2"}) log.trail.push_line("RestApi", artifact);
  log.trail.push_failed();
  CHECK(log.trail.push_answered({}, log.arrived + 1s).empty());

  log.trail.push_begins();
  for (const auto* artifact : {"a-1", "a-2"}) log.trail.push_line("RestApi", artifact);
  CHECK(log.trail.push_answered({{"RestApi", "a-2"}}, log.arrived + 2s) == std::vector<Duration>{5s, 2s});

  log.trail.push_begins();
  log.trail.push_line("RestApi", "a-1");
  CHECK(log.trail.push_answered({}, log.arrived + 9s).empty());
}

TEST_CASE("an ack names the event of its deployment, and moves it on") {
  Trail log;
  const auto old = log.deploys("a-1", "c-0", "d-0");
  const auto deployed = log.deploys("a-1", "c-1", "d-1");
  const auto undeployed = log.deploys("a-1", "c-2", "d-1", "api.undeployed");
  const auto failed = log.deploys("a-2", "c-3", "d-2");

  CHECK(log.trail.acknowledged({"a-1", "d-1", /*deploy=*/true, /*success=*/true}) == "c-1");
  CHECK(log.stage(deployed) == "acknowledged");
  CHECK(log.stage(undeployed) == "received");
  CHECK(log.trail.acknowledged({"a-1", "d-1", /*deploy=*/false, /*success=*/true}) == "c-2");
  CHECK(log.trail.acknowledged({"a-2", "d-2", /*deploy=*/true, /*success=*/false}) == "c-3");
  CHECK(log.stage(failed) == "failed");
  CHECK(log.stage(old) == "received");
  CHECK(log.trail.acknowledged({"a-9", "d-1", true, true}).empty());
}

TEST_CASE("no more than the last events are kept, and none of their texts is long") {
  Trail log;
  const auto first = log.stores("a", "c");
  log.trail.push_begins();
  log.trail.push_line("RestApi", "a");
  for (std::size_t i = 0; i < kKeptEvents; ++i) log.deploys("a", std::string(kMaxEventTextBytes + 1, 'c'));
  CHECK(log.all()["events"].size() == kKeptEvents);
  CHECK(log.stage(first) == "none");
  CHECK(log.all()["events"][0]["correlation_id"] == std::string(kMaxEventTextBytes, 'c'));

  // What is forgotten is not found any more.
  log.trail.stored(first);
  log.trail.dropped(first, "why");
  CHECK(log.trail.push_correlations().empty());
  log.trail.push_answered({}, log.arrived);
  CHECK(log.trail.acknowledged({"a", "d-1", true, true}) == std::string(kMaxEventTextBytes, 'c'));
}

TEST_CASE("a line names the first of many correlation ids, and counts the others") {
  Trail log;
  for (std::size_t i = 0; i < kMaxNamedCorrelations + 2; ++i)
    log.stores("a-" + std::to_string(i), "c" + std::to_string(i));
  log.trail.push_begins();
  for (std::size_t i = 0; i < kMaxNamedCorrelations + 2; ++i) log.trail.push_line("RestApi", "a-" + std::to_string(i));
  CHECK(log.trail.push_correlations() == "c0 c1 c2 c3 c4 c5 c6 c7 c8 c9 and 2 more");
}

}  // namespace tether
