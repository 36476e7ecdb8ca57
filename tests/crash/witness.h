#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "tether/base/time.h"
#include "tether/peers/desire.h"
#include "tether/peers/gateway.h"
#include "tether/peers/observed.h"

namespace tether::test {

/// Looks at both stand-ins from the outside and notes what must never happen, whenever the daemon is killed:
///
/// - the gateway goes back to an earlier version of an artifact, or gets it back after it was stopped;
/// - the gateway has artifacts of two identities at once;
/// - an artifact leaves the gateway that was not stopped since, nor refused in a later version;
/// - `success` is acknowledged for what the gateway never took, or has still; `failed` for what it did not refuse.
///
/// Every member may be called from any thread, also under the locks of the stand-ins.
class Witness {
 public:
  void on_request(const peers::GatewayRequest& request);
  void on_journal(const peers::JournalEntry& entry);
  /// After each change of the control plane's database, before anybody hears of it.
  void on_change(const peers::Desire& desire);
  /// The gateway has restarted with nothing.
  void on_gateway_emptied();

  /// Whether an artifact may be missing that was in service: it was stopped or deleted, or a later version refused.
  bool may_be_missing(const std::string& artifact_id) const;
  /// One sentence each.
  std::vector<std::string> violations() const;

 private:
  struct Seen {
    Instant served;      ///< Newest version that the gateway took, ever.
    Instant refused;     ///< Newest version that it refused.
    Instant stopped;     ///< Newest undeployment, or the deletion, by the control plane.
    Instant removed;     ///< The newest `stopped` at the moment when it left the gateway.
    Instant held;        ///< What the gateway has.
    std::string owner;   ///< The gateway id in whose database it was seen.
    bool known = false;  ///< The control plane has, or had, such an artifact.
  };

  void take_put(const peers::Applied& line);
  void check_owner(const std::string& artifact_id, const Seen& seen);
  void take_away(const std::string& artifact_id, Seen& seen);
  void violation(const std::string& sentence);

  mutable std::mutex mutex_;
  std::map<std::string, Seen> seen_;  ///< By artifact id.
  std::set<std::pair<std::string, Instant>> taken_;
  std::set<std::pair<std::string, Instant>> refused_;
  std::vector<std::string> violations_;
};

}  // namespace tether::test
