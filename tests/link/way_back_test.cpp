#include "tether/link/way_back.h"

#include <catch2/catch.hpp>

#include "sim_link.h"

using namespace tether;
using namespace tether::link;

namespace {

using Door = SimLink::Door;

/// As long away as the back-off grows, so that the next attempt is minutes off.
void be_away(SimLink& link, Duration for_how_long = 1h) {
  link.connect();
  link.listing();
  link.lose();
  REQUIRE(link.run_until<Dial>(1min));
  link.door = Door::Shut;
  link.fail();
  link.run(for_how_long);
  REQUIRE(link.state() == State::Reconnecting);
  link.forget();
}

/// With a long back-off behind it, for what answers.
SimLink turned_away() {
  SimLink link;
  for (int i = 0; i < 12; ++i) {
    link.answer(503);
    if (i < 11) REQUIRE(link.run_until<Dial>(5min));
  }
  link.forget();
  return link;
}

std::uint64_t attempts(const SimLink& link) {
  std::uint64_t sum = 0;
  for (const std::uint64_t count : link.snapshot().counters.reconnect_attempts) sum += count;
  return sum;
}

}  // namespace

TEST_CASE("back within 30 s of the return, at any point of the back-off (R8, R23)") {
  const auto seed = GENERATE(range<std::uint64_t>(0, 100));
  const Duration away = GENERATE(10s, 317s, 1h);
  const Door door = GENERATE(Door::Shut, Door::Gone);
  CAPTURE(seed, away.count());
  SimLink link(default_limits(), seed);
  be_away(link, away);
  link.door = door;
  link.run(Duration(seed * 61ms));

  link.door = Door::Open;

  CHECK(link.run_until<Dial>(28s));
}

TEST_CASE("while nobody is there no dial is made, and a knock every few seconds (R8)") {
  SimLink link;
  be_away(link);

  link.run(1h);

  CHECK_FALSE(link.did<Dial>());
  CHECK(link.count<Knock>() >= 1200);
  CHECK(link.count<Knock>() <= 1650);
  CHECK_FALSE(link.last<Knock>()->wants_words);
}

TEST_CASE("looking out for the way back is told, and its end (R23)") {
  SimLink link;
  be_away(link);
  CHECK(link.snapshot().is_looking_out);
  link.door = Door::Open;
  CHECK(link.run_until<Dial>(28s));
  CHECK_FALSE(link.snapshot().is_looking_out);
}

TEST_CASE("attempts that find nobody back off to the maximum, and are counted as any (R8)") {
  SimLink link;
  link.door = Door::Shut;
  link.fail();
  link.run(1h);
  const std::uint64_t before = attempts(link);
  const std::uint64_t errors = link.snapshot().counters.network_errors[static_cast<std::size_t>(NetworkError::Refused)];
  link.forget();

  link.run(10h);

  CHECK(attempts(link) - before >= 120);
  CHECK(attempts(link) - before <= 240);
  CHECK(link.snapshot().counters.network_errors[static_cast<std::size_t>(NetworkError::Refused)] - errors ==
        attempts(link) - before);
  CHECK(link.count<AttemptFailed>() == attempts(link) - before);
  CHECK(link.last<AttemptFailed>()->level == Level::Debug);
}

TEST_CASE("an attempt that is due where nobody was begins with a knock") {
  SimLink link;
  link.door = Door::Gone;
  link.fail();
  link.run(*link.wait());
  CHECK_FALSE(link.count<Dial>() > 1);
  REQUIRE(link.did<Knock>());

  link.tell([](Link& l, TimePoint now) { l.on_knock_answered(now); });

  CHECK(link.run_until<Dial>(3s));  // a moment's absence is not spread over more than it lasted
}

TEST_CASE("only a change starts an attempt: what was there all along is not the way back") {
  SimLink link;
  LinkLimits limits = default_limits();
  limits.reconnect_initial = 5min;
  SimLink lost(limits);
  lost.connect();
  lost.listing();
  lost.door = Door::Open;
  lost.lose();
  lost.forget();

  lost.run(140s);
  CHECK(lost.count<Knock>() > 40);
  CHECK_FALSE(lost.did<Dial>());

  SECTION("gone and there again") {
    lost.door = Door::Shut;
    lost.run(4s);
    lost.door = Door::Open;
    CHECK(lost.run_until<Dial>(27s));
  }
  SECTION("there") {
    CHECK_FALSE(lost.run_until<Dial>(9s));
  }
}

