#include "inbox.h"

#include <catch2/catch.hpp>
#include <future>

namespace tether::daemon {
namespace {

Input event(std::size_t bytes) {
  Input input;
  input.event_bytes = bytes;
  return input;
}

std::size_t take_all(Inbox& inbox) {
  return inbox.take(std::nullopt, Inbox::Which::All).size();
}

}  // namespace

TEST_CASE("ten thousand events may wait, and one more is dropped until some are taken") {
  Inbox inbox;
  for (std::size_t i = 0; i < kMaxWaitingEvents; ++i) REQUIRE(inbox.post_event(event(1)));
  CHECK_FALSE(inbox.post_event(event(1)));

  const auto taken = take_all(inbox);
  for (std::size_t i = 0; i < taken; ++i) REQUIRE(inbox.post_event(event(1)));
  CHECK_FALSE(inbox.post_event(event(1)));
}

TEST_CASE("events may wait up to 16 MiB of frames, and a byte more is dropped until some are taken") {
  Inbox inbox;
  REQUIRE(inbox.post_event(event(kMaxWaitingEventBytes - 1)));
  CHECK_FALSE(inbox.post_event(event(2)));
  CHECK(inbox.post_event(event(1)));
  CHECK_FALSE(inbox.post_event(event(1)));

  CHECK(take_all(inbox) == 2);
  CHECK(inbox.post_event(event(kMaxWaitingEventBytes)));
}

TEST_CASE("what is no event has its room however many events wait") {
  Inbox inbox;
  REQUIRE(inbox.post_event(event(kMaxWaitingEventBytes)));

  inbox.post({});
  CHECK(inbox.post_piece({}));

  CHECK(take_all(inbox) == 3);
}

TEST_CASE("eight pieces may wait, and who has a ninth is made to wait for room") {
  Inbox inbox;
  for (std::size_t i = 0; i < kMaxWaitingPieces; ++i) REQUIRE(inbox.post_piece({}));
  constexpr std::size_t kMore = 50;
  auto poster = std::async(std::launch::async, [&inbox] {
    for (std::size_t i = 0; i < kMore; ++i) {
      if (!inbox.post_piece({})) return false;
    }
    return true;
  });

  for (std::size_t taken = 0; taken < kMaxWaitingPieces + kMore;) {
    const auto batch = take_all(inbox);
    REQUIRE(batch <= kMaxWaitingPieces);
    taken += batch;
  }

  CHECK(poster.get());
}

TEST_CASE("a piece that waits for room is let go with the inbox's end") {
  Inbox inbox;
  for (std::size_t i = 0; i < kMaxWaitingPieces; ++i) REQUIRE(inbox.post_piece({}));
  auto ninth = std::async(std::launch::async, [&inbox] { return inbox.post_piece({}); });

  inbox.close();

  CHECK_FALSE(ninth.get());
  CHECK_FALSE(inbox.post_event(event(1)));
  CHECK(take_all(inbox) == kMaxWaitingPieces);
}

TEST_CASE("256 inputs share a transaction, and one more waits for the next") {
  Inbox inbox;
  for (std::size_t i = 0; i <= kMaxBatch; ++i) inbox.post({});

  CHECK(take_all(inbox) == kMaxBatch);
  CHECK(take_all(inbox) == 1);
  CHECK(inbox.is_empty());
}

TEST_CASE("what is done at once is taken past what waits for a transaction") {
  Inbox inbox;
  inbox.post({});
  Input at_once;
  at_once.at_once = [](TimePoint) {};
  inbox.post(at_once);

  CHECK(inbox.take(std::nullopt, Inbox::Which::AtOnce).size() == 1);
  CHECK(take_all(inbox) == 1);
}

}  // namespace tether::daemon
