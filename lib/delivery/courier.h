#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "tether/base/time.h"
#include "tether/delivery/outcome.h"
#include "tether/delivery/pace.h"
#include "tether/sync/model.h"

namespace tether::delivery {

/// The revision of an empty store: no resource has it or a lower one, so a PUT that ends here carries nothing.
inline constexpr std::int64_t kFirstRevision = 1;
/// A gateway is not left unasked with less than this share of the resources that it has and the store does not know.
inline constexpr std::int64_t kHoldBelowPercent = 80;
/// How many refused lines are remembered, to see that one is refused again.
inline constexpr std::size_t kMaxRefusedLines = 10'000;

struct CourierLimits {
  Duration check_interval = 10s;  ///< The state is asked this often while nothing is sent (`gateway.check_interval_s`).
  Duration away_retry = 1s;       ///< How often a socket that is not there, or that nobody answers, is tried.
  Duration backoff_initial = 1s;  ///< First wait after a failed push; doubles …
  Duration backoff_max = 60s;     ///< … up to this.
  Duration refusing_retry = 60s;  ///< Between pushes to a gateway that refuses every body.
  /// How long an accepted answer's transaction is awaited before the state is asked again.
  Duration recording_limit = 10s;
};

/// What the store holds, as of its last transaction.
struct Standing {
  std::string epoch;
  std::int64_t revision = 0;  ///< At least kFirstRevision.
  std::int64_t floor = 0;     ///< The highest revision of a dropped tombstone.
  sync::Answered answered = {};
  std::int64_t offered = 0;     ///< How many resources are offered.
  bool complete = false;        ///< Everything was listed since this start, with its documents.
  bool contains_known = false;  ///< That listing contains something that a gateway has accepted from this store.
  bool lost = false;            ///< A PUT would lack some of what is offered, and that may be here again soon.
  bool storable = true;         ///< False: read-only, full or a newer schema.
};

/// A PUT that waits for the operator, since it would take away most of what the gateway has and the store does not
/// know.
struct HeldPut {
  std::string instance;  ///< The gateway, and what it says that it has …
  std::string epoch;
  std::int64_t revision = 0;
  std::int64_t has = 0;        ///< … as a number of resources;
  std::int64_t would_get = 0;  ///< how many there would be in their place.
  friend bool operator==(const HeldPut&, const HeldPut&) = default;
};

struct AskState {
  friend bool operator==(AskState, AskState) = default;
};

/// A body to send. It comes from one snapshot of the store, pinned when the command is taken.
struct Push {
  std::int64_t number = 0;
  bool full = false;       ///< PUT: everything offered. Otherwise PATCH.
  std::string from_epoch;  ///< PATCH: the pair that the state named.
  std::int64_t from = 0;
  std::string epoch;  ///< The pair that the body carries.
  std::int64_t up_to = 0;
  /// PATCH: lines are the resources with `after < revision <= up_to`. PUT: `revision <= up_to`.
  std::int64_t after = 0;
  /// True: `up_to` is a cut, the body holds exactly those lines. False: the snapshot's own revision stands in for
  /// `up_to` if it has moved on, so that a PUT never lacks what has just changed.
  bool capped = false;
  /// PUT: the header names `up_to`, which is behind the snapshot, and the body has everything all the same.
  bool behind = false;
  friend bool operator==(const Push&, const Push&) = default;
};

using Command = std::variant<AskState, Push>;

/// A 200 with what was sent: to be stored in one transaction (`answered`, good, refused, verdicts).
struct Accepted {
  std::int64_t push = 0;
  sync::Answered answered;
  std::int64_t after = 0;  ///< The lines were those after this revision (PUT: 0) …
  std::int64_t up_to = 0;  ///< … up to this one.
  bool full = false;
  bool first_of_instance = false;  ///< This instance had not answered a push before: refusals may be tried again.
  std::vector<protocol::RejectedLine> rejected;
};

/// A body of one line was refused as a whole: the line is refused as if `rejected` had named it, but the gateway's
/// revision has not moved. The store must give the resource a new revision, a deletion too.
struct LineRefused {
  std::int64_t push = 0;
  protocol::RejectedLine line;
};

/// A PUT is to go to the instance that `answered` names. It leaves nothing of what it refuses, so that answer must not
/// vouch for anything should the PUT's own be lost: the store forgets it, and the PUT goes when it has.
struct Replacing {
  std::string instance;
};

using Verdict = std::variant<Accepted, LineRefused, Replacing>;

enum class GatewayCondition { Away, Connecting, Behind, InSync, Refusing };
std::string_view to_string(GatewayCondition condition);

/// Decides what the gateway is asked and sent, and when (section 6 of lib/sync/RULE.md). Level-triggered: what counts
/// is the difference between what the store holds and what the gateway answered. One request at a time. No I/O; one
/// thread.
///
/// The shell: call an input, then take_verdict() and take_command() until each is empty, then arm next_deadline().
class Courier {
 public:
  /// The last revision that the store remembers of an earlier epoch of its own, or nullopt if the epoch is not ours.
  /// The present epoch is not asked about.
  using LastRevisionOf = std::function<std::optional<std::int64_t>(std::string_view epoch)>;

  /// Pushes are numbered from `last_push + 1`. None of these numbers may be one of an earlier process, which the store
  /// may have kept: pass one that is drawn, not a clock's, which can be set back.
  Courier(const CourierLimits& limits, LastRevisionOf last_revision_of, std::int64_t last_push, TimePoint now);

