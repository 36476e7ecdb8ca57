#include "tether/gateway/push_driver.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <future>
#include <thread>

#include "list_source.h"
#include "scripted_gateway.h"
#include "tether/protocol/gateway.h"

namespace tether::test {

namespace {

using delivery::GatewayFailure;
using delivery::GatewayProblem;
using gateway::PushDriver;

constexpr const char* kState = R"({"instance":"i1","epoch":"e1","revision":42,"resources":3})";
constexpr const char* kTaken = R"({"epoch":"e1","revision":45,"rejected":[]})";

gateway::PushHeader header(std::int64_t count) {
  return {.from_epoch = "e0", .from = 40, .epoch = "e1", .revision = 45, .count = count};
}

/// A driver and a gateway that answers everything with `answer`.
struct Scene {
  TemporaryFolder folder;
  std::string path = folder.path("config.sock");
  ScriptedGateway gateway;
  PushDriver driver;

  explicit Scene(const std::string& answer)
      : gateway(path, [answer](const SeenRequest&) { return answer; }), driver({.socket_path = path}) {}
};

template <class Outcome>
GatewayProblem problem_in(const Outcome& outcome) {
  REQUIRE(std::holds_alternative<GatewayProblem>(outcome));
  return std::get<GatewayProblem>(outcome);
}

}  // namespace

TEST_CASE("the state is asked and read") {
  Scene scene(http_answer(200, kState));

  const auto outcome = scene.driver.state();

  REQUIRE(std::holds_alternative<protocol::GatewayState>(outcome));
  CHECK(std::get<protocol::GatewayState>(outcome) == protocol::GatewayState{"i1", "e1", 42, 3});
  REQUIRE(scene.gateway.seen().size() == 1);
  CHECK(scene.gateway.seen()[0].method == "GET");
  CHECK(scene.gateway.seen()[0].path == "/v1/config/state");
}

TEST_CASE("a replacement is a PUT of NDJSON, header first") {
  Scene scene(http_answer(200, kTaken));
  ListSource source(header(2), {{"RestApi", "a", "{\"a\":1}\n"}, {"RestApi", "b", "{\"b\":2}\n"}});

  const auto outcome = scene.driver.replace(source);

  REQUIRE(std::holds_alternative<protocol::PushAnswer>(outcome.answer));
  CHECK(outcome.epoch == "e1");
  CHECK(outcome.revision == 45);
  CHECK(outcome.lines == 2);
  CHECK_FALSE(outcome.only_line);
  REQUIRE(scene.gateway.seen().size() == 1);
  const SeenRequest request = scene.gateway.seen()[0];
  CHECK(request.method == "PUT");
  CHECK(request.path == "/v1/config");
  CHECK(request.content_type == "application/x-ndjson");
  CHECK(request.body == protocol::write_put_header("e1", 45, 2) + "{\"a\":1}\n{\"b\":2}\n");
}

TEST_CASE("a change is a PATCH that names where it begins") {
  Scene scene(http_answer(200, kTaken));
  ListSource source(header(1), {{"RestApi", "a", "{\"op\":\"put\"}\n"}});

  const auto outcome = scene.driver.apply(source);

  CHECK(outcome.only_line == sync::Key{"RestApi", "a"});
  const SeenRequest request = scene.gateway.seen().at(0);
  CHECK(request.method == "PATCH");
  CHECK(request.body == protocol::write_patch_header("e0", 40, "e1", 45, 1) + "{\"op\":\"put\"}\n");
}

TEST_CASE("a body of many lines arrives whole and in order") {
  Scene scene(http_answer(200, kTaken));
  std::vector<gateway::PushLine> lines;
  std::string expected = protocol::write_put_header("e1", 45, 5000);
  for (int n = 0; n < 5000; ++n) {
    lines.push_back({"RestApi", std::to_string(n), std::string(200, 'x') + std::to_string(n) + "\n"});
    expected += lines.back().text;
  }
  ListSource source(header(5000), std::move(lines));

  const auto outcome = scene.driver.replace(source);

  CHECK(std::holds_alternative<protocol::PushAnswer>(outcome.answer));
  CHECK(scene.gateway.seen().at(0).body == expected);
}

TEST_CASE("rejected lines are handed over") {
  Scene scene(http_answer(
      200, R"({"epoch":"e1","revision":45,"rejected":[{"kind":"RestApi","id":"a","reason":"no upstream"}]})"));
  ListSource source(header(0), {});

  const auto outcome = scene.driver.apply(source);

  const auto& rejected = std::get<protocol::PushAnswer>(outcome.answer).rejected;
  REQUIRE(rejected.size() == 1);
  CHECK(rejected[0].id == "a");
  CHECK(rejected[0].reason == "no upstream");
}

TEST_CASE("a status other than 200 is handed over with all that the gateway says") {
  const int status = GENERATE(400, 409, 413, 422, 500, 503, 204, 302);
  // Whole: a secret in it that were cut in two would not be found any more.
  const std::string words(status == 204 ? 0 : 100'000, 'e');
  Scene scene(http_answer(status, words));
  ListSource source(header(0), {});

  const auto push = problem_in(scene.driver.apply(source).answer);
  const auto state = problem_in(scene.driver.state());

  CHECK(push.failure == GatewayFailure::Status);
  CHECK(push.status == status);
  CHECK(push.text.ends_with(words));
  CHECK(state.status == status);
}

TEST_CASE("an answer that is not the protocol's cannot be used") {
  const auto answer = GENERATE(http_answer(200, "{}"), http_answer(200, "not json"), http_answer(200, ""),
                               std::string("garbage\r\n\r\n"));
  Scene scene(answer);
  ListSource source(header(0), {});

  CHECK(problem_in(scene.driver.state()).failure == GatewayFailure::BadAnswer);
  CHECK(problem_in(scene.driver.apply(source).answer).failure == GatewayFailure::BadAnswer);
}

TEST_CASE("an absent socket is a gateway that is gone") {
  const TemporaryFolder folder;
  PushDriver driver({.socket_path = folder.path("config.sock")});
  ListSource source(header(0), {});

  CHECK(problem_in(driver.state()).failure == GatewayFailure::Gone);
  CHECK(problem_in(driver.replace(source).answer).failure == GatewayFailure::Gone);
}

TEST_CASE("a gateway that breaks off or is silent is told apart") {
  const TemporaryFolder folder;
  const std::string path = folder.path("config.sock");
  const bool silent = GENERATE(false, true);
  const RawServer server(path, [silent](RawConnection& connection, int) {
    connection.read_until("\r\n\r\n");
    if (silent) connection.read_to_end();
  });
  PushDriver driver({.socket_path = path, .answer_timeout = silent ? Duration(200ms) : Duration(30s)});

  CHECK(problem_in(driver.state()).failure == (silent ? GatewayFailure::Timeout : GatewayFailure::Gone));
}

TEST_CASE("somebody else behind the socket is named, and sent nothing") {
  const TemporaryFolder folder;
  const std::string path = folder.path("config.sock");
  ScriptedGateway gateway(path, [](const SeenRequest&) { return http_answer(200, kState); });
  PushDriver driver({.socket_path = path, .user = ::geteuid() + 1});

  const auto problem = problem_in(driver.state());

  CHECK(problem.failure == GatewayFailure::WrongUser);
  CHECK(problem.text.find(std::to_string(::geteuid())) != std::string::npos);
  CHECK(gateway.seen().empty());
}

TEST_CASE("a folder that is not safe is told apart from somebody else behind the socket, and nobody is asked") {
  const TemporaryFolder folder;
  const std::string path = folder.path("config.sock");
  ScriptedGateway gateway(path, [](const SeenRequest&) { return http_answer(200, kState); });
  REQUIRE(::chmod(folder.path("").c_str(), 0777) == 0);

  const auto problem = problem_in(PushDriver({.socket_path = path}).state());

  CHECK(problem.failure == GatewayFailure::UnsafeFolder);
  CHECK(problem.text.find("chmod o-w") != std::string::npos);
  CHECK(gateway.seen().empty());
}

TEST_CASE("a body that does not keep its header's word, or cannot be read, is not completed") {
  const TemporaryFolder folder;
  const std::string path = folder.path("config.sock");
  std::promise<std::string> received;
  const RawServer server(path, [&received](RawConnection& connection, int) {
    connection.read_to_end();
    received.set_value(connection.received());
  });
  PushDriver driver({.socket_path = path});
  const bool broken = GENERATE(false, true);
  ListSource source(header(3), {{"RestApi", "a", "{}\n"}}, broken);

  CHECK(problem_in(driver.replace(source).answer).failure == GatewayFailure::Source);
  CHECK(received.get_future().get().find("\r\n0\r\n\r\n") == std::string::npos);
}

TEST_CASE("a refusal in the middle of a large body is heard") {
  const TemporaryFolder folder;
  const std::string path = folder.path("config.sock");
  const int status = GENERATE(413, 200);
  const RawServer server(path, [status](RawConnection& connection, int) {
    connection.read_more();
    connection.send(http_answer(status, kTaken));
  });
  PushDriver driver({.socket_path = path});
  std::vector<gateway::PushLine> lines(2000, {"RestApi", "a", std::string(10'000, 'x') + "\n"});
  ListSource source(header(2000), std::move(lines));

  const auto outcome = driver.replace(source);

  const auto problem = problem_in(outcome.answer);
  CHECK(outcome.lines == 2000);
  // 200 for what it cannot have read is no answer.
  CHECK(problem.failure == (status == 413 ? GatewayFailure::Status : GatewayFailure::BadAnswer));
}

TEST_CASE("an answer counts if it came after the last line, also before the mark of the body's end") {
  const TemporaryFolder folder;
  const std::string path = folder.path("config.sock");
  const std::size_t lines = 3;
  const std::size_t read_first = GENERATE(2U, 3U);
  // Each line is a piece of its own, and what follows the ones that are read waits for the answer.
  const std::string line = std::string(40'000, 'x') + "#\n";
  std::promise<void> answered;
  const RawServer server(path, [&](RawConnection& connection, int number) {
    if (number > 0) {
      connection.read_until("\r\n\r\n");
      connection.send(http_answer(200, kState));
      return;
    }
    const auto has_read = [&connection, read_first] {
      const std::string& text = connection.received();
      return std::count(text.begin(), text.end(), '#') == static_cast<std::ptrdiff_t>(read_first) &&
             text.ends_with("#\n\r\n");
    };
    while (!has_read() && connection.read_more()) {
    }
    connection.send(http_answer(200, kTaken));
    answered.set_value();
    connection.read_to_end();
  });
  PushDriver driver({.socket_path = path});
  ListSource source(header(lines), std::vector<gateway::PushLine>(lines, {"RestApi", "a", line}));
  source.before_line(read_first, [&answered] { answered.get_future().wait(); });

  const auto outcome = driver.replace(source);

  if (read_first == lines) {
    CHECK(std::holds_alternative<protocol::PushAnswer>(outcome.answer));
  } else {
    CHECK(problem_in(outcome.answer).failure == GatewayFailure::BadAnswer);
  }
  // The connection on which something was not sent is not used again.
  CHECK(std::holds_alternative<protocol::GatewayState>(driver.state()));
}

TEST_CASE("a driver can be stopped while it waits") {
  const TemporaryFolder folder;
  const std::string path = folder.path("config.sock");
  std::promise<void> asked;
  const RawServer server(path, [&asked](RawConnection& connection, int) {
    connection.read_until("\r\n\r\n");
    asked.set_value();
    connection.read_to_end();
  });
  PushDriver driver({.socket_path = path});
  std::thread canceller([&asked, &driver] {
    asked.get_future().wait();
    driver.cancel();
  });

  CHECK(problem_in(driver.state()).failure == GatewayFailure::Cancelled);
  canceller.join();
}

}  // namespace tether::test
