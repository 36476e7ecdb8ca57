#include <catch2/catch.hpp>

#include "sim_link.h"

using namespace tether;
using namespace tether::link;

namespace {

LinkLimits stopping() {
  LinkLimits limits = default_limits();
  limits.on_rejection = OnRejection::Stop;
  return limits;
}

/// Refuses the dial under way and those after it, until the link has seen `count` refusals.
void refuse(SimLink& link, int count) {
  for (int i = 0; i < count; ++i) {
    if (i > 0) REQUIRE(link.run_until<Dial>(5min));
    link.refuse();
  }
}

std::size_t error_lines(const SimLink& link) {
  std::size_t count = 0;
  for (const StateChanged& change : link.all<StateChanged>()) count += change.level == Level::Error ? 1 : 0;
  return count;
}

void probe_answers(SimLink& link, int status) {
  link.tell([status](Link& l, TimePoint now) {
    l.on_probe_failed({NetworkError::Http, status, std::nullopt, "HTTP " + std::to_string(status)}, now);
  });
}

}  // namespace

TEST_CASE("three 401 in a row, with the back-off's waits between them, are a rejection (R15)") {
  SimLink link;

  refuse(link, 2);
  CHECK(link.state() == State::Connecting);
  REQUIRE(link.run_until<Dial>(2s));
  link.refuse();

  CHECK(link.state() == State::Rejected);
  CHECK(link.snapshot().counters.auth_failures == 3);
  CHECK(error_lines(link) == 1);
  CHECK(link.last<StateChanged>()->reason.find("TETHER_REGISTRATION_TOKEN") != std::string::npos);
}

TEST_CASE("a 401 is no network error") {
  SimLink link;

  refuse(link, 3);

  for (const std::uint64_t count : link.snapshot().counters.network_errors) CHECK(count == 0);
}

TEST_CASE("an accepted dial between refusals starts the count again") {
  SimLink link;
  refuse(link, 2);
  REQUIRE(link.run_until<Dial>(5min));
  link.connect();
  link.lose();
  REQUIRE(link.run_until<Dial>(5min));

  refuse(link, 2);

  CHECK(link.state() == State::Reconnecting);
}

TEST_CASE("failures that say nothing about the token neither add to the refusals nor clear them") {
  SimLink link;
  refuse(link, 2);
  REQUIRE(link.run_until<Dial>(5min));
  link.door = SimLink::Door::Open;
  link.fail();
  REQUIRE(link.run_until<Dial>(5min));
  link.answer(503);
  CHECK(link.state() == State::Connecting);

  REQUIRE(link.run_until<Dial>(5min));
  link.refuse();

  CHECK(link.state() == State::Rejected);
}

TEST_CASE("a rejected token is tried quietly once per poll interval, for ever, with one ERROR in all") {
  SimLink link;
  refuse(link, 3);
  link.forget();

  for (int i = 0; i < 200; ++i) {
    const TimePoint before = link.now();
    REQUIRE(link.run_until<Dial>(17min));
    CHECK(link.now() - before >= 13min + 30s);
    CHECK(link.now() - before <= 16min + 30s);
    if (i % 3 == 0) {
      link.fail();
    } else {
      link.refuse();
    }
    CHECK(link.state() == State::Rejected);
  }
  CHECK_FALSE(link.did<StateChanged>());
  CHECK_FALSE(link.did<AttemptFailed>());
}

TEST_CASE("a rejected fleet heals by itself when the control plane accepts again") {
  SimLink link;
  refuse(link, 3);
  REQUIRE(link.run_until<Dial>(17min));

  link.open();
  CHECK(link.state() == State::Rejected);
  link.ack();

  CHECK(link.state() == State::Connected);
}

TEST_CASE("a quiet attempt that opens and is lost again has disproved the rejection") {
  SimLink link;
  refuse(link, 3);
  REQUIRE(link.run_until<Dial>(17min));
  link.open();

  link.lose();

  CHECK(link.state() == State::Connecting);
  CHECK(*link.wait() <= 5min);
}

TEST_CASE("a Retry-After longer than the poll interval holds the quiet attempts too") {
  SimLink link;
  refuse(link, 3);
  REQUIRE(link.run_until<Dial>(17min));

  link.answer(429, Duration(50min));

  CHECK(*link.wait() >= 50min);
}

TEST_CASE("with `stop` a rejected token is not tried again until it changes") {
  SimLink link(stopping());
  refuse(link, 3);
  link.forget();

  link.run(30 * 24h);
  CHECK_FALSE(link.did<Dial>());
  CHECK(link.state() == State::Rejected);
  CHECK_FALSE(link.snapshot().next_attempt);

  link.tell([](Link& l, TimePoint now) { l.on_token_changed(true, now); });
  CHECK(link.count<Dial>() == 1);
  CHECK(link.state() == State::Connecting);
}

TEST_CASE("a changed token is dialled with at once, with a fresh back-off and a fresh count") {
  SimLink link;
  refuse(link, 3);

  link.tell([](Link& l, TimePoint now) { l.on_token_changed(true, now); });
  link.refuse();
  CHECK(*link.wait() <= 1s);
  REQUIRE(link.run_until<Dial>(5min));
  link.refuse();
  CHECK(link.state() == State::Connecting);
  REQUIRE(link.run_until<Dial>(5min));
  link.refuse();

  CHECK(link.state() == State::Rejected);
  CHECK(error_lines(link) == 2);
}

