// docs/gateway-protocol.md: its samples are read and written by the daemon's own code, its numbers are the code's, and
// each answer of its table leads to what the table says.
#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "tether/delivery/courier.h"
#include "tether/gateway/push_driver.h"
#include "tether/protocol/gateway.h"
#include "tether/sync/memory.h"

namespace tether::test {

namespace {

using nlohmann::json;
using namespace delivery;

std::string page() {
  std::ifstream file(TETHER_SOURCE_DIR "/docs/gateway-protocol.md");
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The page with each run of white space as one blank, so that a sentence is found wherever it is broken.
std::string flowing(const std::string& text) {
  std::istringstream words(text);
  std::string joined;
  for (std::string word; words >> word;) joined += (joined.empty() ? "" : " ") + word;
  return joined;
}

bool says(const std::string& sentence) {
  return flowing(page()).find(sentence) != std::string::npos;
}

/// The lines of all fenced samples that are JSON objects.
std::vector<std::string> samples() {
  std::vector<std::string> found;
  std::istringstream lines(page());
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) {
      inside = !inside;
    } else if (inside && line.starts_with("{")) {
      found.push_back(line);
    }
  }
  return found;
}

std::string text_of(const json& object, const char* member) {
  return object.value(member, "");
}

/// The line that the daemon writes with what the sample says, or nothing if it is no line of a request.
std::optional<std::string> written_again(const json& sample) {
  const std::int64_t count = sample.value("count", std::int64_t{0});
  if (sample.contains("from_epoch")) {
    return protocol::write_patch_header(text_of(sample, "from_epoch"), sample["from"], text_of(sample, "epoch"),
                                        sample["revision"], count);
  }
  if (sample.contains("count")) return protocol::write_put_header(text_of(sample, "epoch"), sample["revision"], count);
  if (!sample.contains("kind")) return std::nullopt;
  if (text_of(sample, "op") == "delete") {
    return protocol::write_delete_line(text_of(sample, "kind"), text_of(sample, "id"));
  }
  protocol::ResourceLine line;
  line.kind = sample["kind"];
  line.id = sample["id"];
  line.artifact = sample.contains("document");
  line.handle = text_of(sample, "handle");
  line.deployment_id = text_of(sample, "deploymentId");
  line.deployed_at = text_of(sample, "deployedAt");
  line.document = text_of(sample, "document");
  if (sample.contains("data")) line.data = sample["data"].dump();
  return protocol::write_resource_line(line, sample.contains("op"));
}

/// A courier whose body of three lines is with the gateway.
struct Sent {
  TimePoint now{std::chrono::hours(1)};
  Courier courier{{}, [](std::string_view) { return std::optional<std::int64_t>(); }, /*last_push=*/0, now};
  Push push;

  explicit Sent(bool full) {
    Standing standing{.epoch = "e", .revision = 40, .answered = {"i", "e", full ? 0 : 30}};
    standing.offered = 3;
    courier.on_standing(standing);
    REQUIRE(std::holds_alternative<AskState>(courier.take_command(now).value()));
    courier.on_state(full ? protocol::GatewayState{"i", "", 0, 0} : protocol::GatewayState{"i", "e", 30, 3}, now);
    push = std::get<Push>(courier.take_command(now).value());
    REQUIRE(push.full == full);
  }

  void answer(std::variant<protocol::PushAnswer, GatewayProblem> answer, std::int64_t lines = 3) {
    PushOutcome outcome{push.epoch, push.up_to, lines, std::nullopt, std::move(answer)};
    if (lines == 1) outcome.only_line = sync::Key{"RestApi", "a"};
    courier.on_push_outcome(push.number, outcome, now);
  }
  void answer_status(int status, std::int64_t lines = 3) {
    answer(GatewayProblem{GatewayFailure::Status, status, "HTTP " + std::to_string(status)}, lines);
  }

  /// How long nothing is asked, and what comes then.
  Duration wait() const { return courier.next_deadline().value() - now; }
  bool asks_state_next() { return std::holds_alternative<AskState>(courier.take_command(now + wait()).value()); }
};

}  // namespace

