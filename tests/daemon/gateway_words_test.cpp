#include "gateway_words.h"

#include <catch2/catch.hpp>

#include "../base/peak_memory.h"
#include "../store/fixture.h"

using namespace tether;
using namespace tether::daemon;
using namespace tether::store::test;
using tether::test::peak_memory_mib;

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

/// Text without repeats.
std::string numbers(std::size_t bytes) {
  std::string text;
  for (int i = 0; text.size() < bytes; ++i) text += std::to_string(i) + " ";
  return text;
}

}  // namespace

TEST_CASE("what a gateway quotes of a credential that stands in a stored document is taken out [R3]") {
  WordsFixture fixture;
  const std::string said = std::string("cannot use ") + kCredential + " here";

  CHECK(fixture.of_problem(said) == "cannot use [redacted] here");
  CHECK(WordsFixture().of_refusals({said, "no such plan"}) ==
        std::vector<std::string>{"cannot use [redacted] here", "no such plan"});
}

TEST_CASE("of a long answer of a gateway the beginning is looked at, at little cost, and no more is kept [R3]") {
  constexpr std::size_t kLookedAt = std::size_t{64} * 1024;
  WordsFixture fixture;
  const std::string begun(kLookedAt - 5, '.');
  // One that begins in what is looked at is known by its whole.
  CHECK(fixture.of_problem(begun + kCredential + kCredential) == begun + "[redacted]");

  const std::string said = numbers(std::size_t{15} * 1024 * 1024);
  const std::size_t before = peak_memory_mib();
  CHECK(fixture.of_problem(said).size() == kLookedAt);
  CHECK(peak_memory_mib() - before < 64);
}

TEST_CASE("of many reasons in one answer of a gateway so many are kept as can be looked through [R3]") {
  WordsFixture fixture;
  std::vector<std::string> said(100'000, std::string("cannot use ") + kCredential);
  for (int i = 0; i < 1000; ++i) said.push_back(std::to_string(i) + numbers(10'000));
  said.push_back(said.front());

  const std::size_t before = peak_memory_mib();
  const auto left = fixture.of_refusals(said);

  CHECK(peak_memory_mib() - before < 128);
  REQUIRE(left.size() == said.size());
  CHECK(left.front() == "cannot use [redacted]");
  CHECK(left.back() == "cannot use [redacted]");
  CHECK(left[100'000] == said[100'000].substr(0, 4096));
  CHECK(left[left.size() - 2] == "the reason is left out: too many others came with it");
}
