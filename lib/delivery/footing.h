#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tether/base/time.h"
#include "tether/delivery/courier.h"
#include "tether/sync/memory.h"
#include "tether/sync/records.h"

namespace tether::delivery {

/// How long a failed transaction waits before it is tried again, at first and at most; it doubles.
inline constexpr Duration kStoreRetryFirst = 1s;
inline constexpr Duration kStoreRetryMax = 30s;
/// Earlier epochs whose last revision is kept in memory.
inline constexpr std::size_t kMaxEpochsKept = 64;

/// What a transaction leaves in the store, read within it.
struct Left {
  sync::Marks marks;
  std::string epoch;
  std::int64_t revision = 0;
  bool has_lost = false;
  std::int64_t offered = 0;  ///< Resources.
};
Left read_left(sync::Records& records);

/// What the transactions of one process have come to: what the courier is told of the store (Standing), and when one
/// that failed is tried again. An epoch is drawn once, used from then on, and stored as soon as that is possible. A
/// value; one thread.
class Footing {
 public:
  /// Draws the epoch of this start.
  explicit Footing(std::function<std::string()> new_epoch);

  /// The store was set aside and an empty one is in its place: nothing of it is known, and another epoch begins.
  void start_anew();
  /// The epoch that the first transaction is to begin in a store that is at this revision.
  const std::string& epoch_to_begin(std::int64_t revision);

  /// What to do after a transaction.
  struct Stored {
    bool recovered = false;            ///< The ones before had failed.
    bool switched = false;             ///< Another identity is served: what is offered is another's number now.
    std::vector<std::string> look_up;  ///< Epochs about which the store is to be asked: note_last_revision().
  };
  /// It is durable. `gateway_epoch`: what the gateway last said, if it did.
  Stored on_stored(Left left, const sync::Standing& standing, const std::optional<std::string>& gateway_epoch);
  /// It failed. `read` gives what the store holds, or nothing if it cannot be read: until it can, nothing is sent.
  void on_not_stored(TimePoint now, const std::function<std::optional<Left>()>& read);

  bool is_storing() const { return backoff_ == Duration{}; }
  /// While nothing can be stored: when that is tried next.
  TimePoint retry_at() const { return retry_at_; }
  /// Whether a transaction is due now. After one that failed also where nothing is left to store, for what it was about
  /// may have passed: else nothing would be taken in any more.
  bool is_due(bool has_inputs, TimePoint now) const { return (has_inputs || !is_storing()) && now >= retry_at_; }
  /// The epoch of this start is in the store.
  bool has_begun() const { return begun_; }

  /// Nullopt: nothing could be read of the store yet.
  std::optional<Standing> told() const;
  const Standing& standing() const { return standing_; }
  const sync::Marks& marks() const { return marks_; }

  /// Whether the gateway's epoch is to be looked up before the courier is told of it.
  bool is_foreign(std::string_view gateway_epoch) const;
  /// `last`: the last revision of an earlier epoch, or nothing if it is not the store's.
  void note_last_revision(const std::string& epoch, std::optional<std::int64_t> last);
  std::optional<std::int64_t> last_revision_of(std::string_view epoch) const;

 private:
  std::function<std::string()> new_epoch_;
  std::string epoch_;
  bool begun_ = false;
  Standing standing_;
  sync::Marks marks_;
  std::map<std::string, std::int64_t, std::less<>> epochs_;
  Duration backoff_{};
  TimePoint retry_at_;
};

}  // namespace tether::delivery
