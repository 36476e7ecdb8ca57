#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "tether/base/time.h"
#include "tether/sync/records.h"

namespace tether::daemon {

/// Events that may wait for the state thread, in number and in bytes of frames. What comes on top is dropped and
/// counted, and everything is asked for again.
inline constexpr std::size_t kMaxWaitingEvents = 10'000;
inline constexpr std::size_t kMaxWaitingEventBytes = std::size_t{16} * 1024 * 1024;
/// Pieces of listings and documents that may wait; a worker that has another one is made to wait.
inline constexpr std::size_t kMaxWaitingPieces = 8;
/// How many inputs share one transaction at most.
inline constexpr std::size_t kMaxBatch = 256;

/// One input of the state thread. `apply` runs within a transaction, and again if that failed: it must not consume what
/// it captured. `at_once` runs outside of any, before, and exactly once.
struct Input {
  std::function<void(sync::Records&, sync::Now)> apply;
  std::function<void(TimePoint)> at_once;
  std::size_t event_bytes = 0;     ///< Not 0: an event,
  TimePoint arrived{};             ///< which came then,
  std::uint64_t event_number = 0;  ///< and has this number in the trail.
  bool piece = false;
};

/// Where the other threads leave inputs for the state thread. Thread-safe.
class Inbox {
 public:
  void post(Input input);
  /// False: there was no room, the event is dropped.
  bool post_event(Input input);
  /// Waits for room. False: the inbox was closed.
  bool post_piece(Input input);

  enum class Which { All, AtOnce };
  /// Waits until there is something of that kind, `until`, or the end; takes up to kMaxBatch inputs in order.
  std::deque<Input> take(std::optional<TimePoint> until, Which which);

  /// No post is taken from now on; `take` gives what is left and then nothing at once.
  void close();
  bool is_closed() const;
  bool is_empty() const;

 private:
  void account(const Input& input, bool added);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::condition_variable room_;
  std::deque<Input> inputs_;
  std::size_t events_ = 0;
  std::size_t event_bytes_ = 0;
  std::size_t pieces_ = 0;
  bool closed_ = false;
};

}  // namespace tether::daemon
