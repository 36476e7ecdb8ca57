#include <catch2/catch.hpp>
#include <set>

#include "sim_link.h"

using namespace tether;
using namespace tether::link;

namespace {

void change_token(SimLink& link) {
  link.tell([](Link& l, TimePoint now) { l.on_token_changed(true, now); });
}

void accept_probe(SimLink& link) {
  link.tell([](Link& l, TimePoint now) { l.on_probe_accepted(now); });
}

void fail_probe(SimLink& link, int status) {
  link.tell([status](Link& l, TimePoint now) {
    l.on_probe_failed({NetworkError::Http, status, std::nullopt, "HTTP " + std::to_string(status)}, now);
  });
}

/// Up, with a newer token that a second connection has just found refused.
void have_a_refused_one(SimLink& link) {
  link.peer_is_alive = true;
  link.connect();
  change_token(link);
  REQUIRE(link.run_until<DialProbe>(11s));
  fail_probe(link, 401);
}

}  // namespace

TEST_CASE("a new token is tried on a second connection before the link is made anew with it [R15]") {
  SimLink link;
  link.peer_is_alive = true;
  link.connect();
  change_token(link);
  REQUIRE(link.run_until<DialProbe>(11s));
  CHECK_FALSE(link.did<HangUp>());
  CHECK(link.state() == State::Connected);

  accept_probe(link);
  CHECK(link.last<HangUp>()->code == 1000);
  CHECK(link.count<Dial>() == 2);
  CHECK_FALSE(link.last<Dial>()->older_token);
  CHECK(link.state() == State::Reconnecting);
  link.connect();
  CHECK(link.state() == State::Connected);
  CHECK(link.snapshot().counters.reconnect_attempts[static_cast<std::size_t>(RetryReason::Token)] == 1);

  // Its own token now: an accepted second connection says that it is good, as ever.
  link.rest(401);
  REQUIRE(link.run_until<DialProbe>(5s));
  accept_probe(link);
  CHECK(link.state() == State::Connected);
  CHECK(link.count<Dial>() == 2);
}

TEST_CASE("the instances of a fleet that are given a token at once do not try it at once [R15] [R18]") {
  std::set<std::int64_t> seconds;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SimLink link(default_limits(), seed);
    link.peer_is_alive = true;
    link.connect();
    const TimePoint given = link.now();
    change_token(link);
    REQUIRE(link.run_until<DialProbe>(11s));
    seconds.insert((link.now() - given) / 1s);
  }
  CHECK(seconds.size() >= 8);
}

TEST_CASE("a new token that is refused leaves the link as it is, is told, and is tried again [R15]") {
  SimLink link;
  have_a_refused_one(link);

  CHECK_FALSE(link.did<HangUp>());
  CHECK(link.state() == State::Connected);
  CHECK(link.snapshot().advice.find("TETHER_REGISTRATION_TOKEN") != std::string::npos);
  CHECK(link.snapshot().counters.auth_failures == 1);
  CHECK(link.last<Noted>()->level == Level::Warn);
  link.rest(200);  // the one before is good
  REQUIRE(link.run_until<DialProbe>(17min));
  accept_probe(link);
  CHECK(link.count<Dial>() == 2);
  CHECK(link.snapshot().advice.empty());
}

TEST_CASE("with `stop` a new token that is refused is not tried again until it changes [R15]") {
  LinkLimits limits = default_limits();
  limits.on_rejection = OnRejection::Stop;
  SimLink link(limits);
  have_a_refused_one(link);
  const auto tried = link.count<DialProbe>();
  link.run(24h);
  CHECK(link.count<DialProbe>() == tried);
  CHECK(link.state() == State::Connected);

  change_token(link);
  CHECK(link.run_until<DialProbe>(11s));
}

TEST_CASE("while the new token is refused, a lost link is dialled with the one before [R15]") {
  SimLink link;
  have_a_refused_one(link);
  link.lose();
  REQUIRE(link.run_until<Dial>(5s));
  CHECK(link.last<Dial>()->older_token);
  link.connect();
  CHECK(link.state() == State::Connected);
  CHECK(link.run_until<DialProbe>(17min));  // and the new one is tried from time to time
}

