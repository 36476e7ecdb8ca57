#include "tether/log/redactor.h"

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "tether/base/time.h"

namespace tether {

TEST_CASE("known values are taken out of a text, others stay") {
  Redactor redactor;
  redactor.add_secret(Secret("s3cret-token"));

  CHECK(redactor.redact("api-key: s3cret-token!") == "api-key: [redacted]!");
  CHECK(redactor.redact("s3cret-tokens3cret-token") == "[redacted][redacted]");
  CHECK(redactor.redact("s3cret-toke") == "s3cret-toke");
  CHECK(redactor.redact("") == "");
}

TEST_CASE("a redactor that knows nothing changes nothing") {
  CHECK(Redactor().redact("s3cret-token") == "s3cret-token");
}

TEST_CASE("of two values that begin alike the longer goes first") {
  Redactor redactor;
  redactor.add_secret(Secret("s3cret"));
  redactor.add_secret(Secret("s3cret-token"));
  redactor.add_secret(Secret("s3cret-to"));

  CHECK(redactor.redact("s3cret-token") == "[redacted]");
  CHECK(redactor.redact("s3cret-to.") == "[redacted].");
  CHECK(redactor.redact("s3cret.") == "[redacted].");
}

TEST_CASE("values too short to tell from words are not remembered") {
  Redactor redactor;
  redactor.add_secret(Secret(std::string(Redactor::kMinSecretBytes - 1, 'a')));
  redactor.add_secret(Secret());
  CHECK(redactor.size() == 0);

  redactor.add_secret(Secret(std::string(Redactor::kMinSecretBytes, 'a')));
  CHECK(redactor.redact("xaaaaaax") == "x[redacted]x");
}

TEST_CASE("values are bytes, whatever they are") {
  Redactor redactor;
  redactor.add_secret(Secret(std::string("\0\xff\x01\x80\n\"\\", 7)));

  CHECK(redactor.redact(std::string("a\0\xff\x01\x80\n\"\\b", 9)) == "a[redacted]b");
}

TEST_CASE("a value is known in the form that JSON gives it, too") {
  Redactor redactor;
  redactor.add_secret(Secret("-----BEGIN KEY-----\nMII\"B\\\t\x01"));

  CHECK(redactor.redact(R"({"error":"bad: -----BEGIN KEY-----\nMII\"B\\\t\u0001"})") ==
        R"({"error":"bad: [redacted]"})");
}

TEST_CASE("a text is cleared before it is cut: half a value would not be known") {
  Redactor redactor;
  redactor.add_secret(Secret("s3cret-token"));

  CHECK(redactor.redact("reason: s3cret-token", 14) == "reason: [redac…");
  CHECK(redactor.redact("reason: s3cret-token", 18) == "reason: [redacted]");
}

TEST_CASE("of the beginning of a text a value is known that reaches beyond it") {
  Redactor redactor;
  CHECK(redactor.redact_beginning("reason: s3cret-token", 10) == "reason: s3");
  redactor.add_secret(Secret("s3cret-token"));

  CHECK(redactor.redact_beginning("reason: s3cret-token", 10) == "reason: [redacted]");
  CHECK(redactor.redact_beginning("reason: s3cret-token", 8) == "reason: ");
  CHECK(redactor.redact_beginning("s3cret-token and more", 100) == "[redacted] and more");
  CHECK(redactor.redact_beginning("a\u00e4b", 2) == "a");  // no half of a character
}

TEST_CASE("a lasting value outlives any number of others") {
  Redactor redactor;
  redactor.add_secret(Secret("known-before"));
  redactor.add_lasting_secret(Secret("known-before"));
  redactor.add_lasting_secret(Secret("s3cret-token"));
  for (std::size_t i = 0; i <= Redactor::kMaxSecrets; ++i)
    redactor.add_secret(Secret("secret-" + std::to_string(i) + "."));

  CHECK(redactor.size() == Redactor::kMaxSecrets);
  CHECK(redactor.redact("s3cret-token known-before secret-0.") == "[redacted] [redacted] secret-0.");
}

TEST_CASE("beyond the limit the oldest value is forgotten, and a known one is not counted twice") {
  Redactor redactor;
  for (std::size_t i = 0; i < Redactor::kMaxSecrets; ++i)
    redactor.add_secret(Secret("secret-" + std::to_string(i) + "."));
  redactor.add_secret(Secret("secret-5."));
  REQUIRE(redactor.size() == Redactor::kMaxSecrets);
  CHECK(redactor.redact("secret-0.") == "[redacted]");

  redactor.add_secret(Secret("one-more"));

  CHECK(redactor.size() == Redactor::kMaxSecrets);
  CHECK(redactor.redact("secret-0.") == "secret-0.");
  CHECK(redactor.redact("secret-1. one-more") == "[redacted] [redacted]");
}

TEST_CASE("a long text does not keep short ones waiting") {
  Redactor redactor;
  redactor.add_secret(Secret("s3cret-token"));
  const std::string long_text(std::size_t{4} * 1024 * 1024, 'x');
  const auto time = [&redactor](std::string_view text) {
    const TimePoint before = Clock::now();
    redactor.redact(text);
    return Clock::now() - before;
  };

  // On a busy machine this thread may be kept waiting by others; by the long text it would be each time.
  bool is_free = false;
  for (int attempt = 0; attempt < 10 && !is_free; ++attempt) {
    std::atomic<bool> has_begun = false;
    std::atomic<bool> has_ended = false;
    Duration long_one{};
    std::thread other([&] {
      has_begun = true;
      long_one = time(long_text);
      has_ended = true;
    });
    while (!has_begun) std::this_thread::yield();
    Duration longest{};
    while (!has_ended) longest = std::max<Duration>(longest, time("s3cret-token"));
    other.join();
    is_free = longest < long_one / 4;
  }
  CHECK(is_free);
}

}  // namespace tether
