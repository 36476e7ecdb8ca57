#include "status_parts.h"

#include <catch2/catch.hpp>

namespace tether::daemon {
namespace {

sync::Standing agreeing() {
  sync::Standing standing;
  standing.in_sync = true;
  standing.settled = true;
  return standing;
}

Status beside_a_gateway_in_sync() {
  Status status;
  status.gateway.state = GatewayStatus::State::InSync;
  return status;
}

Status told(Status status, const sync::Standing& standing, Freshness fresh) {
  describe_sync(standing, {}, fresh, status);
  return status;
}

}  // namespace

TEST_CASE("agreement is shown with the lists of the same moment, and withdrawn without waiting for them [R29]") {
  Status status = beside_a_gateway_in_sync();

  status = told(status, agreeing(), {.link = true, .lists = false});
  CHECK_FALSE(status.control_plane.in_sync);
  CHECK_FALSE(status.in_sync);
  CHECK_FALSE(status.settled);

  status = told(status, agreeing(), {.link = true, .lists = true});
  CHECK(status.control_plane.in_sync);
  CHECK(status.in_sync);
  CHECK(status.settled);

  // A transaction that left it in sync: the older lists show nothing that contradicts it.
  status = told(status, agreeing(), {.link = true, .lists = false});
  CHECK(status.in_sync);

  status.gateway.state = GatewayStatus::State::Behind;
  status = told(status, agreeing(), {.link = true, .lists = false});
  CHECK(status.control_plane.in_sync);
  CHECK_FALSE(status.in_sync);
  CHECK_FALSE(status.settled);

  // Now the gateway has answered, and the lists are still those from before.
  status.gateway.state = GatewayStatus::State::InSync;
  status = told(status, agreeing(), {.link = true, .lists = false});
  CHECK_FALSE(status.in_sync);
  status = told(status, agreeing(), {.link = true, .lists = true});
  CHECK(status.in_sync);

  status = told(status, sync::Standing{}, {.link = true, .lists = false});
  CHECK_FALSE(status.control_plane.in_sync);
  CHECK_FALSE(status.settled);
}

TEST_CASE("agreement under a link that went is not shown for the next one [R29]") {
  Status status = told(beside_a_gateway_in_sync(), agreeing(), {.link = true, .lists = true});

  withdraw_agreement(status);
  CHECK_FALSE(status.control_plane.in_sync);
  CHECK_FALSE(status.in_sync);
  CHECK_FALSE(status.settled);

  status = told(status, agreeing(), {.link = false, .lists = true});
  CHECK_FALSE(status.control_plane.in_sync);
  CHECK_FALSE(status.settled);
}

TEST_CASE("a staged identity is shown with what it waits for, and whether an operator has accepted it") {
  sync::Standing standing;
  standing.staged_gateway_id = "g-2";
  standing.staged_lack = sync::StagedLack::TooFew;
  Status status = told({}, standing, {});
  REQUIRE(status.control_plane.staged);
  CHECK(status.control_plane.staged->gateway_id == "g-2");
  CHECK(status.control_plane.staged->needs_operator);
  CHECK_FALSE(status.control_plane.staged->accepted);

  standing.staged_lack = sync::StagedLack::Doubts;
  standing.staged_accepted = true;
  status = told(status, standing, {});
  CHECK(status.control_plane.staged->waits_for == "an answer about what is in doubt");
  CHECK_FALSE(status.control_plane.staged->needs_operator);
  CHECK(status.control_plane.staged->accepted);

  CHECK_FALSE(told(status, {}, {}).control_plane.staged);
}

TEST_CASE(
    "the lists of the store are made before they are shown, cleared of secrets, and the ones before handed back") {
  Redactor redactor;
  redactor.add_secret(Secret("s3cret-token"));
  store::Overview overview;
  overview.revision = 7;
  overview.offered_by_kind = {{"RestApi", 2}};
  overview.quarantined = {{"RestApi", "a-1", "weather", "refused: s3cret-token", {}}};
  overview.quarantined_count = 3;
  Status status;
  status.quarantined.resize(2);
  status.waiting.resize(1);

  StoreLists lists = lists_of(overview, redactor, 1h);
  describe_store(overview, lists, status);

  CHECK(status.store.revision == 7);
  CHECK(status.store.resources == std::map<std::string, std::uint64_t>{{"RestApi", 2}});
  REQUIRE(status.quarantined.size() == 1);
  CHECK(status.quarantined[0].id == "a-1");
  CHECK(status.quarantined[0].reason == "refused: [redacted]");
  CHECK(status.waiting.empty());
  CHECK(status.counts.quarantined == 3);
  // To be destroyed by whoever called, once nobody waits for the status.
  CHECK(lists.quarantined.size() == 2);
  CHECK(lists.waiting.size() == 1);
}

TEST_CASE("a hold that was released under a link that has ended is shown as held") {
  const Redactor redactor;
  store::Overview overview;
  overview.links = 3;
  sync::Hold hold;
  hold.scope = "deployments";
  hold.release = sync::Release::Released;
  hold.release_link = 3;
  overview.holds = {hold};
  CHECK(lists_of(overview, redactor, 1h).holds[0].state == HoldNote::State::Released);

  overview.links = 4;

  const auto held = lists_of(overview, redactor, 1h).holds;
  CHECK(held[0].state == HoldNote::State::Held);
  CHECK_FALSE(held[0].releases_in);
}

}  // namespace tether::daemon