TEST_CASE("who answers and refuses is not knocked at: the back-off holds") {
  const int status = GENERATE(401, 403, 404, 429, 500, 503);
  CAPTURE(status);
  SimLink link = turned_away();
  REQUIRE(link.run_until<Dial>(5min));
  link.forget();

  link.answer(status);
  const auto wait = link.wait();
  REQUIRE(wait);
  for (int i = 0; i < 5; ++i) {
    link.door = i % 2 == 0 ? Door::Shut : Door::Open;
    link.tell([](Link& l, TimePoint now) { l.on_network_changed(now); });
    link.tell([](Link& l, TimePoint now) { l.on_addresses_changed(now); });
    link.run(*wait / 6);
  }

  CHECK_FALSE(link.did<Dial>());
  CHECK_FALSE(link.did<Knock>());
  CHECK_FALSE(link.did<Watch>());
}

TEST_CASE("a hang-up before the link is proven is an answer, one after that is not") {
  const NetworkError reason = GENERATE(NetworkError::Closed, NetworkError::Reset);
  SimLink link;
  link.connect();

  SECTION("not proven") {
    link.lose(reason);
    CHECK_FALSE(link.did<Watch>());
  }
  SECTION("proven") {
    link.listing();
    link.lose(reason);
    CHECK(link.did<Watch>());
  }
  SECTION("proven once, and now another") {
    link.listing();
    link.lose(reason);
    REQUIRE(link.run_until<Dial>(1min));
    link.connect();
    link.forget();
    link.lose(reason);
    CHECK_FALSE(link.did<Watch>());
  }
}

TEST_CASE("a certificate that is not accepted, and a hang-up on the dial, are answers") {
  const NetworkError reason = GENERATE(NetworkError::Tls, NetworkError::Closed, NetworkError::Reset);
  SimLink link;

  link.fail(reason, "no", /*was_reached=*/true);

  CHECK_FALSE(link.did<Watch>());
}

TEST_CASE("a Retry-After is waited for, also when nobody was there meanwhile") {
  SimLink link;
  link.answer(503, Duration(10min));
  link.tell([](Link& l, TimePoint now) { l.on_token_changed(true, now); });
  link.run(9min);
  CHECK(link.count<Dial>() == 1);
  CHECK(link.run_until<Dial>(1min + 1s));
}

TEST_CASE("who accepts and says nothing is asked for words, and dialled once it has some (R23)") {
  const auto seed = GENERATE(range<std::uint64_t>(0, 50));
  CAPTURE(seed);
  SimLink link(default_limits(), seed);
  link.door = Door::Mute;
  link.fail(NetworkError::Timeout, "no handshake", /*was_reached=*/true);
  const TimePoint end = link.now() + 2h;
  while (link.now() < end) {
    if (link.run_until<Dial>(1s)) link.fail(NetworkError::Timeout, "no handshake", /*was_reached=*/true);
  }
  CHECK(link.last<Knock>()->wants_words);
  CHECK(link.count<Dial>() <= 60);  // the back-off holds
  CHECK(link.count<Knock>() <= 720);
  link.forget();

  link.door = Door::Open;

  CHECK(link.run_until<Dial>(28s));
}

TEST_CASE("silence on a proven link is looked around as well") {
  LinkLimits limits = default_limits();
  limits.reconnect_initial = 5min;
  SimLink link(limits);
  link.connect();
  link.listing();
  REQUIRE(link.run_until<HangUp>(30s));
  link.forget();

  link.door = Door::Mute;
  link.run(60s);
  CHECK(link.count<Knock>() >= 3);
  CHECK_FALSE(link.did<Dial>());

  link.door = Door::Open;
  CHECK(link.run_until<Dial>(28s));
}

TEST_CASE("a change of the host's network is looked at once, and a flock of changes a second apart (R23)") {
  LinkLimits limits = default_limits();
  limits.knock_interval = 1min;
  SimLink link(limits);
  be_away(link);
  REQUIRE(link.run_until<Knock>(1min));
  link.run(5s);
  link.forget();

  link.tell([](Link& l, TimePoint now) { l.on_network_changed(now); });
  link.run(0s);
  CHECK(link.count<Knock>() == 1);

  for (int i = 0; i < 20; ++i) {
    link.tell([](Link& l, TimePoint now) { l.on_network_changed(now); });
    link.run(100ms);
  }
  CHECK(link.count<Knock>() == 3);
}

