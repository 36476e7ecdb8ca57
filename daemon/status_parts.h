#pragma once

#include <string>
#include <string_view>

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
void describe_gateway(const delivery::Courier& courier, const Redactor& redactor, Status& status);
/// `release_after`: the setting that the brake counts to.
void describe_store(const store::Overview& overview, const Redactor& redactor, Duration release_after, Status& status);

/// What the metrics call the end of a push.
std::string_view result_name(const delivery::PushOutcome& outcome);

/// 128 random bits in hexadecimal: an epoch's name.
std::string new_epoch();

}  // namespace tether::daemon
