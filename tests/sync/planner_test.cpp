#include "tether/sync/planner.h"

#include <catch2/catch.hpp>
#include <set>

using namespace tether;
using namespace tether::sync;

namespace {

const TimePoint kStart{1h};

PlannerLimits limits() {
  PlannerLimits limits;
  limits.poll_interval = 900s;
  return limits;
}

/// Starts and ends every listing that is due, sweep excepted; the scopes in order.
std::vector<std::string> run_all(Planner& planner, TimePoint now) {
  std::vector<std::string> scopes;
  while (const auto slot = planner.start_listing(now)) {
    scopes.push_back(slot->scope + (slot->full ? " (full)" : ""));
    planner.on_done(slot->call, slot->scope, slot->full, /*succeeded=*/true, std::nullopt, now);
  }
  return scopes;
}

}  // namespace

TEST_CASE("dropped events have every listing asked once more, at most every 10 s [A1]") {
  Planner planner(limits(), 1);
  planner.on_link_up(kStart);
  const auto round = run_all(planner, kStart);
  TimePoint now = kStart + 1min;
  planner.want_round(now);
  CHECK_FALSE(planner.owes_nothing());
  const auto again = run_all(planner, now);
  CHECK(std::set(again.begin(), again.end()).contains("deployments (full)"));
  CHECK(again.size() == round.size() - 1);  // the manifest is a link's

  for (int i = 0; i < 9; ++i) {
    now += 1s;
    planner.want_round(now);
    planner.on_deadline(now);
    CHECK(run_all(planner, now).empty());
    CHECK_FALSE(planner.owes_nothing());
    REQUIRE(planner.next_deadline(now) <= kStart + 1min + 10s);
  }
  planner.on_deadline(now + 1s);
  CHECK(run_all(planner, now + 1s) == again);
}

TEST_CASE("a listing that was asked before events were dropped does not stand for the one after it") {
  Planner planner(limits(), 1);
  planner.on_link_up(kStart);
  run_all(planner, kStart);
  planner.want(Call::Plans, "plans", kStart + 1min);
  const auto slot = planner.start_listing(kStart + 1min);
  REQUIRE(slot->scope == "plans");
  planner.want_round(kStart + 1min);
  planner.on_done(slot->call, slot->scope, slot->full, /*succeeded=*/true, std::nullopt, kStart + 1min);
  const auto scopes = run_all(planner, kStart + 1min);
  CHECK(std::count(scopes.begin(), scopes.end(), "plans") == 1);
}

TEST_CASE("dropped events do not shorten the wait that a control plane asked for [D4]") {
  Planner planner(limits(), 1);
  planner.on_link_up(kStart);
  while (const auto slot = planner.start_listing(kStart)) {
    planner.on_done(slot->call, slot->scope, slot->full, /*succeeded=*/false, Duration(100s), kStart);
  }
  planner.want_round(kStart + 20s);
  CHECK(run_all(planner, kStart + 20s).empty());
  CHECK_FALSE(run_all(planner, kStart + 101s).empty());
}

TEST_CASE("a list that the deployments tell of is owed with the others when events were dropped") {
  Planner planner(limits(), 1);
  planner.on_link_up(kStart);
  run_all(planner, kStart);
  while (planner.sweep() && !planner.sweep()->kind.empty()) planner.end_sweep_of_kind();
  planner.end_sweep();
  REQUIRE(planner.owes_nothing());
  planner.want_round(kStart + 1min);
  const auto deployments = planner.start_listing(kStart + 1min);
  REQUIRE(deployments->scope == "deployments");
  planner.plan_in_round(Call::Keys, "keys/WebSubApi", kStart + 2min);
  planner.on_done(deployments->call, deployments->scope, deployments->full, /*succeeded=*/true, std::nullopt,
                  kStart + 1min);
  run_all(planner, kStart + 1min);
  while (planner.sweep() && !planner.sweep()->kind.empty()) planner.end_sweep_of_kind();
  planner.end_sweep();
  CHECK_FALSE(planner.owes_nothing());
  run_all(planner, kStart + 2min);
  CHECK(planner.owes_nothing());
}

TEST_CASE("a manifest that is refused is not owed when events were dropped: all is in sync without it") {
  Planner planner(limits(), 1);
  planner.on_link_up(kStart);
  const auto manifest = planner.start_listing(kStart);
  REQUIRE(manifest->call == Call::Manifest);
  planner.on_done(manifest->call, manifest->scope, false, /*succeeded=*/false, Duration(1h), kStart);
  planner.want_round(kStart + 1min);
  run_all(planner, kStart + 1min);
  while (planner.sweep()) {
    while (!planner.sweep()->kind.empty()) planner.end_sweep_of_kind();
    planner.end_sweep();
  }
  CHECK(planner.owes_nothing());
}

TEST_CASE("nothing is asked without a link") {
  Planner planner(limits(), 1);

  planner.want(Call::Deployments, "deployments", kStart);

  CHECK_FALSE(planner.start_listing(kStart));
  CHECK_FALSE(planner.next_deadline(kStart));
}

