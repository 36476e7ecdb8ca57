#include <catch2/catch.hpp>
#include <vector>

#include "tether/sync/planner.h"

using namespace tether;
using namespace tether::sync;

// The listings that there is one of for each artifact: when which one is asked.

namespace {

const TimePoint kStart{1h};
using Pace = Planner::Pace;

PlannerLimits limits() {
  PlannerLimits limits;
  limits.poll_interval = 900s;
  return limits;
}

/// Starts and ends every listing that is due, of those that there are few of.
std::size_t run_all(Planner& planner, TimePoint now) {
  std::size_t listings = 0;
  for (; const auto slot = planner.start_listing(now); ++listings) {
    planner.on_done(slot->call, slot->scope, slot->full, /*succeeded=*/true, std::nullopt, now);
  }
  return listings;
}

void end_swept(Planner& planner, const std::string& artifact, TimePoint now) {
  planner.on_done(Call::Subscriptions, "subscriptions/" + artifact, false, /*succeeded=*/true, std::nullopt, now);
}

/// To the end of a sweep that has asked all.
void end_sweep(Planner& planner) {
  planner.end_sweep_of_kind();
  planner.end_sweep_of_kind();
  REQUIRE(planner.is_sweep_over());
  planner.end_sweep();
}

/// A planner whose first round is over, its sweep too.
Planner after_first_round() {
  Planner planner(limits(), 1);
  planner.on_link_up(kStart);
  run_all(planner, kStart);
  end_sweep(planner);
  return planner;
}

}  // namespace

TEST_CASE("the sweep waits for the listings that are due, and goes round by kind") {
  Planner planner(limits(), 1);
  planner.on_link_up(kStart);
  CHECK_FALSE(planner.may_sweep(kStart));
  run_all(planner, kStart);
  REQUIRE(planner.may_sweep(kStart));

  CHECK(planner.sweep()->kind == "RestApi");
  CHECK(planner.start_swept(Call::Subscriptions, "a1", kStart));
  CHECK(planner.sweep()->after == "a1");
  planner.end_sweep_of_kind();
  CHECK(planner.sweep()->kind == "WebSubApi");
  CHECK(planner.sweep()->after.empty());
  planner.end_sweep_of_kind();
  CHECK_FALSE(planner.may_sweep(kStart));
  CHECK_FALSE(planner.is_sweep_over());  // one is not answered yet

  end_swept(planner, "a1", kStart);
  REQUIRE(planner.is_sweep_over());
  planner.end_sweep();
  CHECK_FALSE(planner.sweep());
}

TEST_CASE("a new link sweeps at once, four at a time beside the other listings") {
  Planner planner(limits(), 1);
  planner.on_link_up(kStart);
  run_all(planner, kStart);
  CHECK(planner.sweeps_at_once());
  for (const char* artifact : {"a", "b", "c", "d"}) {
    REQUIRE(planner.may_sweep(kStart));
    planner.start_swept(Call::Subscriptions, artifact, kStart);
  }
  CHECK_FALSE(planner.may_sweep(kStart));
  planner.want(Call::Subscriptions, "subscriptions/x", kStart);
  CHECK_FALSE(planner.start_listing(kStart));
  planner.want(Call::Plans, "plans", kStart);
  CHECK(planner.start_listing(kStart));

  end_swept(planner, "c", kStart);
  CHECK(planner.may_sweep(kStart));
}

TEST_CASE("what is asked of single artifacts leaves one of the four places to the sweep") {
  Planner planner(limits(), 1);
  planner.on_link_up(kStart);
  run_all(planner, kStart);
  for (const char* artifact : {"v", "w", "x", "y"}) {
    planner.want(Call::Subscriptions, std::string("subscriptions/") + artifact, kStart);
  }
  for (int i = 0; i < 3; ++i) CHECK(planner.start_listing(kStart));
  CHECK_FALSE(planner.start_listing(kStart));

  CHECK(planner.may_sweep(kStart));
  CHECK(planner.next_deadline(kStart) > kStart);  // nothing waits for time
}