  /// After each transaction. Before the first call the gateway is asked for its state, and nothing is sent.
  void on_standing(const Standing& standing);
  void on_state(const protocol::GatewayState& state, TimePoint now);
  /// The state could not be asked.
  void on_state_problem(const GatewayProblem& problem, TimePoint now);
  /// An outcome whose `push` is not the one under way is ignored.
  void on_push_outcome(std::int64_t push, const PushOutcome& outcome, TimePoint now);
  /// The socket's file appeared: no wait is served out.
  void on_gateway_appeared(TimePoint now);
  /// The operator was shown this and lets it go, once. It counts as long as the gateway is where it was and would get
  /// no less than was shown; of anything else it changes nothing.
  void release_hold(const HeldPut& shown, TimePoint now);
  void on_deadline(TimePoint now);

  std::optional<TimePoint> next_deadline() const;
  /// The next request, which is under way from now on; nullopt while one is, or nothing is to be asked.
  std::optional<Command> take_command(TimePoint now);
  std::optional<Verdict> take_verdict();

  GatewayCondition condition() const;
  /// The instance that answered last, or nullopt while it is away.
  std::optional<std::string> present_instance() const;
  /// The instance that is present has answered a push, whether or not the store could record it yet.
  bool has_answered_push() const { return reachable_ && !instance_.empty() && instance_ == answered_instance_; }
  /// What the gateway last said that it has. Nullopt: it is to be asked.
  const std::optional<protocol::GatewayState>& gateway_state() const { return state_; }
  /// Why nothing is sent or the last request failed; empty if all is well.
  std::string last_error() const;
  bool is_held() const { return plan_ == Plan::Hold; }
  /// The PUT that is_held.
  std::optional<HeldPut> held() const;
  /// When the request was sent that last showed gateway and store to agree.
  std::optional<TimePoint> proven_at() const { return proven_at_; }

 private:
  enum class Flight { None, Asking, Pushing };
  enum class Plan { Ask, Put, EmptyPut, Patch, PatchAll, Nothing, WaitForListing, WaitForStore, Hold };

  /// A verdict is being stored: nothing is decided before the store says so.
  struct Recording {
    TimePoint until;
    std::optional<sync::Answered> answered;  ///< Until the store has this one …
    std::int64_t above = 0;                  ///< … or, for a refused line, a revision above this …
    bool forgotten = false;                  ///< … or, before a PUT, none that was answered by this instance.
  };

  Plan plan() const;
  Plan plan_for_state() const;
  Plan plan_for_replacing() const;
  Plan plan_for_stranger() const;
  bool has_nothing() const;
  bool is_released() const;
  HeldPut replacement() const;
  bool sends() const;
  bool agrees() const;
  bool replaces_what_answered() const;
  bool is_recorded(const Recording& recording) const;
  void refresh();
  void retry_after(Duration wait, TimePoint now);
  void forget_state();
  Push make_push() const;
  std::int64_t next_cut(std::int64_t after) const;

  void on_push_answer(const PushOutcome& outcome, const protocol::PushAnswer& answer, TimePoint now);
  void on_push_problem(const PushOutcome& outcome, const GatewayProblem& problem, TimePoint now);
  void on_elsewhere(TimePoint now);
  void on_refused_whole(const PushOutcome& outcome, const GatewayProblem& problem, TimePoint now);
  void refuse(TimePoint now);
  void pace_after_refusals(const std::vector<protocol::RejectedLine>& lines, TimePoint now);

  CourierLimits limits_;
  LastRevisionOf last_revision_of_;
  Pace pace_;
  std::int64_t last_push_;

  std::optional<Standing> standing_;
  std::optional<protocol::GatewayState> state_;  ///< Unset: ask before anything is sent.
  Plan plan_ = Plan::Ask;

  // What is known of the gateway's presence.
  std::string instance_;  ///< The last one seen.
  bool reachable_ = false;
  bool away_ = false;
  bool unreadable_ = false;  ///< It answers the question for its state with something else.
  bool refusing_ = false;    ///< It refuses bodies, not resources.

  // The request under way, and when there may be one.
  Flight flight_ = Flight::None;
  Push sent_;
  TimePoint sent_at_;
  TimePoint not_before_;
  TimePoint check_at_;     ///< When the state is asked again while nothing is to be sent.
  bool appeared_ = false;  ///< The socket appeared while a request was under way.
  int elsewhere_ = 0;      ///< 409s in a row.

  std::optional<Verdict> verdict_;
  std::optional<Recording> recording_;
  std::string answered_instance_;  ///< That answered a push last, as far as is known.

  /// A body up to this revision was refused whole: halves of it are sent until the line is found.
  std::optional<std::int64_t> refused_up_to_;
  bool split_put_ = false;  ///< A PUT was refused whole: deltas do its work,
  bool in_pieces_ = false;  ///<   and some of them were sent to this instance.
  std::optional<HeldPut> released_;
  std::set<std::pair<std::string, std::string>> refused_lines_;  ///< Since gateway and store last agreed.

  TimePoint proof_at_;  ///< When the last request that was answered had been sent.
  std::optional<TimePoint> proven_at_;
  std::string last_error_;
};

}  // namespace tether::delivery
