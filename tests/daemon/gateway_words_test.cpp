#include "gateway_words.h"

#include <catch2/catch.hpp>

#include "../store/fixture.h"

using namespace tether;
using namespace tether::daemon;
using namespace tether::store::test;

namespace {

constexpr const char* kCredential = "sk-LITERALCREDENTIAL42";

/// A store that an earlier process has filled: this one's redactor knows nothing of it.
class WordsFixture {
 public:
  WordsFixture() {
    store_.write([](sync::Records& records) {
      offer(records, artifact("a", "LlmProvider"), "openai",
            std::string("kind: LlmProvider\nmetadata: {name: openai}\n") +
                "spec:\n  upstream:\n    auth: {type: api-key, header: X-Key, value: " + kCredential + "}\n");
    });
  }

  /// What is left of it when a gateway says it with a status.
  std::string of_problem(const std::string& said) {
    delivery::StateOutcome outcome = delivery::GatewayProblem{delivery::GatewayFailure::Status, 500, said};
    words_.clear(outcome);
    return std::get<delivery::GatewayProblem>(outcome).text;
  }
  /// What is left of them when a gateway gives them as its reasons to refuse lines.
  std::vector<std::string> of_refusals(const std::vector<std::string>& said) {
    protocol::PushAnswer answer;
    for (const auto& reason : said) answer.rejected.push_back({"RestApi", "a", reason});
    delivery::PushOutcome outcome{"e", 1, 1, std::nullopt, std::move(answer)};
    words_.clear(outcome);
    std::vector<std::string> left;
    for (auto& line : std::get<protocol::PushAnswer>(outcome.answer).rejected) left.push_back(line.reason);
    return left;
  }

  TestStore& store() { return store_; }

 private:
  TestStore store_;
  Redactor redactor_;
  GatewayWords words_{*store_, redactor_};
};

}  // namespace

TEST_CASE("what a gateway quotes of a credential that stands in a stored document is taken out [R3]") {
  WordsFixture fixture;
  const std::string said = std::string("cannot use ") + kCredential + " here";

  CHECK(fixture.of_problem(said) == "cannot use [redacted] here");
  CHECK(WordsFixture().of_refusals({said, "no such plan"}) ==
        std::vector<std::string>{"cannot use [redacted] here", "no such plan"});
}
