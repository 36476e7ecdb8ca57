#include "tether/admin/accept.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "operator.h"
#include "tether/admin/admin_client.h"
#include "tether/admin/admin_server.h"

namespace tether {

using Catch::Matchers::Contains;

namespace {

struct AcceptingOperator : OperatorAtDaemon {
  CommandEnd run(bool yes = false) { return OperatorAtDaemon::run(accept_identity, yes); }
};

constexpr const char* kTooFew = "the operator: it has less than 80 % of the number of resources in service";
constexpr const char* kAgreed =
    R"({"deployed":7,"documents":4,"gateway_id":"g-2","in_service":10,"resources":5,"waits_for":"the operator: it has )"
    R"(less than 80 % of the number of resources in service"})";
constexpr const char* kDoubts = "an answer about what is in doubt";

/// In service, with a gateway that is in sync.
Status serving(const std::string& gateway_id) {
  Status status;
  status.control_plane.state = ControlPlaneStatus::State::Connected;
  status.control_plane.gateway_id = gateway_id;
  status.store.resources = {{"RestApi", 9}, {"ApiKey", 1}};
  status.gateway.state = GatewayStatus::State::Behind;
  return status;
}

Status staging(const std::string& waits_for = kTooFew, bool needs_operator = true, bool accepted = false) {
  Status status = serving("g-1");
  status.control_plane.other_gateway_id = "g-2";
  status.control_plane.staged =
      StagedStatus{"g-2", *parse_rfc3339("2026-08-22T11:02:03Z"), 7, 4, 5, waits_for, needs_operator, accepted};
  return status;
}

Status accepted(const std::string& waits_for = kTooFew) {
  return staging(waits_for, /*needs_operator=*/false, /*accepted=*/true);
}

}  // namespace

TEST_CASE("an operator sees both identities, agrees, and is told when the staged one is in service") {
  AcceptingOperator person;
  person.shows = {staging(), staging(), accepted(kDoubts), accepted(kDoubts), serving("g-2")};

  CHECK(person.run() == CommandEnd::Done);

  CHECK(person.out ==
        "In service: gateway id g-1, 10 resources.\n"
        "Staged: gateway id g-2, since 2026-08-22T11:02:03.000Z, 5 resources; 3 of its 7 deployed artifacts lack their "
        "document.\n"
        "It waits for the operator: it has less than 80 % of the number of resources in service.\n"
        "If it takes over, the gateway gets these 5 resources, and nothing that is in service now stays.\n\n"
        "it waits for an answer about what is in doubt\n"
        "gateway id g-2 is in service; the gateway is behind\n");
  CHECK(person.agreed == std::vector<std::string>{kAgreed});
  CHECK(person.asked == 1);
  CHECK(person.pauses == 4);
  CHECK(person.err.empty());
}

TEST_CASE("with no other identity nothing is asked") {
  AcceptingOperator person;
  person.shows = {serving("g-1")};
  CHECK(person.run() == CommandEnd::Done);
  CHECK(person.out == "no other identity is staged; in service is gateway id g-1\n");

  person.out.clear();
  person.shows = {Status()};
  CHECK(person.run() == CommandEnd::Done);
  CHECK(person.out == "no other identity is staged; in service is none yet\n");
  CHECK(person.asked == 0);
  CHECK(person.agreed.empty());
}

TEST_CASE("no identity is accepted without a word, and a script says it by --yes") {
  AcceptingOperator person;
  person.shows = {staging()};
  person.says = std::nullopt;
  CHECK(person.run() == CommandEnd::NotAsked);
  CHECK_THAT(person.err, Contains("--yes"));

  person.says = false;
  CHECK(person.run() == CommandEnd::NotDone);
  CHECK(person.agreed.empty());

  person.asked = 0;
  person.shows = {staging(), serving("g-2")};
  CHECK(person.run(/*yes=*/true) == CommandEnd::Done);
  CHECK(person.asked == 0);
}

TEST_CASE("an identity is accepted only once nothing but an operator is waited for, and on its link") {
  AcceptingOperator person;
  SECTION("it waits for what no operator can make up for") {
    person.shows = {staging(kDoubts, /*needs_operator=*/false)};
    CHECK(person.run(/*yes=*/true) == CommandEnd::NotDone);
    CHECK_THAT(person.out, Contains("It waits for an answer about what is in doubt.\n"));
    CHECK_THAT(person.err, Contains("no operator can make up for what it waits for: nothing is done"));
  }
  SECTION("there is no link") {
    Status away = staging();
    away.control_plane.state = ControlPlaneStatus::State::Reconnecting;
    person.shows = {away};
    CHECK(person.run(/*yes=*/true) == CommandEnd::NotDone);
    CHECK_THAT(person.out, Contains("g-2"));
    CHECK_THAT(person.err, Contains("no link to the control plane (reconnecting)"));
  }
  SECTION("there is no daemon") {
    person.is_away = true;
    CHECK(person.run(/*yes=*/true) == CommandEnd::NotDone);
    CHECK(person.err == "the daemon does not answer: 127.0.0.1:9469: refused\n");
  }
  CHECK(person.agreed.empty());
}