TEST_CASE("the sweep of a poll is spread over the interval, and ends before the next one") {
  Planner planner = after_first_round();
  TimePoint now = *planner.next_deadline(kStart);
  planner.on_deadline(now);
  run_all(planner, now);
  CHECK_FALSE(planner.sweeps_at_once());
  REQUIRE(planner.awaits_pace());
  CHECK_FALSE(planner.may_sweep(now));
  const TimePoint poll = now;
  planner.pace(8, now);

  std::vector<TimePoint> asked;
  for (int i = 0; i < 8; ++i) {
    const TimePoint next = *planner.next_deadline(now);
    CHECK_FALSE(planner.may_sweep(next - 1ms));
    now = next;
    REQUIRE(planner.may_sweep(now));
    planner.start_swept(Call::Subscriptions, std::to_string(i), now);
    end_swept(planner, std::to_string(i), now);
    asked.push_back(now);
  }
  end_sweep(planner);
  const TimePoint next_poll = *planner.next_deadline(now);
  CHECK(asked.back() < next_poll);
  const Duration step = asked.front() - poll;
  CHECK(step == (next_poll - poll) / 9);
  for (std::size_t i = 1; i < asked.size(); ++i) CHECK(asked[i] - asked[i - 1] == step);
}

TEST_CASE("a sweep over no artifact at all is over at once") {
  Planner planner = after_first_round();
  planner.want_sweep(Pace::OverInterval);
  planner.pace(0, kStart);

  CHECK(planner.is_sweep_over());
}

TEST_CASE("what the sweep was late with it asks one after the other, without a deadline in the past") {
  Planner planner = after_first_round();
  planner.want_sweep(Pace::OverInterval);
  planner.pace(8, kStart);
  const TimePoint late = kStart + 450s;
  int asked = 0;
  for (; planner.may_sweep(late); ++asked) planner.start_swept(Call::Subscriptions, std::to_string(asked), late);

  CHECK(asked == 4);
  CHECK(planner.next_deadline(late) > late);
}

TEST_CASE("a sweep at once takes the place of one over the interval") {
  Planner planner = after_first_round();
  planner.want_sweep(Pace::OverInterval);
  planner.pace(8, kStart);
  planner.start_swept(Call::Subscriptions, "a", kStart);

  planner.want_sweep(Pace::AtOnce);

  CHECK(planner.sweeps_at_once());
  CHECK(planner.sweep()->after.empty());
  CHECK(planner.may_sweep(kStart));
  end_swept(planner, "a", kStart);
  end_sweep(planner);
  CHECK_FALSE(planner.sweep());
}

TEST_CASE("a sweep that is wanted again before it has begun goes round once") {
  Planner planner(limits(), 1);
  planner.on_link_up(kStart);
  run_all(planner, kStart);

  planner.want_sweep(Pace::AtOnce);

  end_sweep(planner);
  CHECK_FALSE(planner.sweep());
}

TEST_CASE("a sweep that is wanted while one is under way goes round once more") {
  const Pace pace = GENERATE(Pace::AtOnce, Pace::OverInterval);
  Planner planner(limits(), 1);
  planner.on_link_up(kStart);
  run_all(planner, kStart);
  planner.start_swept(Call::Subscriptions, "a", kStart);
  end_swept(planner, "a", kStart);
  planner.want_sweep(pace);
  end_sweep(planner);

  REQUIRE(planner.sweep());
  CHECK(planner.sweep()->kind == "RestApi");
  CHECK(planner.sweep()->pace == pace);
  end_sweep(planner);
  CHECK_FALSE(planner.sweep());
}

TEST_CASE("the sweep does not ask a listing that is under way, and waits for its end") {
  Planner planner(limits(), 1);
  planner.on_link_up(kStart);
  run_all(planner, kStart);
  planner.want(Call::Subscriptions, "subscriptions/a", kStart);
  REQUIRE(planner.start_listing(kStart));

  CHECK_FALSE(planner.start_swept(Call::Subscriptions, "a", kStart));

  CHECK(planner.sweep()->after == "a");
  planner.end_sweep_of_kind();
  planner.end_sweep_of_kind();
  CHECK_FALSE(planner.is_sweep_over());
  end_swept(planner, "a", kStart);
  CHECK(planner.is_sweep_over());
}

TEST_CASE("a sweep at once waits for the list of an artifact that comes with something stored [B5]") {
  const bool is_awaited = GENERATE(false, true);
  Planner planner(limits(), 1);
  planner.on_link_up(kStart);
  run_all(planner, kStart);
  REQUIRE(planner.start_swept(Call::Subscriptions, "b", kStart));
  planner.want_of_artifact(Call::Subscriptions, "subscriptions/a", kStart + 1s, is_awaited);
  planner.end_sweep_of_kind();
  planner.end_sweep_of_kind();
  end_swept(planner, "b", kStart);
  CHECK(planner.is_sweep_over() != is_awaited);

  REQUIRE(planner.start_listing(kStart + 1s));
  end_swept(planner, "a", kStart + 1s);
  CHECK(planner.is_sweep_over());
}

