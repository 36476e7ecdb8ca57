#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string_view>

#include "tether/base/result.h"

namespace tether::daemon {

/// Lends the pieces of a body that one thread is given to a thread that asks for them, without a copy: each waits for
/// the other. For one giver and one taker.
class ChunkPipe {
 public:
  /// Giver: lends `chunk`, which must not be empty, and waits until the taker asks for the next one or has left. False:
  /// it has left.
  bool give(std::string_view chunk);
  /// Giver: nothing follows. `whole` false: because it was cut short.
  void end(bool whole);

  /// Taker: the next chunk, valid until the next call; empty at the end of a whole body. Retry: it was cut short.
  Result<std::string_view> take();
  /// Taker: asks for nothing any more.
  void leave();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<std::string_view> lent_;
  bool asked_ = false;  ///< The taker waits for a chunk.
  bool left_ = false;
  std::optional<bool> ended_whole_;
};

}  // namespace tether::daemon