TEST_CASE("a new link asks for everything, the manifest first, deployments in full [A2]") {
  Planner planner(limits(), 1);
  planner.on_link_up(kStart);

  CHECK(run_all(planner, kStart) == std::vector<std::string>{"manifest", "deployments (full)", "keys/LlmProvider",
                                                             "keys/LlmProxy", "keys/RestApi", "plans", "secrets"});
  CHECK(planner.first_round_done());
  CHECK(planner.sweep());
}

TEST_CASE("the first round is done when each of its listings was answered, the manifest excepted") {
  Planner planner(limits(), 1);
  planner.on_link_up(kStart);
  const auto manifest = planner.start_listing(kStart);
  planner.on_done(manifest->call, manifest->scope, false, /*succeeded=*/false, std::nullopt, kStart);
  while (const auto slot = planner.start_listing(kStart)) {
    CHECK_FALSE(planner.first_round_done());
    planner.on_done(slot->call, slot->scope, slot->full, /*succeeded=*/true, std::nullopt, kStart);
  }
  CHECK(planner.first_round_done());
}

TEST_CASE("a scope of which 401 is said three times in a row is not owed, and after eight times nothing waits for it") {
  Planner planner(limits(), 1);
  planner.on_link_up(kStart);
  while (planner.sweep() && !planner.sweep()->kind.empty()) planner.end_sweep_of_kind();
  planner.end_sweep();
  TimePoint now = kStart;
  const auto answer_secrets = [&](int status) {
    while (const auto slot = planner.start_listing(now)) {
      const bool succeeds = slot->scope != "secrets";
      planner.on_done(slot->call, slot->scope, slot->full, succeeds, std::nullopt, now);
      if (!succeeds) planner.note_failure(slot->scope, status);
    }
    now += 300s;
  };
  for (const int status : {401, 401, 500, 401, 401}) {
    answer_secrets(status);
    CHECK_FALSE(planner.owes_nothing());
    CHECK_FALSE(planner.first_round_done());
  }
  for (int times = 3; times < 8; ++times) {
    answer_secrets(401);
    CHECK(planner.owes_nothing());
    CHECK_FALSE(planner.first_round_done());
  }
  answer_secrets(401);
  CHECK(planner.first_round_done());
  CHECK(planner.everything_answered());
  answer_secrets(GENERATE(0, 500));
  CHECK_FALSE(planner.owes_nothing());
  CHECK_FALSE(planner.first_round_done());
}

TEST_CASE("only so many listings are under way at once, and one of each scope") {
  Planner planner(limits(), 1);
  planner.on_link_up(kStart);

  const auto manifest = planner.start_listing(kStart);
  const auto deployments = planner.start_listing(kStart);
  CHECK(deployments->call == Call::Deployments);
  CHECK_FALSE(planner.start_listing(kStart));

  planner.on_done(manifest->call, manifest->scope, false, true, std::nullopt, kStart);
  planner.want(Call::Deployments, "deployments", kStart, /*full=*/true);
  CHECK(planner.start_listing(kStart)->call == Call::Keys);
  CHECK_FALSE(planner.start_listing(kStart));
}

TEST_CASE("documents, questions and values have places of their own") {
  Planner planner(limits(), 1);
  CHECK_FALSE(planner.may_follow_up(Call::FetchBatch, kStart));
  planner.on_link_up(kStart);
  planner.start_listing(kStart);
  planner.start_listing(kStart);

  CHECK(planner.may_follow_up(Call::FetchBatch, kStart));
  planner.start_follow_up(Call::FetchBatch);
  CHECK(planner.may_follow_up(Call::FetchBatch, kStart));
  planner.start_follow_up(Call::FetchBatch);
  CHECK_FALSE(planner.may_follow_up(Call::FetchBatch, kStart));

  CHECK(planner.may_follow_up(Call::Exists, kStart));
  planner.start_follow_up(Call::Exists);
  CHECK_FALSE(planner.may_follow_up(Call::SecretValue, kStart));
  planner.on_done(Call::Exists, "", false, true, std::nullopt, kStart);
  CHECK(planner.may_follow_up(Call::SecretValue, kStart));
}

TEST_CASE("a failed listing is tried again, the wait doubles up to the longest") {
  Planner planner(limits(), 1);
  planner.on_link_up(kStart);
  run_all(planner, kStart);
  TimePoint now = kStart;
  for (const auto wait : {1s, 2s, 4s, 8s, 16s, 32s, 64s, 128s, 256s, 300s, 300s}) {
    planner.want(Call::Plans, "plans", now);
    const auto slot = planner.start_listing(now);
    REQUIRE(slot);
    planner.on_done(slot->call, slot->scope, slot->full, /*succeeded=*/false, std::nullopt, now);

    planner.want(Call::Plans, "plans", now);  // wanting it more does not make it come sooner
    CHECK_FALSE(planner.start_listing(now + wait - 1ms));
    now += wait;
  }
  const auto slot = planner.start_listing(now);
  REQUIRE(slot);
  planner.on_done(slot->call, slot->scope, slot->full, /*succeeded=*/true, std::nullopt, now);
  planner.want(Call::Plans, "plans", now);
  CHECK(planner.start_listing(now));
}