TEST_CASE("a poll does not overtake the one before: what is slower than the interval still gets round to the sweep") {
  PlannerLimits quick = limits();
  quick.poll_interval = 1s;
  Planner planner(quick, 1);
  planner.on_link_up(kStart);
  run_all(planner, kStart);
  end_sweep(planner);
  REQUIRE_FALSE(planner.sweep());

  TimePoint now = kStart + 2s;
  planner.on_deadline(now);
  const auto slow = planner.start_listing(now);
  REQUIRE(slow);
  for (int polls = 0; polls < 5; ++polls) planner.on_deadline(now += 2s);
  planner.on_done(slow->call, slow->scope, slow->full, /*succeeded=*/true, std::nullopt, now);

  // One round, each listing once.
  CHECK(run_all(planner, now) == 5);
  REQUIRE(planner.awaits_pace());
  planner.pace(1, now);
  CHECK(planner.may_sweep(now + 2s));
}

TEST_CASE("a poll that meets a list which waits for its turn comes a tenth of the interval later [A1]") {
  Planner planner = after_first_round();
  const TimePoint poll = *planner.next_deadline(kStart);
  planner.want(Call::Plans, "plans", poll);  // at this very moment
  planner.on_deadline(poll);
  CHECK(run_all(planner, poll) == 1);

  const auto next = planner.next_deadline(poll);

  REQUIRE(next);
  CHECK(*next == poll + 90s);
  planner.on_deadline(*next);
  CHECK(run_all(planner, *next) == 6);
}

TEST_CASE("lists of single artifacts that failed do not have all asked for each one that comes") {
  Planner planner = after_first_round();
  for (std::size_t i = 0; i < limits().artifact_listings_due; ++i) {
    const std::string scope = "subscriptions/a" + std::to_string(i);
    planner.want_of_artifact(Call::Subscriptions, scope, kStart);
    const auto slot = planner.start_listing(kStart);
    REQUIRE(slot);
    planner.on_done(slot->call, slot->scope, slot->full, /*succeeded=*/false, std::nullopt, kStart);
  }

  planner.want_of_artifact(Call::Subscriptions, "subscriptions/b", kStart);

  CHECK_FALSE(planner.sweeps_at_once());
  const auto slot = planner.start_listing(kStart);
  REQUIRE(slot);
  CHECK(slot->scope == "subscriptions/b");
}

TEST_CASE("listings of single artifacts that are due do not keep a poll from its turn") {
  Planner planner = after_first_round();
  for (int i = 0; i < 9; ++i) planner.want(Call::Subscriptions, "subscriptions/" + std::to_string(i), kStart);
  while (planner.start_listing(kStart)) {
  }
  const TimePoint poll = kStart + 1000s;
  planner.on_deadline(poll);

  const auto slot = planner.start_listing(poll);
  REQUIRE(slot);
  CHECK(slot->call == Call::Deployments);
}

TEST_CASE("a listing that waits after a failure does not keep the sweep waiting, though it was asked for meanwhile") {
  Planner planner(limits(), 1);
  planner.on_link_up(kStart);
  while (const auto slot = planner.start_listing(kStart)) {
    planner.on_done(slot->call, slot->scope, slot->full, slot->call != Call::Plans, std::nullopt, kStart);
  }

  planner.want(Call::Plans, "plans", kStart);

  CHECK_FALSE(planner.start_listing(kStart));
  CHECK(planner.may_sweep(kStart));
}

TEST_CASE("a storm of artifacts has all lists of single artifacts asked at once, and takes no room for each") {
  Planner planner = after_first_round();
  for (std::size_t i = 0; i < limits().artifact_listings_due; ++i) {
    planner.want_of_artifact(Call::Subscriptions, "subscriptions/a" + std::to_string(i), kStart + 1s);
  }
  CHECK_FALSE(planner.sweeps_at_once());
  planner.want_of_artifact(Call::Subscriptions, "subscriptions/a0", kStart + 1s);  // is due already
  CHECK_FALSE(planner.sweeps_at_once());

  for (int i = 0; i < 10'000; ++i) {
    planner.want_of_artifact(Call::Subscriptions, "subscriptions/b" + std::to_string(i), kStart + 1s);
  }

  CHECK(planner.sweep_is_ahead());
  CHECK_FALSE(planner.owes_nothing());
  CHECK(run_all(planner, kStart + 2s) == limits().artifact_listings_due);
}
