#include "tether/link/link.h"

#include <catch2/catch.hpp>

#include "sim_link.h"

using namespace tether;
using namespace tether::link;

namespace {

std::uint64_t attempts(const SimLink& link, RetryReason reason) {
  return link.snapshot().counters.reconnect_attempts.at(static_cast<std::size_t>(reason));
}

std::vector<std::pair<State, State>> changes(const SimLink& link) {
  std::vector<std::pair<State, State>> all;
  for (const StateChanged& change : link.all<StateChanged>()) all.emplace_back(change.from, change.to);
  return all;
}

}  // namespace

TEST_CASE("the first dial is made at once (R4)") {
  const SimLink link;

  CHECK(link.count<Dial>() == 1);
  CHECK(link.state() == State::Connecting);
}

TEST_CASE("connecting lasts from the start to the first ack, waits included") {
  SimLink link;
  link.answer(503);
  CHECK(link.state() == State::Connecting);

  REQUIRE(link.run_until<Dial>(1min));
  link.open();
  CHECK(link.state() == State::Connecting);

  link.ack();
  CHECK(link.state() == State::Connected);
}

TEST_CASE("a link lost before its first ack leaves the state connecting") {
  SimLink link;
  link.open();
  link.lose();

  CHECK(link.state() == State::Connecting);
  CHECK(link.wait().has_value());
}

TEST_CASE("a lost link is disconnected, then reconnecting until the next ack, each told once (R9)") {
  SimLink link;
  link.connect();
  link.forget();

  link.lose();
  CHECK(changes(link) == std::vector{std::pair{State::Connected, State::Disconnected},
                                     std::pair{State::Disconnected, State::Reconnecting}});
  link.forget();

  REQUIRE(link.run_until<Dial>(1min));
  link.answer(503);
  REQUIRE(link.run_until<Dial>(1min));
  link.connect();
  CHECK(changes(link) == std::vector{std::pair{State::Reconnecting, State::Connected}});
}

TEST_CASE("every close code means come back, and the first reconnect waits too (R7, R8)") {
  const int code = GENERATE(1000, 1001, 1006, 1008, 1011, 1012, 4000, 4401);
  CAPTURE(code);
  SimLink link;
  link.connect();
  link.listing();
  link.forget();

  link.lose(NetworkError::Closed, code);
  CHECK_FALSE(link.did<Dial>());
  REQUIRE(link.wait().has_value());
  CHECK(*link.wait() >= 500ms);
  CHECK(*link.wait() <= 1s);

  CHECK(link.run_until<Dial>(1s));
  CHECK(attempts(link, RetryReason::Closed) == 1);
}

TEST_CASE("failed attempts back off to the maximum and go on for ever, whatever the seed") {
  const auto seed = GENERATE(range<std::uint64_t>(0, 50));
  CAPTURE(seed);
  SimLink link(default_limits(), seed);
  Duration ceiling = 1s;

  for (int i = 0; i < 40; ++i) {
    link.answer(502);
    REQUIRE(link.wait().has_value());
    CHECK(*link.wait() >= ceiling / 2);
    CHECK(*link.wait() <= ceiling);
    ceiling = std::min<Duration>(ceiling * 2, 5min);
    REQUIRE(link.run_until<Dial>(5min));
  }
  CHECK(errors(link, NetworkError::Http) == 40);
  CHECK(attempts(link, RetryReason::Http) == 40);
}

TEST_CASE("a control plane that accepts and hangs up is backed off from; a listing is what resets the waits") {
  SimLink link;
  for (int i = 0; i < 8; ++i) {
    link.connect();
    link.lose();
    REQUIRE(link.run_until<Dial>(5min));
  }
  link.connect();
  link.lose();
  CHECK(*link.wait() > 30s);

  REQUIRE(link.run_until<Dial>(5min));
  link.connect();
  link.listing();
  link.lose();
  CHECK(*link.wait() <= 1s);
}

TEST_CASE("a listing of an older link proves nothing about this one") {
  SimLink link;
  link.connect();
  const auto old = link.snapshot().link;
  for (int i = 0; i < 6; ++i) {
    link.lose();
    REQUIRE(link.run_until<Dial>(5min));
    link.connect();
  }

  link.tell([&old](Link& l, TimePoint /*now*/) { l.on_listing_succeeded(old); });
  link.lose();

  CHECK(*link.wait() > 10s);
}