TEST_CASE("an answer from other addresses than those that were there is a change") {
  LinkLimits limits = default_limits();
  limits.reconnect_initial = 5min;
  SimLink link(limits);
  link.connect();
  link.listing();
  link.lose();
  link.door = Door::Open;
  link.run(30s);
  link.forget();

  link.tell([](Link& l, TimePoint now) { l.on_addresses_changed(now); });

  CHECK(link.run_until<Dial>(28s));
}

TEST_CASE("the way back is told once in an absence, and what the wait was for goes with it") {
  SimLink link;
  be_away(link);
  link.door = Door::Open;
  REQUIRE(link.run_until<Noted>(5s));
  CHECK(link.last<Noted>()->level == Level::Info);
  CHECK(link.did<Unwatch>());
  CHECK(*link.wait() <= 24s);

  REQUIRE(link.run_until<Dial>(24s));
  link.door = Door::Shut;
  link.fail();
  link.run(10s);
  link.forget();
  link.door = Door::Open;
  REQUIRE(link.run_until<Noted>(5s));
  CHECK(link.last<Noted>()->level == Level::Debug);
}

TEST_CASE("attempts after the return are spread evenly, and over no more than a short back-off or absence") {
  int first_half = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    SimLink link(default_limits(), seed);
    be_away(link, 5min);
    link.door = Door::Open;
    REQUIRE(link.run_until<Noted>(5s));
    CHECK(*link.wait() <= kSpread);
    if (*link.wait() < kSpread / 2) ++first_half;

    LinkLimits limits = default_limits();
    limits.reconnect_max = 2s;
    SimLink quick(limits, seed);
    be_away(quick, 5min);
    quick.door = Door::Open;
    CHECK(quick.run_until<Dial>(5s + 1ms));

    SimLink brief(default_limits(), seed);
    be_away(brief, 2s);
    brief.door = Door::Open;
    CHECK(brief.run_until<Dial>(2 * (2s + 1s + 3s) + 3s + 5s));
  }
  CHECK(first_half > 160);
  CHECK(first_half < 240);
}

TEST_CASE("429 has a back-off of its own, by the minute, that a proven link resets") {
  SimLink link = turned_away();
  REQUIRE(link.run_until<Dial>(5min));
  Duration ceiling = 1min;
  for (int i = 0; i < 5; ++i) {
    link.answer(429);
    CHECK(*link.wait() >= ceiling / 2);
    CHECK(*link.wait() <= ceiling);
    ceiling = 2min;
    REQUIRE(link.run_until<Dial>(5min));
  }
  link.answer(503);
  CHECK(*link.wait() > 2min);

  REQUIRE(link.run_until<Dial>(5min));
  link.connect();
  link.listing();
  link.lose();
  REQUIRE(link.run_until<Dial>(5min));
  link.answer(429);
  CHECK(*link.wait() <= 1min);
}

TEST_CASE("nothing is watched with a link, without a token, when rejected, and after the end") {
  SimLink link;
  link.fail();
  REQUIRE(link.did<Watch>());

  SECTION("a dial") {
    link.tell([](Link& l, TimePoint now) { l.on_retry_asked(now); });
    CHECK(link.count<Unwatch>() == 1);
  }
  SECTION("no token") {
    link.tell([](Link& l, TimePoint now) { l.on_token_changed(false, now); });
    CHECK(link.count<Unwatch>() == 1);
  }
  SECTION("the end") {
    link.tell([](Link& l, TimePoint now) { l.stop(now); });
    CHECK(link.count<Unwatch>() == 1);
  }
  link.forget();
  link.run(9s);
  link.tell([](Link& l, TimePoint now) { l.on_knock_answered(now); });
  link.tell([](Link& l, TimePoint now) { l.on_knock_failed(NetworkError::Refused, "late", now); });
  link.tell([](Link& l, TimePoint now) { l.on_network_changed(now); });
  link.run(0s);
  CHECK_FALSE(link.did<Knock>());
  CHECK_FALSE(link.did<Watch>());
}

TEST_CASE("a rejected token is not looked around, whatever its quiet attempts meet") {
  SimLink link;
  for (int i = 0; i < 3; ++i) {
    link.refuse();
    if (i < 2) REQUIRE(link.run_until<Dial>(5min));
  }
  REQUIRE(link.state() == State::Rejected);
  REQUIRE(link.run_until<Dial>(17min));

  link.fail();

  link.door = Door::Open;
  CHECK_FALSE(link.run_until<Dial>(13min));
  CHECK_FALSE(link.did<Knock>());
}
