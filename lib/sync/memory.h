#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tether/protocol/frames.h"
#include "tether/protocol/rest.h"
#include "tether/sync/control_plane_clock.h"
#include "tether/sync/model.h"
#include "tether/sync/planner.h"
#include "tether/sync/rule.h"

namespace tether::sync {

struct EngineOptions {
  PlannerLimits planner;
  bool report_failures = true;
  /// For how long listings must have lacked the same before the brake believes them by itself.
  Duration deletion_release_after = 3600s;
  std::string manifest;  ///< The body to post after each connect.
  std::string address;   ///< Of the control plane, without secrets; empty: one is like the other.
  /// Gives another 128 bits at random each time, to begin an epoch with. Unset: no identity takes over from another.
  std::function<std::string()> new_epoch;
};

/// Before the link's `connection.ack` the identity is unknown; events are kept until then, and dropped (with a full
/// resync) beyond these.
inline constexpr std::size_t kMaxEarlyEvents = 256;
inline constexpr std::size_t kMaxEarlyBytes = std::size_t{4} * 1024 * 1024;
/// Holds on single documents and values that were asked for and did not come.
inline constexpr std::size_t kMaxHeldFetches = 1000;
/// Older rows of one listing that take something out of service, kept until the brake has been judged; further ones are
/// taken from the next listing.
inline constexpr std::size_t kMaxTakenBack = 1000;
/// What one listing brings into service has its subscriptions listed one by one up to this; beyond it all are.
inline constexpr std::size_t kMaxComing = 100;
/// How often a removal that the gateway refused is tried again.
inline constexpr Duration kRemovalRetry = 5s;
/// Listings with unreadable rows that are told apart; one is enough not to be in sync.
inline constexpr std::size_t kMaxUnreadable = 1000;
/// After so many answers in a row with rows that cannot be read, nothing waits for these rows any more.
inline constexpr int kUnreadableForGood = 3;
inline constexpr Duration kAskUnreadableAgain = 60s;
/// Changes that wait for a listing's answer in case it is refused.
inline constexpr std::size_t kMaxHints = 1000;
/// How long correlation ids and tombstones are kept: events live that long at the control plane.
inline constexpr std::chrono::nanoseconds kEventLife = std::chrono::hours(1);
/// After which a refused document is tried again.
inline constexpr std::chrono::nanoseconds kRefusalRetry = std::chrono::hours(1);

/// A request that is under way.
struct Asked {
  Call call = Call::Deployments;
  std::string scope;
  bool full = false;
  std::int64_t change = 0;  ///< The store's counter when it was sent.
  TimePoint when;
  std::int64_t when_ms = 0;            ///< The same, counted from the link's beginning.
  std::vector<std::string> ids;        ///< What a follow-up asks about.
  std::vector<std::string> artifacts;  ///< Whose documents these are, one for each.
  std::vector<Statement> take_back;    ///< Rows that take something out of service although they are older, said twice.
  bool differs = false;                ///< Something in it was not as stored.
  std::vector<Key> coming;             ///< What its rows bring into service, kMaxComing and one at most.
  std::int64_t rows = 0;
  std::int64_t known_rows = 0;  ///< Of these, of something that a gateway is known to have had.
  Instant newest;               ///< Newest `deployedAt` seen.
};

/// The push that is with the gateway, or of which is not stored yet what came.
struct Flight {
  std::int64_t push = 0;  ///< 0: none.
  std::int64_t after = 0;
  std::int64_t up_to = 0;
};

struct HeldFetch {
  int failures = 0;
  int lacking = 0;  ///< How often it was answered, and not there.
  TimePoint until;
};

/// How far the staged identity has got under the present link, which is its own.
struct Staging {
  std::optional<TimePoint> listed;  ///< When the full listing was asked that a later one is to agree with.
  bool agreed = false;
  StagedLack said = StagedLack::Nothing;  ///< What the operator was last told that it waits for.
};

struct Standing {
  bool identity_served = true;    ///< The link is the identity's that is in service.
  std::string other_gateway_id;   ///< Otherwise: whose link it is.
  std::string staged_gateway_id;  ///< The identity that is staged; empty: none.
  StagedLack staged_lack = StagedLack::Nothing;
  bool staged_accepted = false;     ///< An operator wants it served, under this link.
  bool in_sync = false;             ///< Section 14, without its line about the gateway.
  bool settled = false;             ///< The same, quarantined ones allowed.
  std::optional<TimePoint> proven;  ///< When the listing was sent that last proved it.
  /// Since the start everything was listed, what the deployments name is here, and nothing of it is in question.
  bool complete = false;
  bool contains_known = false;  ///< … and it contains something that a gateway is known to have had.
  /// What cannot be read any more and has not come by now does not come: a whole round of listings is over.
  bool lost_stays = false;
};

/// What the engine knows beside the store: about the present link, and about what is under way. All of it may be lost
/// at a crash. A value: copied before a transaction, put back if that fails.
struct Memory {
  explicit Memory(Planner p) : planner(std::move(p)) {}

