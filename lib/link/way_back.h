#pragma once

#include <cstdint>
#include <optional>

#include "tether/base/random.h"
#include "tether/base/time.h"

namespace tether::link {

/// What is known of a control plane that cannot be had and has not refused us.
enum class Absence {
  Lost,    ///< A connection ended: somebody may be there all the same.
  Nobody,  ///< No connection can be made.
  Mute,    ///< A connection can be made, and nothing is said on it: a stopped process, or a path that is half open.
};

/// For how long a knock may be under way. Linux sends a SYN again after 1 s and after 3 s, so that one that was sent
/// just before the way is back is repeated, or given up, within two seconds of it.
inline constexpr Duration kKnockTimeout = 3s;
/// Attempts after the way is back are spread over this, evenly: less than a twentieth of a fleet comes in any second,
/// and together with the wait for a knock, a knock and a dial it is less than the 30 s of R23.
inline constexpr Duration kSpread = 24s;
/// After `Mute` a knock is a TLS handshake, which costs a server more: so many intervals lie between two of them, and
/// the attempts, spread by them already, over less.
inline constexpr int kIntervalsWhenMute = 5;
inline constexpr Duration kSpreadWhenMute = 12s;
/// Changes of the host's network come in flocks: no two knocks begin within this.
inline constexpr Duration kKnockPause = 1s;

/// Looks out for the way back to a control plane, in the waits between attempts (R23): a *knock* every few seconds,
/// which is a bare TCP connect, and at once when the host's network or the control plane's addresses change. The way
/// back is found when a knock is answered that would not have been before, never by a mere answer.
class WayBack {
 public:
  /// A knock begins at the latest `interval` after the last one began, or as soon as that one has ended.
  WayBack(Duration interval, std::uint64_t seed);

  void begin(Absence absence, TimePoint now);
  void end();
  bool is_watching() const { return absence_.has_value(); }

  /// An attempt would find no one: knock first.
  bool is_nobody_there() const { return absence_ == Absence::Nobody; }
  /// A knock must be answered by more than an accepted connection.
  bool wants_words() const { return absence_ == Absence::Mute; }
  Duration spread() const { return wants_words() ? kSpreadWhenMute : kSpread; }

  void knock_at_once(TimePoint now);
  void on_network_changed(TimePoint now);
  /// What was known is known of other addresses.
  void on_addresses_changed(TimePoint now);

  /// True: knock now.
  bool take_due_knock(TimePoint now);
  bool is_knocking() const { return knocking_; }
  bool has_timed_out(TimePoint now) const { return knocking_ && now >= last_knock_ + kKnockTimeout; }
  /// True: the way back is found. To be called only while knocking.
  bool on_knocked(bool is_answered, TimePoint now);

  std::optional<TimePoint> next_deadline() const;

 private:
  Duration interval() const;
  void knock_by(TimePoint at);

  Duration interval_;
  Random random_;
  std::optional<Absence> absence_;  ///< None: not watching.
  bool knocking_ = false;
  TimePoint last_knock_{};
  TimePoint next_knock_{};
};

}  // namespace tether::link
