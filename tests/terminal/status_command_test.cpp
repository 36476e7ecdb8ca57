#include "tether/terminal/status_command.h"

#include <catch2/catch.hpp>

#include "tether/admin/status.h"

namespace tether::terminal {

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

/// A daemon that says one thing after the other, and a person who looks as often.
struct StatusPerson {
  std::vector<Result<std::string>> answers;
  std::optional<ScreenSize> screen;
  std::string out, err;
  std::size_t looks = 0;

  bool run(const StatusWishes& wishes) {
    StatusEnds ends;
    ends.status = [this] { return answers.at(looks++); };
    ends.say = [this](const std::string& text) { out += text; };
    ends.complain = [this](const std::string& text) { err += text; };
    ends.pause = [this] { return looks < answers.size(); };
    ends.now = [] { return Instant{}; };
    ends.screen = [this] { return screen; };
    return run_status(ends, wishes);
  }
};

std::string well() {
  Status status;
  status.version = "1.2.3";
  status.in_sync = true;
  status.control_plane.state = ControlPlaneStatus::State::Connected;
  status.control_plane.in_sync = true;
  status.gateway.state = GatewayStatus::State::InSync;
  return to_json(status, TimePoint());
}

std::string unwell() {
  return to_json(Status(), TimePoint());
}

tl::unexpected<Error> away() {
  return fail(ErrorKind::Retry, "127.0.0.1:9469: refused");
}

}  // namespace

TEST_CASE("the status is said once, and whether all is well") {
  StatusPerson person;
  person.answers = {well(), unwell()};

  CHECK(person.run({}));
  CHECK_THAT(person.out, StartsWith("tetherd 1.2.3, running for 0 s: all is well"));
  CHECK_FALSE(person.run({}));
  CHECK(person.err.empty());
}

TEST_CASE("a program is given the document as it is") {
  StatusPerson person;
  person.answers = {well()};

  CHECK(person.run({.json = true}));
  CHECK(person.out == well());
}

TEST_CASE("a daemon that does not answer is said so, with where to look") {
  StatusPerson person;
  person.answers = {away()};

  CHECK_FALSE(person.run({}));
  CHECK(person.out.empty());
  CHECK_THAT(person.err,
             StartsWith("the daemon does not answer: 127.0.0.1:9469: refused. ") && Contains("TETHER_ADMIN_LISTEN"));
}

TEST_CASE("a daemon that wants a token is not taken for one that is away") {
  StatusPerson person;
  person.answers = {fail(ErrorKind::Reject, "127.0.0.1:9469: a token is wanted")};

  CHECK_FALSE(person.run({}));
  CHECK(person.err == "the daemon does not say: 127.0.0.1:9469: a token is wanted\n");
}

TEST_CASE("something else that answers there is no daemon") {
  StatusPerson person;
  person.answers = {R"({"hello":1})"};

  CHECK_FALSE(person.run({.json = true}));
  CHECK(person.out.empty());
  CHECK_THAT(person.err, Contains("no tetherd of this version"));
}

TEST_CASE("who watches sees one after the other, and the last one counts") {
  StatusPerson person;
  person.answers = {unwell(), well()};

  CHECK(person.run({.watch = true}));
  CHECK_THAT(person.out, Contains("\n\ntetherd 1.2.3, running for 0 s: all is well"));
  CHECK_THAT(person.out, !Contains("\x1b"));
}

TEST_CASE("who watches on a terminal sees them in one place, the daemon's absence too") {
  StatusPerson person;
  person.answers = {well(), away(), well()};
  person.screen = ScreenSize{24, 60};

  CHECK(person.run({.watch = true}));
  CHECK_THAT(person.out,
             StartsWith("\x1b[Htetherd 1.2.3") &&
                 Contains("\x1b[Hthe daemon does not answer: 127.0.0.1:9469: refused. See wh…\x1b[K\n\x1b[J"));
  CHECK(person.err.empty());
}

}  // namespace tether::terminal
