#include "tether/terminal/health.h"

#include <catch2/catch.hpp>

namespace tether::terminal {
namespace {

struct Check {
  Result<std::string> answer = std::string("ok");
  std::string asked, out, err;

  bool run(bool ready) {
    return run_health(
        {[this](const std::string& path) {
           asked = path;
           return answer;
         },
         [this](const std::string& text) { out += text; }, [this](const std::string& text) { err += text; }},
        ready);
  }
};

}  // namespace

TEST_CASE("a container check asks whether the loop turns, and by wish whether the gateway is configured [R14]") {
  Check check;
  CHECK(check.run(/*ready=*/false));
  CHECK(check.asked == "/livez");
  CHECK(check.out == "alive\n");

  check.out = "";
  CHECK(check.run(/*ready=*/true));
  CHECK(check.asked == "/readyz");
  CHECK(check.out == "ready\n");
  CHECK(check.err.empty());

  check.out = "";
  check.answer = std::string("ok, but stale: the gateway, for 50 min\n");
  CHECK(check.run(/*ready=*/true));
  CHECK(check.out == "ready, but stale: the gateway, for 50 min\n");
}

TEST_CASE("a container check that fails says which question and why [R14]") {
  Check check;
  check.answer = fail(ErrorKind::Reject, "the gateway has not answered a push: it is away");
  CHECK_FALSE(check.run(/*ready=*/true));
  CHECK(check.err == "not ready: the gateway has not answered a push: it is away\n");

  check.err = "";
  check.answer = fail(ErrorKind::Reject, "the loop does not turn");
  CHECK_FALSE(check.run(/*ready=*/false));
  CHECK(check.err == "not alive: the loop does not turn\n");

  check.err = "";
  check.answer = fail(ErrorKind::Retry, "127.0.0.1:9469: refused");
  CHECK_FALSE(check.run(/*ready=*/false));
  CHECK(check.err == "the daemon does not answer: 127.0.0.1:9469: refused\n");
  CHECK(check.out.empty());
}

}  // namespace tether::terminal