TEST_CASE("an accepted identity that does not take over is an error that says why") {
  AcceptingOperator person;
  const auto ends_with = [&person](const std::string& why) {
    CHECK(person.run() == CommandEnd::NotDone);
    CHECK_THAT(person.err, Contains(why));
  };
  SECTION("another one is staged") {
    Status third = staging();
    third.control_plane.staged->gateway_id = "g-\x1b[2J3";
    person.shows = {staging(), third};
    ends_with("another one is staged now, and not accepted: gateway id g-?[2J3");
  }
  SECTION("the one in service has its link back") {
    person.shows = {staging(), accepted(), serving("g-1")};
    ends_with("it is staged no more: gateway id g-1 stays in service");
  }
  SECTION("another link came in between") {
    person.shows = {staging(), accepted(), staging()};
    ends_with("the consent is void: the link was made anew before it took over, or it is not as it was shown");
  }
  SECTION("the link went") {
    Status away = accepted();
    away.control_plane.state = ControlPlaneStatus::State::Reconnecting;
    person.shows = {staging(), away};
    ends_with("the link to the control plane is gone (reconnecting)");
  }
  SECTION("it takes too long") {
    person.shows = {staging(), accepted(kDoubts)};
    ends_with("not in service yet; as long as this link lasts it takes over by itself once it has " +
              std::string(kDoubts));
    CHECK(person.pauses == kCommandLooks);
  }
  SECTION("the daemon never takes it") {
    person.shows = {staging()};
    ends_with("the daemon has not taken it");
  }
  SECTION("the daemon refuses") {
    person.shows = {staging()};
    person.refusal = "another identity is staged than was shown: look again";
    ends_with("not accepted: another identity is staged than was shown: look again");
  }
}

TEST_CASE("an acceptance is read as it is written, and nothing else is") {
  for (const std::string id : {"g-2", "g \"2\"", "g-\x1b"}) {
    const AgreedIdentity agreed{id, kTooFew, 7, 4, 5, 10};
    CHECK(*read_acceptance(write_acceptance(agreed)) == agreed);
  }
  CHECK(read_acceptance(kAgreed));

  for (const std::string bad : {"", "{}", "[]", "null", "\"g-2\"", R"({"gateway_id":"g-2"})"}) {
    CAPTURE(bad);
    CHECK_FALSE(read_acceptance(bad));
  }
  const auto with = [](const std::string& member, const nlohmann::json& value) {
    auto json = nlohmann::json::parse(kAgreed);
    json[member] = value;
    return json.dump();
  };
  CHECK_FALSE(read_acceptance(with("gateway_id", "")));
  CHECK_FALSE(read_acceptance(with("gateway_id", {"g-2"})));
  CHECK_FALSE(read_acceptance(with("waits_for", 1)));
  for (const char* number : {"deployed", "documents", "resources", "in_service"}) {
    CAPTURE(number);
    CHECK_FALSE(read_acceptance(with(number, -1)));
    CHECK_FALSE(read_acceptance(with(number, "1")));
    CHECK_FALSE(read_acceptance(with(number, 1.5)));
  }
  CHECK_FALSE(read_acceptance(with("more", {{1}})));
  CHECK_FALSE(read_acceptance(std::string(kMaxConsentBytes + 1, ' ')));
}

TEST_CASE("accept-identity and the endpoint understand each other") {
  Metrics metrics{"1.2.3", {{"api.deployed"}, {"RestApi"}, {"deployments"}}};
  std::vector<AgreedIdentity> agreed;
  AdminSources sources{[] { return staging(); }, [] { return true; }};
  sources.accept = [&agreed](const AgreedIdentity& identity) { agreed.push_back(identity); };
  auto server = AdminServer::start({"127.0.0.1", 0}, sources, metrics);
  REQUIRE(server);
  const AdminClient client({"0.0.0.0", (*server)->port()});

  const AgreedIdentity shown{"g-2", kTooFew, 7, 4, 5, 10};
  CHECK(client.command(kAcceptCommand, write_acceptance(shown)));
  AgreedIdentity more = shown;
  ++more.resources;
  const auto refused = client.command(kAcceptCommand, write_acceptance(more));
  (*server)->stop();

  CHECK(agreed == std::vector<AgreedIdentity>{shown});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message == "it has something else than was shown, or what is in service has: look again");
}

}  // namespace tether
