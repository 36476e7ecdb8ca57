#include "tether/log/redactor.h"

#include <pthread.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cstdint>
#include <ctime>
#include <thread>

namespace tether {
namespace {

/// Nanoseconds that a thread has worked.
std::int64_t cpu_time(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

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

  // By the work that the long one has done when the short one is over: a busy machine may let it go on for a while
  // before this thread goes on, and not each time.
  bool is_free = false;
  for (int attempt = 0; attempt < 10 && !is_free; ++attempt) {
    std::atomic<bool> may_end = false;
    std::atomic<std::int64_t> all_done = 0;
    std::thread other([&] {
      redactor.redact(long_text);
      all_done = cpu_time(CLOCK_THREAD_CPUTIME_ID);
      while (!may_end) std::this_thread::yield();  // its clock goes with it
    });
    clockid_t clock{};
    REQUIRE(pthread_getcpuclockid(other.native_handle(), &clock) == 0);
    while (cpu_time(clock) < 1'000'000 && all_done == 0) std::this_thread::yield();
    redactor.redact("s3cret-token");
    const auto done = cpu_time(clock);
    while (all_done == 0) std::this_thread::yield();
    may_end = true;
    other.join();
    is_free = done < all_done / 2;
  }
  CHECK(is_free);
}

}  // namespace tether
