#include "tether/log/log.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

namespace tether {

using Catch::Matchers::Contains;

namespace {

/// A logger with clocks that the test moves, and its lines.
class Log {
 public:
  explicit Log(LogLevel level = LogLevel::Debug, LogFormat format = LogFormat::Json) {
    LogOptions options;
    options.level = level;
    options.format = format;
    options.sink = [this](std::string_view line) { lines.emplace_back(line); };
    options.wall_clock = [this] { return wall; };
    options.steady_clock = [this] { return now; };
    logger = std::make_unique<Logger>(options, redactor);
  }

  nlohmann::json json(std::size_t index) const { return nlohmann::json::parse(lines.at(index)); }

  Redactor redactor;
  Instant wall = *parse_rfc3339("2026-08-22T11:02:03.4179Z");
  TimePoint now{};
  std::vector<std::string> lines;
  std::unique_ptr<Logger> logger;
};

}  // namespace

TEST_CASE("a JSON line is one object with time, level, event and fields") {
  Log log;

  log.logger->info("link.connected", {{"gateway_id", "g-1"}, {"attempt", 3}});

  CHECK(log.lines == std::vector<std::string>{R"({"time":"2026-08-22T11:02:03.417Z","level":"info",)"
                                              R"("event":"link.connected","gateway_id":"g-1","attempt":3})"
                                              "\n"});
}

TEST_CASE("a text line has the same in an order for people") {
  Log log(LogLevel::Debug, LogFormat::Text);

  log.logger->error("link.rejected", {{"why", "token refused"}});

  CHECK(log.lines == std::vector<std::string>{"2026-08-22T11:02:03.417Z error link.rejected why=\"token refused\"\n"});
}

TEST_CASE("lines under the level are not written") {
  Log log(LogLevel::Warn);

  log.logger->debug("a");
  log.logger->info("b");
  log.logger->warn("c");
  log.logger->error("d");
  log.logger->repeated(LogLevel::Info, "e", "");

  REQUIRE(log.lines.size() == 2);
  CHECK(log.json(0)["event"] == "c");
  CHECK(log.json(1)["event"] == "d");
  CHECK_FALSE(log.logger->enabled(LogLevel::Info));
  CHECK(log.logger->enabled(LogLevel::Warn));
}

TEST_CASE("the level can be switched to debug and back, which each time is said") {
  Log log(LogLevel::Warn);
  log.logger->switch_level();
  CHECK(log.logger->enabled(LogLevel::Debug));
  log.logger->debug("a");
  log.logger->switch_level();
  log.logger->info("b");
  log.logger->warn("c");

  REQUIRE(log.lines.size() == 4);
  CHECK(log.json(0)["event"] == "log.level");
  CHECK(log.json(0)["level"] == "info");
  CHECK(log.json(0)["to"] == "debug");
  CHECK(log.json(1)["event"] == "a");
  CHECK(log.json(2)["to"] == "warn");
  CHECK(log.json(3)["event"] == "c");
}

TEST_CASE("from debug it is switched to info") {
  Log log(LogLevel::Debug);
  log.logger->switch_level();
  log.logger->debug("a");
  log.logger->info("b");

  REQUIRE(log.lines.size() == 2);
  CHECK(log.json(0)["to"] == "info");
  CHECK(log.json(1)["event"] == "b");
}

TEST_CASE("a fault that repeats is written once, then counted") {
  Log log;
  const auto fault = [&log] {
    log.logger->repeated(LogLevel::Warn, "link.dial_failed", "refused", {{"reason", "refused"}});
  };

  fault();
  for (int i = 0; i < 9; ++i) fault();
  REQUIRE(log.lines.size() == 1);
  CHECK_FALSE(log.json(0).contains("repeats"));

  log.now += 1h;
  fault();
  REQUIRE(log.lines.size() == 2);
  CHECK(log.json(1)["repeats"] == 9);

  fault();
  log.logger->resolved("link.dial_failed");
  REQUIRE(log.lines.size() == 3);
  CHECK(log.json(2)["event"] == "link.dial_failed");
  CHECK(log.json(2)["level"] == "warn");
  CHECK(log.json(2)["key"] == "refused");
  CHECK(log.json(2)["repeats"] == 1);

  log.logger->resolved("link.dial_failed");
  CHECK(log.lines.size() == 3);
}

TEST_CASE("counts are not lost at the end") {
  Log log;
  log.logger->repeated(LogLevel::Warn, "a", "k");
  log.logger->repeated(LogLevel::Warn, "a", "k");

  log.logger->flush_repeats();

  REQUIRE(log.lines.size() == 2);
  CHECK(log.json(1)["repeats"] == 1);
}

TEST_CASE("a day offline is far under a megabyte of log (R27)") {
  Log log;
  for (const auto day = log.now + 24h; log.now < day; log.now += 3s) {
    log.logger->repeated(LogLevel::Warn, "link.dial_failed", "refused", {{"reason", "refused"}, {"wait_s", 300.0}});
    log.logger->repeated(LogLevel::Debug, "link.probe_failed", "refused");
  }

  std::size_t bytes = 0;
  for (const std::string& line : log.lines) bytes += line.size();
  CHECK(log.lines.size() == 48);
  CHECK(bytes < 10'000);
}

TEST_CASE("no line is longer than a pipe takes at once") {
  Log log;
  const std::string huge(1'000'000, '\x01');

  log.logger->warn(huge, {{"a", huge}, {"b", huge}, {huge, huge}, {"c", std::string(1000, 'x')}});
  for (int i = 0; i < 2; ++i) log.logger->repeated(LogLevel::Warn, huge, huge, {{"a", huge}});
  log.logger->flush_repeats();

  REQUIRE(log.lines.size() == 3);
  for (const std::string& line : log.lines) {
    CHECK(line.size() <= Logger::kMaxLineBytes);
    CHECK(nlohmann::json::accept(line));
  }
}

TEST_CASE("a planted secret is in no line, in no place (R3)") {
  const LogFormat format = GENERATE(LogFormat::Json, LogFormat::Text);
  Log log(LogLevel::Debug, format);
  log.redactor.add_secret(Secret("s3cret-token"));

  log.logger->debug("got s3cret-token", {{"v", "api-key: s3cret-token"}});
  for (int i = 0; i < 2; ++i) log.logger->repeated(LogLevel::Warn, "e", "of s3cret-token", {{"v", "s3cret-token"}});
  log.logger->flush_repeats();

  REQUIRE(log.lines.size() == 3);
  for (const std::string& line : log.lines) {
    CHECK_THAT(line, !Contains("s3cret"));
    CHECK_THAT(line, Contains("[redacted]"));
  }
}

TEST_CASE("lines of several threads do not mix") {
  Log log;
  constexpr int kThreads = 4;
  constexpr int kLines = 200;

  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&log] {
      for (int i = 0; i < kLines; ++i) {
        log.logger->info("x", {{"i", i}});
        log.logger->repeated(LogLevel::Debug, "y", "k");
        log.redactor.add_secret(Secret("secret-" + std::to_string(i)));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  CHECK(log.lines.size() == kThreads * kLines + 1);
  for (const std::string& line : log.lines) CHECK(nlohmann::json::accept(line));
}

}  // namespace tether
