#include <catch2/catch.hpp>

#include "sim_link.h"

using namespace tether;
using namespace tether::link;

namespace {

/// Lets time pass while a frame of the peer's own comes each second.
void hear(SimLink& link, Duration duration) {
  for (Duration passed{}; passed < duration; passed += 1s) {
    link.run(1s);
    link.frame();
  }
}

void pong(SimLink& link, const std::string& payload) {
  link.tell([&](Link& told, TimePoint now) { told.on_pong(payload, now); });
}

}  // namespace

TEST_CASE("a silent control plane is hung up on at the limit, not before, and within 30 s (R12)") {
  SimLink link;
  link.connect();
  link.run(5s);
  link.frame();

  link.run(27'999ms);
  CHECK_FALSE(link.did<HangUp>());

  link.run(1ms);
  REQUIRE(link.did<HangUp>());
  CHECK(link.last<HangUp>()->code == 0);
  CHECK(errors(link, NetworkError::Silent) == 1);
  CHECK(LinkLimits().silence < 30s);
}

TEST_CASE("a peer that answers pings is kept for days (R6)") {
  SimLink link;
  link.peer_is_alive = true;
  link.connect();

  link.run(72h);

  CHECK_FALSE(link.did<HangUp>());
  CHECK(link.count<SendPing>() == 72UL * 360U + 1);
  CHECK_FALSE(link.did<PingAnswered>());
}

TEST_CASE("a peer that is heard and does not hear us is hung up on within 30 s of its last answer (R12)") {
  SimLink link;
  link.peer_is_alive = true;
  link.connect();
  link.run(3s);
  link.peer_is_alive = false;
  const TimePoint broken = link.now();

  hear(link, 24s);
  CHECK_FALSE(link.did<HangUp>());
  link.run(1s);

  REQUIRE(link.did<HangUp>());
  CHECK(link.last<HangUp>()->code == 0);
  CHECK(errors(link, NetworkError::Silent) == 1);
  CHECK(link.last<StateChanged>()->reason.find("unanswered") != std::string::npos);
  CHECK(link.now() - broken <= LinkLimits().silence);
}

TEST_CASE("the first ping goes out with the ack, so that a path that breaks soon after is noticed as well (R12)") {
  SimLink link;
  link.open();
  link.run(2s);
  CHECK_FALSE(link.did<SendPing>());
  link.peer_is_alive = true;
  link.ack();
  link.run(0s);
  CHECK(link.count<SendPing>() == 1);
  link.peer_is_alive = false;

  hear(link, 28s);

  CHECK(errors(link, NetworkError::Silent) == 1);
}

TEST_CASE("a control plane that never answers pings is judged by what it sends") {
  SimLink link;
  link.connect();
  hear(link, 1h);
  pong(link, "");  // not asked for
  hear(link, 1h);
  CHECK_FALSE(link.did<HangUp>());

  link.run(LinkLimits().silence);
  CHECK(link.did<HangUp>());
}

TEST_CASE("what one link's peer answered is not expected of the next one's") {
  SimLink link;
  link.peer_is_alive = true;
  link.connect();
  link.run(1min);
  link.lose();
  link.peer_is_alive = false;
  REQUIRE(link.run_until<Dial>(1min));
  link.connect();
  link.forget();

  hear(link, 10min);

  CHECK_FALSE(link.did<HangUp>());
}

TEST_CASE("answers that take their time are answers, the one to a ping that was asked for as well") {
  SimLink link;
  link.connect();
  for (int i = 0; i < 10; ++i) {
    pong(link, i % 2 == 0 ? "heartbeat" : "acks 7");
    hear(link, 17s);
  }
  CHECK_FALSE(link.did<HangUp>());
}

TEST_CASE("who has slept and asked nobody meanwhile does not blame the peer") {
  SimLink link;
  link.peer_is_alive = true;
  link.connect();
  link.run(15s);
  link.oversleep(1min);
  link.frame();  // read first

  link.run(1min);

  CHECK_FALSE(link.did<HangUp>());
}