TEST_CASE("no ack in time is hung up on and counted as a network error") {
  SimLink link;
  link.open();

  link.run(9'999ms);
  CHECK_FALSE(link.did<HangUp>());

  link.run(1ms);
  CHECK(link.count<HangUp>() == 1);
  CHECK(errors(link, NetworkError::Timeout) == 1);
  CHECK(link.state() == State::Connecting);
  CHECK(link.wait().has_value());
}

TEST_CASE("events before the ack do not stand in for it") {
  SimLink link;
  link.open();
  for (int i = 0; i < 9; ++i) {
    link.run(1s);
    link.frame();
  }

  link.run(1s);

  CHECK(link.did<HangUp>());
}

TEST_CASE("a ping that was asked for is sent on a link, and its pong reported by its payload") {
  SimLink link;
  link.tell([](Link& l, TimePoint /*now*/) { l.request_ping("outbox-7"); });
  CHECK_FALSE(link.did<SendPing>());

  link.connect();
  link.tell([](Link& l, TimePoint /*now*/) { l.request_ping("outbox-8"); });
  REQUIRE(link.did<SendPing>());
  CHECK(link.last<SendPing>()->payload == "outbox-8");

  link.tell([](Link& l, TimePoint now) { l.on_pong("", now); });
  CHECK_FALSE(link.did<PingAnswered>());
  link.tell([](Link& l, TimePoint now) { l.on_pong("outbox-8", now); });
  REQUIRE(link.did<PingAnswered>());
  CHECK(link.last<PingAnswered>()->payload == "outbox-8");
}

TEST_CASE("a dial that is never answered is given up just after its own time limit") {
  SimLink link;

  link.run(10'999ms);
  CHECK_FALSE(link.did<HangUp>());

  link.run(1ms);
  CHECK(link.did<HangUp>());
  CHECK(errors(link, NetworkError::Timeout) == 1);
}

TEST_CASE("too many connections: the server's word ends the attempt and is kept as last error") {
  SimLink link;
  link.open();

  link.tell([](Link& l, TimePoint now) { l.on_server_error("maximum connection limit reached (1000)", now); });

  CHECK(link.did<HangUp>());
  CHECK(link.snapshot().last_error.find("maximum connection limit") != std::string::npos);
  CHECK(errors(link, NetworkError::Closed) == 1);
  CHECK(link.wait().has_value());

  link.lose();  // The close that follows is not a second loss.
  CHECK(errors(link, NetworkError::Closed) == 1);
}

TEST_CASE("Retry-After is waited for, spread above what was asked, and cut at an hour") {
  const auto [asked, least] = GENERATE(table<Duration, Duration>({{2min, 2min}, {30h, 1h}}));
  const int status = GENERATE(429, 503);
  CAPTURE(asked.count(), status);
  SimLink link;

  link.answer(status, asked);

  REQUIRE(link.wait().has_value());
  CHECK(*link.wait() >= least);
  CHECK(*link.wait() <= least + least / 10);
  CHECK(errors(link, NetworkError::Http) == 1);
  CHECK(link.snapshot().counters.auth_failures == 0);
}

TEST_CASE("a short Retry-After does not shorten the back-off") {
  SimLink link;
  for (int i = 0; i < 8; ++i) {
    link.answer(503);
    REQUIRE(link.run_until<Dial>(5min));
  }

  link.answer(503, Duration(1s));

  CHECK(*link.wait() > 60s);
}

TEST_CASE("no HTTP answer ends the attempts") {
  const int status = GENERATE(400, 403, 404, 409, 422, 500, 502, 503);
  SimLink link;

  link.answer(status);

  CHECK(link.run_until<Dial>(1s));
  CHECK(attempts(link, RetryReason::Http) == 1);
}

TEST_CASE("a day offline says little: the same failure warns once (R27)") {
  SimLink link;
  link.connect();
  link.lose();
  const TimePoint end = link.now() + 24h;
  while (link.now() < end) {
    REQUIRE(link.run_until<Dial>(5min));
    link.answer(503);
  }

  int warnings = 0;
  for (const AttemptFailed& failed : link.all<AttemptFailed>()) warnings += failed.level == Level::Warn ? 1 : 0;
  CHECK(warnings == 1);
  CHECK(link.count<StateChanged>() == 4);
  CHECK(link.count<AttemptFailed>() < 700);
}

TEST_CASE("another cause of failure warns again") {
  SimLink link;
  link.answer(503);
  REQUIRE(link.run_until<Dial>(5min));
  link.fail(NetworkError::Dns, "no such host");

  CHECK(link.last<AttemptFailed>()->level == Level::Warn);
  CHECK(link.snapshot().last_error == "no such host");
  CHECK(errors(link, NetworkError::Dns) == 1);
}

TEST_CASE("without a token nothing is dialled; when it appears the dial is at once") {
  LinkLimits limits = default_limits();
  limits.has_token = false;
  SimLink link(limits);
  CHECK(link.state() == State::Standalone);
  CHECK(link.count<StateChanged>() == 1);
  link.run(24h);
  CHECK_FALSE(link.did<Dial>());

  link.tell([](Link& l, TimePoint now) { l.on_token_changed(true, now); });

  CHECK(link.count<Dial>() == 1);
  CHECK(link.state() == State::Connecting);
}

TEST_CASE("a token that vanishes leaves the present link up and no way back") {
  SimLink link;
  link.peer_is_alive = true;
  link.connect();
  link.forget();

  link.tell([](Link& l, TimePoint now) { l.on_token_changed(false, now); });
  link.run(1h);
  CHECK(link.state() == State::Connected);

  link.lose();
  CHECK(link.state() == State::Standalone);
  link.run(24h);
  CHECK_FALSE(link.did<Dial>());
}

TEST_CASE("a token that vanishes while waiting stops the attempts") {
  SimLink link;
  link.fail();

  link.tell([](Link& l, TimePoint now) { l.on_token_changed(false, now); });
  CHECK(link.state() == State::Standalone);
  link.forget();
  link.run(24h);

  CHECK_FALSE(link.did<Dial>());
}

TEST_CASE("a new token is dialled with at once and with a fresh back-off, but not ahead of a Retry-After") {
  SimLink link;
  for (int i = 0; i < 10; ++i) {
    link.answer(503);
    if (i < 9) REQUIRE(link.run_until<Dial>(5min));
  }
  link.forget();

  link.tell([](Link& l, TimePoint now) { l.on_token_changed(true, now); });
  CHECK(link.count<Dial>() == 1);
  CHECK(attempts(link, RetryReason::Token) == 1);
  link.answer(503);
  CHECK(*link.wait() <= 1s);

  REQUIRE(link.run_until<Dial>(1s));
  link.answer(429, Duration(10min));
  link.forget();
  link.tell([](Link& l, TimePoint now) { l.on_token_changed(true, now); });
  CHECK_FALSE(link.did<Dial>());
  CHECK(link.wait() == Duration(10min));
}

TEST_CASE("a retry that is asked for is dialled at once, and tells of no changed token") {
  SimLink link;
  for (int i = 0; i < 10; ++i) {
    link.answer(503);
    if (i < 9) REQUIRE(link.run_until<Dial>(5min));
  }
  link.forget();

  link.tell([](Link& l, TimePoint now) { l.on_retry_asked(now); });
  CHECK(link.count<Dial>() == 1);
  link.fail();
  CHECK(*link.wait() <= 1s);

  SimLink rejected;
  for (int i = 0; i < 3; ++i) {
    rejected.refuse();
    if (i < 2) REQUIRE(rejected.run_until<Dial>(5min));
  }
  REQUIRE(rejected.state() == State::Rejected);
  rejected.forget();
  rejected.tell([](Link& l, TimePoint now) { l.on_retry_asked(now); });
  CHECK(rejected.did<Dial>());
  REQUIRE(rejected.last<StateChanged>() != nullptr);
  CHECK(rejected.last<StateChanged>()->reason == "a fresh attempt was asked for");

  SimLink up;
  up.connect();
  up.forget();
  up.tell([](Link& l, TimePoint now) { l.on_retry_asked(now); });
  CHECK_FALSE(up.did<HangUp>());
  CHECK_FALSE(up.did<Dial>());
}

TEST_CASE("a new token does not close a link that is up, and replaces a dial under way") {
  SimLink up;
  up.connect();
  up.forget();
  up.tell([](Link& l, TimePoint now) { l.on_token_changed(true, now); });
  CHECK_FALSE(up.did<HangUp>());
  CHECK_FALSE(up.did<Dial>());

  SimLink dialling;
  dialling.tell([](Link& l, TimePoint now) { l.on_token_changed(true, now); });
  CHECK(dialling.count<HangUp>() == 1);
  CHECK(dialling.count<Dial>() == 2);
}

TEST_CASE("stopping says goodbye, waits for the answer, and dials no more (R13)") {
  SimLink link;
  link.connect();
  link.forget();

  link.tell([](Link& l, TimePoint now) { l.stop(now); });
  REQUIRE(link.did<HangUp>());
  CHECK(link.last<HangUp>()->code == 1000);
  CHECK(link.state() == State::Disconnected);
  CHECK_FALSE(link.is_finished());

  link.lose();
  CHECK(link.is_finished());
  CHECK_FALSE(link.did<Dial>());
}

TEST_CASE("a goodbye that is not answered ends at its limit") {
  SimLink link;
  link.connect();
  link.tell([](Link& l, TimePoint now) { l.stop(now); });

  link.run(1'999ms);
  CHECK_FALSE(link.is_finished());
  link.run(1ms);
  CHECK(link.is_finished());
  CHECK(link.last<HangUp>()->code == 0);
}

TEST_CASE("stopping without a link is over at once and cuts a dial under way") {
  SimLink dialling;
  dialling.tell([](Link& l, TimePoint now) { l.stop(now); });
  CHECK(dialling.is_finished());
  CHECK(dialling.did<HangUp>());

  SimLink waiting;
  waiting.fail();
  waiting.forget();
  waiting.tell([](Link& l, TimePoint now) { l.stop(now); });
  CHECK(waiting.is_finished());
  waiting.run(1h);
  CHECK_FALSE(waiting.did<Dial>());
}

TEST_CASE("each link has a higher number than the one before") {
  SimLink link;
  CHECK(link.snapshot().link == 0);
  link.connect();
  CHECK(link.snapshot().link == 1);
  link.lose();
  REQUIRE(link.run_until<Dial>(1min));
  link.connect();
  CHECK(link.snapshot().link == 2);
}

TEST_CASE("a lost store ends the link, which comes back for a reason of its own and is no error of the network") {
  SimLink link;
  link.connect();
  link.listing();
  link.forget();

  link.tell([](Link& told, TimePoint now) { told.on_store_lost(now); });

  CHECK(link.all<HangUp>().at(0).code == 1000);
  CHECK(link.state() == State::Reconnecting);
  for (const StateChanged& change : link.all<StateChanged>()) {
    CHECK(change.level == Level::Info);
    CHECK(change.reason == "the store was lost: everything is to be listed again");
  }
  CHECK(link.snapshot().counters.network_errors == Counters().network_errors);

  REQUIRE(link.run_until<Dial>(1s));
  CHECK(attempts(link, RetryReason::StoreLost) == 1);
}

TEST_CASE("a store that is lost without a link changes nothing: everything is listed by the next one") {
  SimLink link;
  link.fail();
  const auto wait = link.wait();

  link.tell([](Link& told, TimePoint now) { told.on_store_lost(now); });

  CHECK_FALSE(link.did<HangUp>());
  CHECK(link.wait() == wait);
}

TEST_CASE("what comes late from a connection that was let go changes nothing (D5)") {
  SimLink link;
  link.connect();
  link.lose();
  link.forget();
  const auto wait = link.wait();

  link.lose();
  link.fail();
  link.ack();
  link.open();

  CHECK(link.wait() == wait);
  CHECK(link.state() == State::Reconnecting);
  CHECK(errors(link, NetworkError::Closed) == 1);
  CHECK(errors(link, NetworkError::Refused) == 0);
}

TEST_CASE("states and reasons have the names that dashboards use") {
  CHECK(name_of(State::Standalone) == "standalone");
  CHECK(name_of(State::Disconnected) == "disconnected");
  CHECK(name_of(NetworkError::Dns) == "dns");
  CHECK(name_of(NetworkError::Http) == "http");
  CHECK(name_of(RetryReason::Token) == "token");
  CHECK(name_of(RetryReason::StoreLost) == "store");
  CHECK(retry_reason(NetworkError::Silent) == RetryReason::Silent);
}
