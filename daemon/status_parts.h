#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tether/admin/status.h"
#include "tether/delivery/courier.h"
#include "tether/link/link.h"
#include "tether/log/redactor.h"
#include "tether/store/overview.h"
#include "tether/sync/memory.h"

/// What each part of the daemon contributes to status and metrics: plain translations, no decisions.
namespace tether::daemon {

/// How much is shown of what others say in their own words: 300 with the mark of a cut.
inline constexpr std::size_t kMaxWordsBytes = 297;

/// What of the status is as new as the last transaction.
struct Freshness {
  bool link = true;    ///< No link went since the engine last heard of one.
  bool stored = true;  ///< What came in is stored, not waiting for the store to be writable again.
  bool lists = true;   ///< The overview of the store, which is looked up less often under load.
};

void describe_link(const link::Snapshot& link, Status& status);
/// After describe_gateway. Agreement is withdrawn at once, and shown only of the present link and beside lists (held,
/// quarantined, waiting) that are as new as it: one answer of `/status` never says "in sync" and names what keeps it
/// from being so.
void describe_sync(const sync::Standing& standing, const sync::Marks& marks, Freshness fresh, Status& status);
/// What was in sync under the last link says nothing about the next.
void withdraw_agreement(Status& status);
/// `last_error`: the courier's, cleared of secrets and cut; empty: none.
void describe_gateway(const delivery::Courier& courier, std::string last_error, Status& status);

/// What `/status` lists of the store: made before the board is locked, for there may be thousands of lines.
struct StoreLists {
  std::map<std::string, std::uint64_t> resources;
  std::map<std::string, Instant> event_timestamps;
  std::vector<ResourceNote> quarantined;
  std::vector<ResourceNote> held;
  std::vector<HoldNote> holds;
  std::vector<ResourceNote> waiting;
  std::vector<std::string> best_effort_kinds;
};
/// `release_after`: the setting that the brake counts to.
StoreLists lists_of(const store::Overview& overview, const Redactor& redactor, Duration release_after);
/// `lists` are those of the same overview. They are exchanged for the ones before, which are left to the caller to
/// destroy once the board is unlocked.
void describe_store(const store::Overview& overview, StoreLists& lists, Status& status);

/// What the metrics call the end of a push.
std::string_view result_name(const delivery::PushOutcome& outcome);

/// 128 random bits in hexadecimal: an epoch's name.
std::string new_epoch();

}  // namespace tether::daemon
