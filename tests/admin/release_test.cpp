#include "tether/admin/release.h"

#include <catch2/catch.hpp>

#include "operator.h"
#include "tether/admin/admin_client.h"
#include "tether/admin/admin_server.h"

namespace tether {

using Catch::Matchers::Contains;

namespace {

Status connected() {
  Status status;
  status.control_plane.state = ControlPlaneStatus::State::Connected;
  return status;
}

Status holding(HoldNote::State state = HoldNote::State::Held, std::int64_t noted = 42) {
  Status status = connected();
  status.holds = {{"deployments", state, *parse_rfc3339("2026-08-22T11:02:03Z"), 6, 20, 3400s, noted}};
  status.held = {{"RestApi", "id-1", "petstore-v1.0", "no", {}, {}, "deployments"},
                 {"RestApi", "id-2", "pet\x1b[2Jstore", "no", {}, {}, "deployments"}};
  return status;
}

/// The gateway has ten resources that the store does not know, and the store two.
Status holding_push(std::int64_t would_get = 2) {
  Status status = connected();
  status.gateway.held_push = HeldPush{"i-1", "e-1", 17, 10, would_get};
  return status;
}

Status in_sync() {
  Status status = connected();
  status.gateway.state = GatewayStatus::State::InSync;
  return status;
}

struct ReleasingOperator : OperatorAtDaemon {
  CommandEnd run(bool yes = false) { return OperatorAtDaemon::run(release_deletions, yes); }
};

}  // namespace

TEST_CASE("an operator sees what would go, agrees, and is told when it is gone [B5]") {
  ReleasingOperator person;
  person.shows = {holding(),
                  holding(),
                  holding(HoldNote::State::Asked),
                  holding(HoldNote::State::Released),
                  holding(HoldNote::State::Released),
                  connected()};

  CHECK(person.run() == CommandEnd::Done);

  CHECK_THAT(person.out, Contains("deployments: lacks 6 of 20 that are stored, since 2026-08-22T11:02:03.000Z; goes by "
                                  "itself if listings lack the same for another 3400 s\n"
                                  "  RestApi id-1  petstore-v1.0\n"
                                  "  RestApi id-2  pet?[2Jstore\n"
                                  "  … and 4 more that are not shown\n"));
  CHECK_THAT(person.out, Contains("deployments: what was held is gone\n"));
  CHECK(person.agreed == std::vector<std::string>{R"({"holds":[{"listing":"deployments","noted":42}]})"});
  CHECK(person.asked == 1);
  CHECK(person.err.empty());
}

TEST_CASE("without a hold nothing is asked") {
  ReleasingOperator person;
  person.shows = {connected()};

  CHECK(person.run() == CommandEnd::Done);
  CHECK(person.out == "nothing is held\n");
  CHECK(person.asked == 0);
  CHECK(person.agreed.empty());
}

TEST_CASE("nothing is released without a word, and a script says it by --yes") {
  ReleasingOperator person;
  person.shows = {holding()};
  person.says = std::nullopt;
  CHECK(person.run() == CommandEnd::NotAsked);
  CHECK_THAT(person.err, Contains("--yes"));

  person.says = false;
  CHECK(person.run() == CommandEnd::NotDone);
  CHECK(person.agreed.empty());

  person.asked = 0;
  person.shows = {holding(), holding(HoldNote::State::Released), connected()};
  CHECK(person.run(/*yes=*/true) == CommandEnd::Done);
  CHECK(person.asked == 0);
}

TEST_CASE("a daemon that is away, or of another kind, is said so") {
  ReleasingOperator person;
  person.is_away = true;
  CHECK(person.run() == CommandEnd::NotDone);
  CHECK(person.err == "the daemon does not answer: 127.0.0.1:9469: refused\n");
}

TEST_CASE("without a link the list is shown, and nothing is asked") {
  ReleasingOperator person;
  Status away = holding();
  away.control_plane.state = ControlPlaneStatus::State::Reconnecting;
  person.shows = {away};

  CHECK(person.run(/*yes=*/true) == CommandEnd::NotDone);
  CHECK_THAT(person.out, Contains("id-1"));
  CHECK_THAT(person.err, Contains("no link to the control plane (reconnecting)"));
  CHECK(person.agreed.empty());
}

TEST_CASE("what is still held afterwards is an error that says why") {
  ReleasingOperator person;
  SECTION("something else is missing") {
    person.shows = {holding(), holding(HoldNote::State::Asked), holding(HoldNote::State::Held, 43)};
    CHECK(person.run() == CommandEnd::NotDone);
    CHECK_THAT(person.err, Contains("something else is missing than was shown"));
  }
  SECTION("another link came in between") {
    person.shows = {holding(), holding(HoldNote::State::Asked), holding()};
    CHECK(person.run() == CommandEnd::NotDone);
    CHECK_THAT(person.err, Contains("the link was made anew"));
  }
  SECTION("the link went") {
    person.shows = {holding(), holding(HoldNote::State::Asked), Status()};
    CHECK(person.run() == CommandEnd::NotDone);
    CHECK_THAT(person.err, Contains("the link to the control plane is gone (standalone)"));
  }
  SECTION("it takes too long") {
    person.shows = {holding()};
    CHECK(person.run() == CommandEnd::NotDone);
    CHECK(person.pauses == kCommandLooks);
    CHECK_THAT(person.err, Contains("not done yet"));
  }
  SECTION("the daemon refuses") {
    person.shows = {holding()};
    person.refusal = "something else is missing than was shown: look again";
    CHECK(person.run() == CommandEnd::NotDone);
    CHECK(person.err == "not released: something else is missing than was shown: look again\n");
  }
}

TEST_CASE("what the control plane has again is said not to have gone") {
  ReleasingOperator person;
  person.shows = {holding(), holding(HoldNote::State::Asked), connected()};

  CHECK(person.run() == CommandEnd::Done);
  CHECK_THAT(person.out, Contains("deployments: lacks it no more, nothing is removed\n"));
}

TEST_CASE("an operator sees what a held push would leave, agrees, and is told when the gateway has it") {
  ReleasingOperator person;
  person.shows = {holding_push(), holding_push(), connected(), in_sync()};
  SECTION("also without a link, which has nothing to confirm") {
    for (Status& status : person.shows) status.control_plane.state = ControlPlaneStatus::State::Reconnecting;
  }
  CHECK(person.run() == CommandEnd::Done);

  CHECK_THAT(person.out, Contains("It has 10 resources that this store does not know, and would get 2 in their place"));
  CHECK_THAT(person.out, !Contains("deletion brake"));
  CHECK_THAT(person.out, Contains("the gateway has what is stored\n"));
  CHECK(person.agreed ==
        std::vector<std::string>{
            R"({"holds":[],"push":{"epoch":"e-1","has":10,"instance":"i-1","revision":17,"would_get":2}})"});
  CHECK(person.asked == 1);
  CHECK(person.err.empty());
}

TEST_CASE("removals and a push that are held together are agreed to together") {
  ReleasingOperator person;
  Status both = holding();
  both.gateway.held_push = holding_push().gateway.held_push;
  person.shows = {both, holding(HoldNote::State::Released), in_sync()};
  SECTION("with a link") {
    CHECK(person.run() == CommandEnd::Done);
    CHECK_THAT(person.agreed.at(0), Contains("deployments") && Contains("\"push\""));
  }
  SECTION("without one only the push can go") {
    person.shows[0].control_plane.state = ControlPlaneStatus::State::Reconnecting;
    CHECK(person.run() == CommandEnd::NotDone);
    CHECK_THAT(person.agreed.at(0), !Contains("deployments") && Contains("\"push\""));
    CHECK_THAT(person.out, Contains("the gateway has what is stored\n"));
    CHECK_THAT(person.err, Contains("only the push can go"));
  }
}

TEST_CASE("a push that is held for something else than was shown is an error that says so") {
  ReleasingOperator person;
  person.shows = {holding_push(), holding_push(1)};
  CHECK(person.run() == CommandEnd::NotDone);
  CHECK_THAT(person.err, Contains("still held: the gateway has something else than was shown"));

  person.shows = {holding_push()};
  CHECK(person.run() == CommandEnd::NotDone);
  CHECK_THAT(person.err, Contains("not done yet"));
}

TEST_CASE("a consent to a held push counts for what was shown alone, and needs no link") {
  Status status = holding_push();
  const AgreedRelease agreed{{}, status.gateway.held_push};
  CHECK_FALSE(why_not_release(status, agreed));
  status.control_plane.state = ControlPlaneStatus::State::Reconnecting;
  CHECK_FALSE(why_not_release(status, agreed));

  CHECK_THAT(*why_not_release(holding_push(1), agreed), Contains("something else than was shown"));
  CHECK_THAT(*why_not_release(connected(), agreed), Contains("no push to the gateway is held any more"));
}

TEST_CASE("a consent is read as it is written, and nothing else is") {
  const std::vector<AgreedHold> holds = {{"deployments", 42}, {"keys/Rest\"Api", 7}};
  const HeldPush push{"i-1", "e-1", 17, 10, 2};
  CHECK(*read_release(write_release({holds})) == AgreedRelease{holds});
  CHECK(*read_release(write_release({holds, push})) == AgreedRelease{holds, push});
  CHECK(*read_release(write_release({{}, push})) == AgreedRelease{{}, push});

  for (const std::string bad :
       {"", "{}", "[]", "null", R"({"holds":{}})", R"({"holds":[]})", R"({"holds":[1]})",
        R"({"holds":[{"listing":"x"}]})", R"({"holds":[{"listing":1,"noted":1}]})",
        R"({"holds":[{"listing":"x","noted":"1"}]})", R"({"holds":[{"listing":"x","noted":1.5}]})",
        R"({"holds":[{"listing":"x","noted":1,"more":[[1]]}]})", R"({"holds":[{"listing":"x","noted":1}],"push":null})",
        R"({"holds":[],"push":{"instance":"i"}})",
        R"({"holds":[],"push":{"instance":"i","epoch":"e","revision":1,"has":"1","would_get":0}})"}) {
    CAPTURE(bad);
    CHECK_FALSE(read_release(bad));
  }
  CHECK(read_release(write_release({std::vector<AgreedHold>(kMaxAgreedHolds, {"x", 1})})));
  CHECK_FALSE(read_release(write_release({std::vector<AgreedHold>(kMaxAgreedHolds + 1, {"x", 1})})));
  CHECK_FALSE(read_release(std::string(kMaxConsentBytes + 1, '[')));
}

TEST_CASE("the client of the sub-command and the endpoint understand each other") {
  Metrics metrics{"1.2.3", {{"api.deployed"}, {"RestApi"}, {"deployments"}}};
  AgreedRelease agreed;
  AdminSources sources{[] { return holding(); }, [] { return true; }};
  sources.release = [&agreed](const AgreedRelease& release) { agreed = release; };
  auto server = AdminServer::start({"127.0.0.1", 0}, sources, metrics);
  REQUIRE(server);
  const AdminClient client({"0.0.0.0", (*server)->port()});

  REQUIRE(client.status());
  CHECK_THAT(*client.status(), Contains("petstore-v1.0"));
  CHECK(client.command(kReleaseCommand, write_release({{{"deployments", 42}}})));
  const auto refused = client.command(kReleaseCommand, write_release({{{"deployments", 1}}}));
  (*server)->stop();

  CHECK(agreed == AgreedRelease{{{"deployments", 42}}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message == "something else is missing than was shown: look again");
  CHECK_FALSE(client.status());
  CHECK_FALSE(client.command(kReleaseCommand, write_release({{{"deployments", 42}}})));
}

}  // namespace tether