TEST_CASE("once the one before is refused as well, the new token is the one that is asked about [R15]") {
  SimLink link;
  have_a_refused_one(link);
  link.lose();
  REQUIRE(link.run_until<Dial>(5s));
  link.refuse();
  REQUIRE(link.run_until<Dial>(5min));
  CHECK_FALSE(link.last<Dial>()->older_token);
  link.refuse();
  REQUIRE(link.run_until<Dial>(5min));
  link.refuse();
  CHECK(link.state() == State::Rejected);
  CHECK(link.snapshot().advice.find("TETHER_REGISTRATION_TOKEN") != std::string::npos);
}

TEST_CASE("a REST 401 while a refused token waits for its next try has the link's own asked about at once [R15]") {
  SimLink link;
  have_a_refused_one(link);
  CHECK_FALSE(link.last<DialProbe>()->older_token);
  link.rest(401);
  REQUIRE(link.run_until<DialProbe>(5s));
  CHECK(link.last<DialProbe>()->older_token);

  SECTION("it is good: the link stays, and the newer one is tried as before") {
    SECTION("says the second connection") {
      accept_probe(link);
    }
    SECTION("says the next answer of REST") {
      link.rest(200);
    }
    CHECK_FALSE(link.did<HangUp>());
    CHECK(link.state() == State::Connected);
    CHECK_FALSE(link.snapshot().advice.empty());
    REQUIRE(link.run_until<DialProbe>(17min));
    CHECK_FALSE(link.last<DialProbe>()->older_token);
    link.lose();
    REQUIRE(link.run_until<Dial>(5s));
    CHECK(link.last<Dial>()->older_token);
  }
  SECTION("it is refused as well: the newer one is dialled with") {
    fail_probe(link, 401);
    CHECK(link.state() == State::Reconnecting);
    REQUIRE(link.run_until<Dial>(5s));
    CHECK_FALSE(link.last<Dial>()->older_token);
  }
}

TEST_CASE("a REST 401 while a newer token is about to be tried says nothing about that one [R15]") {
  const bool is_under_way = GENERATE(false, true);
  SimLink link;
  link.peer_is_alive = true;
  link.connect();
  change_token(link);
  if (!is_under_way) link.rest(401);
  REQUIRE(link.run_until<DialProbe>(11s));
  if (is_under_way) link.rest(401);
  CHECK_FALSE(link.did<HangUpProbe>());
  CHECK_FALSE(link.last<DialProbe>()->older_token);
  CHECK(link.snapshot().counters.auth_failures == 1);

  SECTION("it is refused: the link's own is good all the same") {
    fail_probe(link, 401);
    CHECK(link.state() == State::Connected);
    link.rest(401);
    REQUIRE(link.run_until<DialProbe>(5s));
    CHECK(link.last<DialProbe>()->older_token);
  }
  SECTION("it is good: it takes over") {
    link.rest(200);
    accept_probe(link);
    CHECK(link.count<Dial>() == 2);
  }
}

TEST_CASE("an accepted answer of REST, which is the old token's, does not end the try of the new one [R15]") {
  SimLink link;
  link.peer_is_alive = true;
  link.connect();
  change_token(link);
  link.rest(200);
  REQUIRE(link.run_until<DialProbe>(11s));
  link.rest(200);
  CHECK_FALSE(link.did<HangUpProbe>());
  accept_probe(link);
  CHECK(link.count<Dial>() == 2);
}

TEST_CASE("a new token whose try fails for another reason is tried again, and nobody is told it is refused [R15]") {
  SimLink link;
  link.peer_is_alive = true;
  link.connect();
  change_token(link);
  REQUIRE(link.run_until<DialProbe>(11s));
  fail_probe(link, 503);
  CHECK(link.snapshot().advice.empty());
  REQUIRE(link.run_until<DialProbe>(1min));
  accept_probe(link);
  CHECK(link.count<Dial>() == 2);
}

TEST_CASE("a token that changes before the link's ack is tried after it [R15]") {
  SimLink link;
  link.peer_is_alive = true;
  link.open();
  change_token(link);
  link.ack();
  CHECK(link.run_until<DialProbe>(1s));
}