  Planner planner;
  ControlPlaneClock clock;
  Instant acked_at;  ///< The timestamp of this link's `connection.ack`.

  bool up = false;
  bool acked = false;                     ///< The `connection.ack` of this link came.
  bool identified = false;                ///< … and so it is known whose link this is.
  Side side = Side::Served;               ///< Whose.
  std::string link_gateway_id;            ///< Whose this link is, or the last one was.
  std::optional<ShownIdentity> accepted;  ///< Under this link an operator wants it served as it was shown.
  Staging staging;
  std::int64_t link = 0;
  TimePoint link_since;
  std::deque<protocol::Event> early;
  std::size_t early_bytes = 0;

  std::uint64_t next_request = 1;
  std::map<std::uint64_t, Asked> requests;
  /// How many documents the next batch asks for; smaller after an answer that was too large.
  std::size_t batch_size = protocol::kMaxBatchDeployments;
  std::map<std::string, HeldFetch> held_fetches;  ///< By deployment id, or `secret/` and handle.
  /// Of a secret whose value one answer alone has given: when that came, when it is asked for once more, and when the
  /// last list was asked that has named its hash.
  struct Unconfirmed {
    TimePoint taken;
    TimePoint due;
    TimePoint named;
  };
  /// By handle. The rows know it too: a listing puts here what a restart forgot.
  std::map<std::string, Unconfirmed> unconfirmed;
  TimePoint secrets_listed;           ///< When the last list of secrets was asked whose lack is believed;
  TimePoint secrets_wanted;           ///<   when one was last called for, to stand between two answers.
  std::map<std::string, Hint> hints;  ///< By kind and id; the store has them too.
  /// Of the listings that there is one of for each artifact: whose absences were weighed against what all the others
  /// lack, and when.
  std::map<std::string, TimePoint> weighed;

  std::optional<std::string> instance;  ///< The gateway's, while it is there.
  Flight flight;
  std::int64_t last_push = 0;  ///< The number of the last one begun.
  std::int64_t void_push = 0;  ///< Up to this one they carried another identity's: their answers say nothing.

  bool listed = false;  ///< A full listing was completed under this link.
  TimePoint listed_asked;
  TimePoint full_asked;     ///< When the last full deployment list was asked; doubts within a second share one.
  bool relist_due = false;  ///< A full listing asked after relist_change is wanted and has not come yet.
  std::int64_t relist_change = 0;
  std::map<std::string, Instant> keys_listed;  ///< By scope: the `Date` of the last list of keys under this link.
  /// By scope: the time of the last event that a list of keys was called for by.
  std::map<std::string, Instant> keys_called_at;
  /// Scopes whose last listing had rows that could not be read, and how many of them in a row, kUnreadableForGood at
  /// most.
  std::map<std::string, int> unreadable;
  std::set<std::string> unshown;  ///< Scopes of lists that were last answered with 403 or 404.
  std::int64_t lost_under = 0;    ///< The link under which content was found to be lost; the next lists everything.
  bool listed_since_start = false;
  bool all_listed = false;  ///< … and so was everything else, and it was answered.
  bool listing_knew = false;
  std::int64_t ping_token = 0;
  bool acks_unsent = true;  ///< The outbox may hold rows that this link has not carried.
  TimePoint next_housekeeping;

  Standing standing;
};

}  // namespace tether::sync