TEST_CASE("each sample of the gateway page is what the daemon reads or writes") {
  std::size_t states = 0;
  std::size_t answers = 0;
  std::size_t written = 0;
  for (const std::string& sample : samples()) {
    CAPTURE(sample);
    const json object = json::parse(sample);
    if (const auto line = written_again(object)) {
      CHECK(json::parse(*line) == object);
      ++written;
    } else if (object.contains("instance")) {
      CHECK(protocol::parse_gateway_state(sample));
      ++states;
    } else {
      CHECK(protocol::parse_push_answer(sample));
      ++answers;
    }
  }

  CHECK(states == 1);
  CHECK(answers == 1);
  CHECK(written == 6);
  CHECK(says(R"("epoch":null,"revision":0,"resources":0)"));
  CHECK(protocol::parse_gateway_state(R"({"instance":"i","epoch":null,"revision":0,"resources":0})"));
}

TEST_CASE("the numbers of the gateway page are the code's") {
  CHECK((says("no answer within 30 s of the last byte") && gateway::PushDriverOptions{}.answer_timeout == 30s));
  CHECK((says("not taken within 120 s") && gateway::PushDriverOptions{}.body_timeout == 120s));
  CHECK((says("at most 16 MiB") && protocol::kMaxGatewayAnswerBytes == std::size_t{16} * 1024 * 1024));
  CHECK((says("cut to 300 characters") && sync::kMaxReasonChars == 300));
  CHECK((says("under 80 % of") && kHoldBelowPercent == 80));
  CHECK((says("waits 1 s, doubling to 60 s,") && CourierLimits{}.backoff_initial == 1s));
  CHECK(CourierLimits{}.backoff_max == 60s);
  CHECK((says("tries again every minute") && CourierLimits{}.refusing_retry == 60s));
  CHECK((says("It comes again every 5 s") && sync::kRemovalRetry == 5s));
  CHECK((says("or an hour has passed") && sync::kRefusalRetry == std::chrono::hours(1)));
  CHECK((says("looks every second besides") && CourierLimits{}.away_retry == 1s));
}

TEST_CASE("a 200 with the pair that was sent is stored, one with another pair is asked about") {
  Sent good(/*full=*/false);
  good.answer(protocol::PushAnswer{"e", 40, {{"RestApi", "a", "no"}}});
  const auto verdict = good.courier.take_verdict();
  REQUIRE(verdict);
  CHECK(std::get<Accepted>(*verdict).answered == sync::Answered{"i", "e", 40});
  CHECK(std::get<Accepted>(*verdict).rejected.size() == 1);

  Sent other(/*full=*/false);
  other.answer(protocol::PushAnswer{"e", 39, {}});
  CHECK_FALSE(other.courier.take_verdict());
  CHECK(other.wait() == 1s);
  CHECK(other.asks_state_next());
}

TEST_CASE("a 409 leads to the question where the gateway is, at once") {
  Sent sent(/*full=*/false);
  sent.answer_status(409);

  CHECK_FALSE(sent.courier.take_verdict());
  CHECK(sent.wait() == 0s);
  CHECK(sent.asks_state_next());
}

TEST_CASE("400, 413 and 422 refuse the whole body: it is halved, and a single line counts as rejected") {
  const int status = GENERATE(400, 413, 422);
  CAPTURE(status);

  Sent patch(/*full=*/false);
  patch.answer_status(status);
  const auto half = std::get<Push>(patch.courier.take_command(patch.now + patch.wait()).value());
  CHECK_FALSE(half.full);
  CHECK(half.up_to == 35);

  Sent line(/*full=*/false);
  line.answer_status(status, /*lines=*/1);
  CHECK(std::get<LineRefused>(line.courier.take_verdict().value()).line.id == "a");

  Sent put(/*full=*/true);
  put.answer_status(status);
  REQUIRE(put.asks_state_next());  // an earlier PUT may have been taken late
  put.courier.on_state({"i", "", 0, 0}, put.now);
  const auto empty = std::get<Push>(put.courier.take_command(put.now + put.wait()).value());
  CHECK((empty.full && empty.up_to == kFirstRevision));
}

TEST_CASE("after 5xx, no answer, or anything else the daemon waits, then asks the state") {
  Sent failed(/*full=*/false);
  failed.answer_status(503);
  CHECK(failed.courier.condition() != GatewayCondition::Refusing);
  CHECK(failed.wait() == 1s);
  CHECK(failed.asks_state_next());

  Sent silent(/*full=*/false);
  silent.answer(GatewayProblem{GatewayFailure::Timeout, 0, "no answer"});
  CHECK(silent.wait() == 1s);
  CHECK(silent.asks_state_next());

  Sent odd(/*full=*/false);
  odd.answer_status(404);
  CHECK(odd.courier.condition() == GatewayCondition::Refusing);
  CHECK(odd.wait() == 1s);
  CHECK(odd.asks_state_next());
}

}  // namespace tether::test
