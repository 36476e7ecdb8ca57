#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tether/base/time.h"

namespace tether {

/// How many of the last events are remembered.
inline constexpr std::size_t kKeptEvents = 300;
/// What is longer of a name that comes from outside is cut.
inline constexpr std::size_t kMaxEventTextBytes = 100;
/// How many correlation ids a log line names; it counts the others.
inline constexpr std::size_t kMaxNamedCorrelations = 10;

/// What an event says of itself, none of its payload.
struct EventNote {
  std::string type;
  std::string correlation_id = {};  ///< May be empty.
  std::string kind = {};            ///< What it is about, as far as it says so; may be empty, like the next two.
  std::string id = {};
  std::string deployment_id = {};
};

/// The ack of a deployment, or of its end.
struct AckNote {
  std::string_view artifact_id;
  std::string_view deployment_id;
  bool deploy = true;
  bool success = true;
};

/// The last events that came, and what has become of each: bounded, in memory only, for people. Thread-safe; no call
/// does anything slow.
class EventTrail {
 public:
  enum class Stage {
    Received,      ///< It waits for the store.
    Dropped,       ///< There was no room, or it could not be read.
    Stored,        ///< Its effect is on the disk.
    Pushed,        ///< Since then the gateway has answered a push about what it is about.
    Refused,       ///< Likewise, and the gateway refused that.
    Acknowledged,  ///< The control plane was sent the ack of its deployment.
    Failed,        ///< Likewise, that it failed.
  };

  /// `clock`: our wall clock.
  explicit EventTrail(std::function<Instant()> clock) : clock_(std::move(clock)) {}

  /// Returns its number, by which it is known from here on. Numbers grow. `arrived`: when its last byte was here.
  std::uint64_t received(EventNote note, std::size_t bytes, TimePoint arrived);
  void dropped(std::uint64_t number, std::string_view why);
  void stored(std::uint64_t number);

  /// A push begins; one at a time. Lines of it concern what was stored until now.
  void push_begins();
  void push_line(std::string_view kind, std::string_view id);
  /// The correlation ids of the events that are in the push, and newly so.
  std::string push_correlations();
  /// It was answered at `now`: all that it had is there, but for what was refused. Returns of each event that it took
  /// in how long ago that had arrived; of those that are no longer remembered nothing.
  std::vector<Duration> push_answered(const std::set<std::pair<std::string, std::string>>& refused, TimePoint now);
  /// Nobody knows what has become of it.
  void push_failed();

  /// An ack of a deployment, or of its end, goes out. Returns the correlation id of its event; empty if that is not
  /// known.
  std::string acknowledged(const AckNote& ack);

  /// The JSON of `/events`: those that have come or changed after `after` (0: all), and what to ask after next.
  std::string json_after(std::uint64_t after) const;

 private:
  struct Entry {
    std::uint64_t number = 0;
    std::uint64_t change = 0;  ///< At which it changed last, of the trail's own count.
    Instant at;
    Instant changed_at;
    TimePoint arrived;
    EventNote note;
    std::size_t bytes = 0;
    Stage stage = Stage::Received;
    std::string why;
  };

  Entry* find(std::uint64_t number);
  void move_to(Entry& entry, Stage stage);

  std::function<Instant()> clock_;
  mutable std::mutex mutex_;  ///< Of all below.
  std::deque<Entry> entries_;
  std::uint64_t numbers_ = 0;
  std::uint64_t changes_ = 0;
  std::multimap<std::string, std::uint64_t, std::less<>> by_id_;  ///< Entries by what they are about.
  std::uint64_t pushed_up_to_ = 0;  ///< The newest event that was stored when the push began.
  std::vector<std::uint64_t> in_push_;
};

std::string_view name_of(EventTrail::Stage stage);  ///< `received`, `dropped`, …

}  // namespace tether
