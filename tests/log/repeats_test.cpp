#include "tether/log/repeats.h"

#include <catch2/catch.hpp>

namespace tether {

namespace {

constexpr TimePoint kStart{};

bool writes(Repeats& repeats, std::string_view key, TimePoint now) {
  return repeats.on_fault(LogLevel::Warn, "dial", key, now).write;
}

}  // namespace

TEST_CASE("a fault is written once a window, then with its count") {
  Repeats repeats(1h, /*max_faults=*/10);

  CHECK(writes(repeats, "refused", kStart));
  CHECK_FALSE(writes(repeats, "refused", kStart + 1s));
  CHECK_FALSE(writes(repeats, "refused", kStart + 1h - 1ns));
  const auto after = repeats.on_fault(LogLevel::Warn, "dial", "refused", kStart + 1h);

  CHECK(after.write);
  CHECK(after.unwritten == 2);
  CHECK_FALSE(writes(repeats, "refused", kStart + 2h - 1ns));
}

TEST_CASE("faults with another key or event are others") {
  Repeats repeats(1h, 10);

  CHECK(writes(repeats, "refused", kStart));
  CHECK(writes(repeats, "timeout", kStart));
  CHECK(repeats.on_fault(LogLevel::Warn, "push", "refused", kStart).write);
}

TEST_CASE("a fault that is over gives its count, and is new when it comes back") {
  Repeats repeats(1h, 10);
  writes(repeats, "a", kStart);
  writes(repeats, "a", kStart);
  writes(repeats, "b", kStart);

  const auto counts = repeats.take("dial", std::nullopt);

  REQUIRE(counts.size() == 1);  // `b` has nothing unwritten.
  CHECK(counts[0].key == "a");
  CHECK(counts[0].count == 1);
  CHECK(writes(repeats, "a", kStart));
  CHECK(writes(repeats, "b", kStart));
}

TEST_CASE("one key's end leaves the others alone") {
  Repeats repeats(1h, 10);
  writes(repeats, "a", kStart);
  writes(repeats, "b", kStart);

  CHECK(repeats.take("dial", "a").empty());

  CHECK(writes(repeats, "a", kStart));
  CHECK_FALSE(writes(repeats, "b", kStart));
  CHECK(repeats.take_all().size() == 1);
}

TEST_CASE("at the limit the fault written longest ago makes room, and its count is not lost") {
  Repeats repeats(1h, /*max_faults=*/2);
  writes(repeats, "a", kStart);
  writes(repeats, "b", kStart + 1s);
  writes(repeats, "a", kStart + 2s);

  const auto third = repeats.on_fault(LogLevel::Warn, "dial", "c", kStart + 3s);

  CHECK(third.write);
  REQUIRE(third.made_room_by);
  CHECK(third.made_room_by->key == "a");
  CHECK(third.made_room_by->count == 1);
  CHECK_FALSE(writes(repeats, "b", kStart + 4s));
  CHECK(writes(repeats, "a", kStart + 5s));
}

}  // namespace tether
