#include "chunk_pipe.h"

#include <catch2/catch.hpp>
#include <future>
#include <string>

namespace tether::daemon {
namespace {

/// Takes everything, on another thread.
std::future<Result<std::string>> taker_of(ChunkPipe& pipe) {
  return std::async(std::launch::async, [&pipe]() -> Result<std::string> {
    std::string all;
    while (true) {
      const auto chunk = pipe.take();
      if (!chunk) return tl::unexpected(chunk.error());
      if (chunk->empty()) return all;
      all += *chunk;
    }
  });
}

}  // namespace

TEST_CASE("a body arrives whole and in order, and each piece may be overwritten once it was given") {
  ChunkPipe pipe;
  auto taken = taker_of(pipe);
  std::string piece;
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    piece = std::to_string(i) + " ";
    expected += piece;
    REQUIRE(pipe.give(piece));
    piece.assign(piece.size(), '!');
  }
  pipe.end(/*whole=*/true);

  const auto all = taken.get();
  REQUIRE(all);
  CHECK(*all == expected);
}

TEST_CASE("a body that was cut short does not end like a whole one") {
  ChunkPipe pipe;
  auto taken = taker_of(pipe);
  REQUIRE(pipe.give("half"));
  pipe.end(/*whole=*/false);
  pipe.end(/*whole=*/true);

  const auto all = taken.get();
  REQUIRE_FALSE(all);
  CHECK(all.error().kind == ErrorKind::Retry);
}

TEST_CASE("who gives to a taker that has left is told") {
  ChunkPipe pipe;
  auto taker = std::async(std::launch::async, [&pipe] {
    const std::string chunk(*pipe.take());
    pipe.leave();
    return chunk;
  });

  CHECK_FALSE(pipe.give("x"));
  CHECK_FALSE(pipe.give("y"));
  CHECK(taker.get() == "x");
}

}  // namespace tether::daemon