TEST_CASE("a REST 401 while the link is up is confirmed by a second connection after a wait") {
  SimLink link;
  link.connect();
  link.listing();

  link.rest(401);
  CHECK_FALSE(link.did<DialProbe>());
  CHECK(link.state() == State::Connected);
  REQUIRE(link.run_until<DialProbe>(1s));

  CHECK(link.count<Dial>() == 1);
  CHECK_FALSE(link.did<HangUp>());
}

TEST_CASE("a second connection that is refused closes the first; the next refused dial makes it certain") {
  SimLink link;
  link.connect();
  link.rest(401);
  REQUIRE(link.run_until<DialProbe>(2s));

  probe_answers(link, 401);
  REQUIRE(link.did<HangUp>());
  CHECK(link.last<HangUp>()->code == 1000);
  CHECK(link.state() == State::Reconnecting);
  CHECK(link.wait().has_value());

  REQUIRE(link.run_until<Dial>(5min));
  link.refuse();
  CHECK(link.state() == State::Rejected);
  CHECK(error_lines(link) == 1);
  CHECK(link.snapshot().counters.auth_failures == 3);
}

TEST_CASE("a second connection that is accepted clears the doubt and the link stays") {
  SimLink link;
  link.connect();
  link.rest(401);
  REQUIRE(link.run_until<DialProbe>(2s));

  link.tell([](Link& l, TimePoint now) { l.on_probe_accepted(now); });

  CHECK(link.state() == State::Connected);
  link.lose();
  REQUIRE(link.run_until<Dial>(5min));
  refuse(link, 2);
  CHECK(link.state() == State::Reconnecting);
}

TEST_CASE("many REST 401 at once are one refusal") {
  SimLink link;
  link.connect();

  for (int i = 0; i < 20; ++i) link.rest(401);

  CHECK(link.state() == State::Connected);
  CHECK(link.snapshot().counters.auth_failures == 20);
  REQUIRE(link.run_until<DialProbe>(2s));
  CHECK(link.count<DialProbe>() == 1);
  probe_answers(link, 401);
  CHECK(link.state() == State::Reconnecting);
}

TEST_CASE("an accepted REST answer clears a doubt that is being confirmed") {
  SimLink link;
  link.peer_is_alive = true;
  link.connect();
  link.rest(401);

  link.rest(200);

  CHECK_FALSE(link.run_until<DialProbe>(1h));
  CHECK(link.state() == State::Connected);
}

TEST_CASE("REST answers other than 2xx, 304 and 401 say nothing about the token") {
  const int status = GENERATE(400, 403, 404, 429, 500, 503);
  SimLink link;
  link.connect();
  link.rest(401);

  link.rest(status);

  CHECK(link.run_until<DialProbe>(2s));
}

TEST_CASE("a REST 401 of an older link is ignored") {
  SimLink link;
  link.connect();
  const auto old = link.snapshot().link;
  link.lose();
  REQUIRE(link.run_until<Dial>(1min));
  link.connect();

  link.tell([old](Link& l, TimePoint now) { l.on_rest_status(old, 401, now); });

  CHECK(link.snapshot().counters.auth_failures == 0);
  CHECK_FALSE(link.run_until<DialProbe>(5s));
}

TEST_CASE("a second connection that fails for another reason is tried again and leaves the link alone") {
  SimLink link;
  link.peer_is_alive = true;
  link.connect();
  link.rest(401);
  REQUIRE(link.run_until<DialProbe>(2s));

  probe_answers(link, 503);
  CHECK(link.state() == State::Connected);
  CHECK(link.run_until<DialProbe>(5s));

  link.run(11s);  // This one is never answered.
  CHECK(link.count<HangUpProbe>() == 1);
  CHECK(link.run_until<DialProbe>(10s));
  CHECK_FALSE(link.did<HangUp>());
}

TEST_CASE("a link that drops while its token is being confirmed takes the second connection with it") {
  SimLink link;
  link.connect();
  link.rest(401);
  REQUIRE(link.run_until<DialProbe>(2s));

  link.lose();

  CHECK(link.count<HangUpProbe>() == 1);
  REQUIRE(link.run_until<Dial>(1min));
  refuse(link, 2);  // The REST answer was the first.
  CHECK(link.state() == State::Rejected);
}

TEST_CASE("stopping ends a confirmation, and a changed token has the new one tried instead") {
  SimLink stopped;
  stopped.connect();
  stopped.rest(401);
  REQUIRE(stopped.run_until<DialProbe>(2s));
  stopped.tell([](Link& l, TimePoint now) { l.stop(now); });
  CHECK(stopped.count<HangUpProbe>() == 1);

  SimLink changed;
  changed.peer_is_alive = true;
  changed.connect();
  changed.rest(401);
  changed.tell([](Link& l, TimePoint now) { l.on_token_changed(true, now); });
  CHECK(changed.run_until<DialProbe>(11s));  // the new one is tried
}
