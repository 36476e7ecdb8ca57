#pragma once

#include <cstdint>
#include <string>

#include "tether/base/result.h"
#include "tether/delivery/outcome.h"

namespace tether::gateway {

struct PushHeader {
  std::string from_epoch;  ///< PATCH only.
  std::int64_t from = 0;
  std::string epoch;
  std::int64_t revision = 0;
  std::int64_t count = 0;  ///< How many lines follow, exactly.
};

struct PushLine {
  std::string kind;
  std::string id;
  std::string text;  ///< The NDJSON line with its newline.
};

/// Where a body comes from, line by line, so that a driver knows no store and no body is ever whole in memory. Used by
/// one thread, from the call that it is given to until that returns.
class PushSource {
 public:
  virtual ~PushSource() = default;

  /// Header and lines come from one snapshot.
  virtual const PushHeader& header() const = 0;
  /// Fills `line` (its strings are reused) and answers true, or false at the end. An error ends the push: the gateway
  /// then gets a body that is cut short, which it must not apply.
  virtual Result<bool> next(PushLine& line) = 0;
};

/// How one kind of gateway is told. Calls block and come from one thread, the gateway's own; cancel() from any.
class Driver {
 public:
  virtual ~Driver() = default;

  virtual delivery::StateOutcome state() = 0;
  /// The body replaces everything that the gateway has.
  virtual delivery::PushOutcome replace(PushSource& source) = 0;
  /// The body changes what the gateway has.
  virtual delivery::PushOutcome apply(PushSource& source) = 0;

  /// Ends the call under way, and every later one at once, with GatewayFailure::Cancelled. For the daemon's end.
  virtual void cancel() = 0;
};

}  // namespace tether::gateway
