#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "tether/protocol/gateway.h"
#include "tether/sync/model.h"

/// What came of a request to the gateway: written by the drivers (lib/gateway), read by the courier.
namespace tether::delivery {

enum class GatewayFailure {
  Gone,          ///< No socket, nobody behind it, or the connection broke.
  Timeout,       ///< No answer, or the body was not taken, within the limit.
  BadAnswer,     ///< An answer that cannot be read.
  Status,        ///< An HTTP status other than 200.
  WrongUser,     ///< Somebody else is behind the socket; nothing was sent.
  UnsafeFolder,  ///< Others could put a socket there; nobody was connected to.
  Source,        ///< Our own body could not be read from the store; the gateway got no whole one.
  Cancelled,     ///< cancel() was called: the daemon stops.
};

struct GatewayProblem {
  GatewayFailure failure = GatewayFailure::Gone;
  int status = 0;  ///< For Status.
  /// One sentence. It may hold all that the gateway said: redact it, then cut it, before showing it.
  std::string text;
};

using StateOutcome = std::variant<protocol::GatewayState, GatewayProblem>;

struct PushOutcome {
  // What was sent, as the body's header said it.
  std::string epoch;
  std::int64_t revision = 0;
  std::int64_t lines = 0;
  std::optional<sync::Key> only_line;  ///< Which resource, if `lines` is 1.

  std::variant<protocol::PushAnswer, GatewayProblem> answer;
};

}  // namespace tether::delivery
