#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tether/base/time.h"

namespace tether::link {

/// The connection's state as `/status` and the metrics name it.
enum class State {
  Standalone,    ///< No token: the store is served, nothing is dialled.
  Connecting,    ///< From the start until the first ack, waits included.
  Connected,     ///< From the ack on.
  Reconnecting,  ///< A link was lost and the next attempt is planned or under way.
  Rejected,      ///< The token was refused and that is confirmed: the back-off has stopped.
  Disconnected,  ///< A link just lost and no attempt planned yet; and while stopping.
};
inline constexpr std::size_t kStates = 6;
std::string_view name_of(State state);

/// Why a link went or could not be made: the `reason` label of `tetherd_control_plane_network_errors_total`.
enum class NetworkError { Dns, Refused, Timeout, Tls, Reset, Closed, Silent, Http };
inline constexpr std::size_t kNetworkErrors = 8;
std::string_view name_of(NetworkError error);

/// Why an attempt is made after the first one: the `reason` label of `tetherd_control_plane_reconnect_attempts_total`.
/// The first eight are the network errors, in their order.
enum class RetryReason { Dns, Refused, Timeout, Tls, Reset, Closed, Silent, Http, Unauthorized, Token, StoreLost };
inline constexpr std::size_t kRetryReasons = 11;
std::string_view name_of(RetryReason reason);
RetryReason retry_reason(NetworkError error);

/// How loud a line is. `Warn` asks somebody to look, `Info` is a change of state, `Debug` the rest.
enum class Level { Debug, Info, Warn, Error };

/// Only ever grow, from the start of the process on.
struct Counters {
  std::uint64_t auth_failures = 0;  ///< 401 answers: dials, second connections and REST.
  std::array<std::uint64_t, kNetworkErrors> network_errors{};
  std::array<std::uint64_t, kRetryReasons> reconnect_attempts{};
  std::uint64_t dials = 0;            ///< Connections to the WebSocket that were begun, second ones included.
  std::uint64_t knocks_answered = 0;  ///< That found somebody,
  std::uint64_t knocks_failed = 0;    ///<   and that did not.
};

/// A copy for the admin endpoint.
struct Snapshot {
  State state = State::Disconnected;
  std::uint64_t link = 0;  ///< The number of the newest link that had its ack; 0: none yet.
  std::optional<TimePoint> next_attempt;
  bool is_looking_out = false;  ///< Until then the way back is looked out for, and dialled sooner if it is found.
  std::string last_error;       ///< Empty: none yet. Kept after recovery, so that it can be read in the morning.
  std::string advice;           ///< What a person should do about the token; empty: nothing.
  Counters counters;
};

}  // namespace tether::link