TEST_CASE("a full listing that failed is asked in full again") {
  Planner planner(limits(), 1);
  planner.on_link_up(kStart);
  run_all(planner, kStart);
  planner.want(Call::Deployments, "deployments", kStart, /*full=*/true);
  const auto slot = planner.start_listing(kStart);
  planner.on_done(slot->call, slot->scope, slot->full, /*succeeded=*/false, std::nullopt, kStart);

  CHECK(planner.start_listing(kStart + 1s)->full);
}

TEST_CASE("the control plane's own wait is obeyed when it is longer") {
  Planner planner(limits(), 1);
  planner.on_link_up(kStart);
  run_all(planner, kStart);
  planner.want(Call::Plans, "plans", kStart);
  const auto slot = planner.start_listing(kStart);
  planner.on_done(slot->call, slot->scope, slot->full, /*succeeded=*/false, 30s, kStart);

  CHECK_FALSE(planner.start_listing(kStart + 30s - 1ms));
  CHECK(planner.next_deadline(kStart) == kStart + 30s);
  CHECK(planner.start_listing(kStart + 30s));
}

TEST_CASE("a follow-up that fails waits for itself alone") {
  Planner planner(limits(), 1);
  planner.on_link_up(kStart);
  planner.start_follow_up(Call::FetchBatch);
  planner.on_done(Call::FetchBatch, "", false, /*succeeded=*/false, std::nullopt, kStart);

  CHECK_FALSE(planner.may_follow_up(Call::FetchBatch, kStart + 999ms));
  CHECK(planner.may_follow_up(Call::Exists, kStart));
  CHECK(planner.may_follow_up(Call::FetchBatch, kStart + 1s));
}

TEST_CASE("polls come at the interval, give or take a tenth, each at another time [A1]") {
  std::set<Duration> waits;
  for (std::uint32_t seed = 0; seed < 50; ++seed) {
    Planner planner(limits(), seed);
    planner.on_link_up(kStart);
    run_all(planner, kStart);
    const Duration wait = *planner.next_deadline(kStart) - kStart;
    CHECK(wait >= 810s);
    CHECK(wait <= 990s);
    waits.insert(wait);
  }
  CHECK(waits.size() > 40);
}

TEST_CASE("every second poll asks the full list, the others what has changed [A3]") {
  Planner planner(limits(), 1);
  planner.on_link_up(kStart);
  run_all(planner, kStart);
  TimePoint now = kStart;
  for (const bool full : {false, true, false, true}) {
    now = *planner.next_deadline(now);
    planner.on_deadline(now - 1ms);
    CHECK_FALSE(planner.start_listing(now - 1ms));
    planner.on_deadline(now);
    const auto scopes = run_all(planner, now);
    CHECK(scopes.front() == (full ? "deployments (full)" : "deployments"));
    CHECK(scopes.size() == 6);
  }
}

TEST_CASE("what was under way counts for nothing after the link is gone") {
  Planner planner(limits(), 1);
  planner.on_link_up(kStart);
  planner.start_listing(kStart);
  planner.start_follow_up(Call::FetchBatch);
  planner.start_follow_up(Call::FetchBatch);
  planner.on_link_down();
  CHECK_FALSE(planner.start_listing(kStart));

  planner.on_link_up(kStart);
  CHECK(planner.start_listing(kStart));
  CHECK(planner.start_listing(kStart));
  CHECK(planner.may_follow_up(Call::FetchBatch, kStart));
}

TEST_CASE("what is asked within 10 s of an event may lag behind it, whatever it is asked for, and is asked once more") {
  Planner planner(limits(), 1);
  planner.on_link_up(kStart);
  run_all(planner, kStart);
  const std::string scope = "keys/RestApi";
  const auto may_lag = [&](TimePoint now, bool succeeds) {
    REQUIRE(planner.start_listing(now)->scope == scope);
    const bool lags = planner.may_lag(scope);
    planner.on_done(Call::Keys, scope, false, succeeds, std::nullopt, now);
    return lags;
  };

  planner.want_twice(Call::Keys, scope, kStart);
  CHECK(may_lag(kStart, true));
  planner.want(Call::Keys, scope, kStart + 2s);  // something of its kind comes into service
  CHECK(may_lag(kStart + 2s, true));
  CHECK_FALSE(planner.start_listing(kStart + 10s - 1ms));
  CHECK_FALSE(may_lag(kStart + 10s, true));
  CHECK_FALSE(planner.start_listing(kStart + 1min));

  planner.want_twice(Call::Keys, scope, kStart + 2min);
  CHECK(may_lag(kStart + 2min, false));
  CHECK_FALSE(may_lag(kStart + 3min, true));  // late enough to have the last word
  CHECK_FALSE(planner.start_listing(kStart + 4min));
}
