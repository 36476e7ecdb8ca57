#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "tether/base/time.h"
#include "tether/http/peer_policy.h"
#include "tether/http/problem.h"

namespace tether::http {

/// A connected, non-blocking socket that the caller closes, or why there is none.
using Dialled = std::variant<int, Problem>;

/// What to wait for: `cancel_fd` becomes readable when the wait is to end.
struct DialLimits {
  TimePoint deadline;
  int cancel_fd = -1;
};

/// Connects to whichever address of the name answers first (RFC 8305). The lookup itself blocks as long as the system's
/// resolver does.
Dialled dial_tcp(const std::string& host, std::uint16_t port, const DialLimits& limits);

/// Connects if the socket's folder is safe (else Fault::Folder), and checks with SO_PEERCRED who listens before a byte
/// is sent (else Fault::Peer).
Dialled dial_unix(const std::string& path, const PeerPolicy& policy, const DialLimits& limits);

enum class Ready { Yes, TimedOut, Cancelled };
/// Waits until `fd` has one of `events` (or an error) or until the deadline; `cancel_fd` ends it.
Ready wait_for(int fd, short events, const DialLimits& limits);

}  // namespace tether::http
