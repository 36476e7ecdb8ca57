#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tether/base/random.h"
#include "tether/base/time.h"

namespace tether::sync {

/// What the control plane can be asked. One of each scope is under way at a time.
enum class Call {
  Manifest,
  Deployments,
  Keys,  ///< Scope `keys/<artifact kind>`.
  Plans,
  Secrets,
  Subscriptions,  ///< Scope `subscriptions/<artifact id>`.
  HmacSecrets,    ///< Scope `hmac/<artifact id>`.
  FetchBatch,
  Exists,
  SecretValue,
};

std::string_view name_of(Call call);

/// So far apart are rounds that dropped events call for, at least.
inline constexpr Duration kRoundsApart = 10s;
/// The scope of the listing of deployments.
inline constexpr const char* kDeploymentsScope = "deployments";
/// Artifact kinds that have a listing of their own for each artifact: of subscriptions, of HMAC secrets.
inline constexpr std::array<std::string_view, 2> kSweptKinds = {"RestApi", "WebSubApi"};
/// The scope of such a listing.
std::string scope_of_artifact(Call call, std::string_view artifact_id);

struct PlannerLimits {
  Duration poll_interval = 900s;  ///< Jittered by ±10 %.
  int full_list_every = 2;        ///< Every n-th poll asks the full list.
  Duration retry_first = 1s;      ///< After a failed request; doubles up to retry_max.
  Duration retry_max = 300s;
  /// Requests under way at once: listings, those that there is one of for each artifact, and the two kinds of follow-up
  /// that must not wait behind them.
  std::size_t listings_at_once = 2;
  std::size_t artifact_listings_at_once = 4;
  std::size_t batches_at_once = 2;  ///< One that is slow or hangs does not hold up the next deployment.
  std::size_t questions_at_once = 1;
  /// Beyond so many lists of single artifacts that are due, all are asked: that takes no room for each.
  std::size_t artifact_listings_due = 100;

  std::size_t requests_at_once() const {
    return listings_at_once + artifact_listings_at_once + batches_at_once + questions_at_once;
  }
};

/// Decides when which listing is asked. Knows nothing of what listings say. A value: it is copied before a
/// transaction and put back if that fails.
class Planner {
 public:
  Planner(const PlannerLimits& limits, std::uint32_t seed);

  /// A new link: everything is due at once, and whatever was under way counts for nothing any more.
  void on_link_up(TimePoint now);
  void on_link_down();
  /// Events were dropped: every listing is asked once more, and owed until then. At once, and at most every 10 s. What
  /// failed before goes on waiting.
  void want_round(TimePoint now);

  /// Asks for a scope at `at`, or earlier if it was due earlier. For Deployments `full` asks the full list. Its answer
  /// is owed from here on: something is in question until it comes.
  void want(Call call, std::string_view scope, TimePoint at, bool full = false);
  /// Likewise, now and once more 10 s later: what is asked until then may lag behind the event which calls for it.
  void want_twice(Call call, std::string_view scope, TimePoint at);
  /// What is under way for this scope may lag, and is asked once more.
  bool may_lag(std::string_view scope) const { return lagging_.contains(scope); }
  /// The same where nothing is owed: it is looked at once more, and what that is for is open by itself.
  void plan(Call call, std::string_view scope, TimePoint at, bool full = false);
  /// Like `plan`, and while the first round of a link is not done, it is part of it.
  void plan_in_round(Call call, std::string_view scope, TimePoint at);

  /// How fast a sweep over all artifacts goes, for the listings that there is one of per artifact.
  enum class Pace {
    AtOnce,        ///< As fast as its places allow. Takes the place of one that goes over the interval.
    OverInterval,  ///< One by one until the next poll.
  };
  void want_sweep(Pace pace);
  /// Asks for the listing of one artifact at `at`. Where too many are due, or all are about to be asked, all are asked
  /// at once. `is_awaited`: a sweep at once is over after its answer.
  void want_of_artifact(Call call, std::string_view scope, TimePoint at, bool is_awaited = false);

  struct Slot {
    Call call;
    std::string scope;
    bool full = false;
  };
  /// The next listing that is due and has a free place, marked as under way.
  std::optional<Slot> start_listing(TimePoint now);

  /// The cursor of the sweep: after which artifact id of which kind it goes on, or nothing if there is none under way.
  /// The engine asks the store for the next one and then either starts it or ends the kind.
  struct Sweep {
    std::string kind;  ///< Empty: all have been asked, and some are not answered yet.
    std::string after;
    Pace pace = Pace::AtOnce;
    std::optional<Duration> step;  ///< Between two listings; nothing: to be paced.
    TimePoint next;                ///< The next one is not asked before.
  };
  const std::optional<Sweep>& sweep() const { return sweep_; }
  /// Whether a sweep that asks everything at once has not begun: it will ask whatever is stored by then.
  bool sweep_is_ahead() const { return sweeps_at_once() && is_at_its_beginning(*sweep_); }
  /// Whether a sweep goes on that asks everything at once.
  bool sweeps_at_once() const { return sweep_ && sweep_->pace == Pace::AtOnce; }
  /// A sweep over the interval has begun and does not know how many artifacts there are.
  bool awaits_pace() const { return sweep_ && sweep_->pace == Pace::OverInterval && !sweep_->step; }
  void pace(std::int64_t artifacts, TimePoint now);
  bool may_sweep(TimePoint now) const;
  /// The next one is asked; false: its listing is under way already, and is not asked a second time.
  bool start_swept(Call call, std::string_view artifact_id, TimePoint now);
  /// No artifact of the present kind is left: on to the next kind, or to the end of the sweep.
  void end_sweep_of_kind();
  /// The answer of a listing counted for nothing, and it is asked once more at `at`: a sweep at once is over after it.
  void want_again(Call call, std::string_view scope, TimePoint at);
  /// Each listing of the sweep has ended.
  bool is_sweep_over() const { return sweep_ && sweep_->kind.empty() && swept_.empty(); }
  /// On to the next one that was wanted meanwhile, if any.
  void end_sweep();

  // Follow-up requests (documents, exists, secret values): free places and back-off by call.
  bool may_follow_up(Call call, TimePoint now) const;
  void start_follow_up(Call call);
  /// No further one before `until`.
  void pause_follow_up(Call call, TimePoint until);

  /// A request ended. A failure is tried again with back-off; `retry_after` is obeyed.
  void on_done(Call call, std::string_view scope, bool full, bool succeeded, std::optional<Duration> retry_after,
               TimePoint now);

  /// Starts a poll if it is time for one. While a listing of the one before waits for its turn, the poll comes a tenth
  /// of the interval later.
  void on_deadline(TimePoint now);
  std::optional<TimePoint> next_deadline(TimePoint now) const;

  /// Whether every listing that a new link asks for has been answered since; the sweep, which can be long, excepted.
  bool first_round_done() const;
  /// The same with the sweep, and no listing of a single artifact is owed, or has failed since without being answered
  /// later or being let go (`note_failure`).
  bool everything_answered() const;
  /// Artifacts whose listing of this call has failed and has not been answered since.
  std::vector<std::string> failed_artifacts(Call call) const;
  /// Whether every listing has been answered, and asked late enough, that a new link asks for (the sweep among them) or
  /// that anything but a poll has called for since.
  bool owes_nothing() const;
  /// After `on_done`, with which status a listing failed (0: without an answer). After 401 kUnknownPath times in a row
  /// `owes_nothing` waits for it no more, after kSurelyUnknownPath times nothing does, as long as nothing else is
  /// answered: so says a control plane that does not have this list, and one whose database is away for a moment. With
  /// the waits between them that takes two minutes.
  void note_failure(std::string_view scope, int status);
  static constexpr int kUnknownPath = 3;
  static constexpr int kSurelyUnknownPath = 8;

  /// How much it remembers: entries of all that grows.
  std::size_t entries() const {
    return due_.size() + under_way_.size() + backoff_.size() + first_round_.size() + owed_.size() + lags_until_.size() +
           lagging_.size() + swept_.size();
  }

 private:
  struct Due {
    Call call = Call::Deployments;
    TimePoint at;
    bool full = false;
  };
  struct Backoff {
    int failures = 0;
    TimePoint until;
    int unauthorized = 0;  ///< Of these failures, the last ones.
  };

  static bool is_at_its_beginning(const Sweep& sweep);
  /// Whether one of these has not been answered, nor so many times in a row with 401.
  bool waits_for(const std::set<std::string, std::less<>>& scopes, int unauthorized) const;
  void plan_round(TimePoint now, bool full, Pace pace);
  void begin_round_if_due(TimePoint now);
  void begin_sweep(Pace pace);
  /// From now on it is under way.
  void begin(Call call, const std::string& scope, TimePoint now);
  std::size_t listings_under_way(bool of_artifacts) const;
  struct Places {
    bool listing;
    bool of_artifact;
    bool has(Call call) const;
  };
  Places free_places(TimePoint now) const;
  Duration jittered(Duration interval);
  Duration retry_wait(int failures) const;
  std::size_t taken(Call call) const;
  bool has_ready(TimePoint now) const;
  /// Whether too many are due. What failed does not count: a sweep would ask that again too, with each event.
  bool is_crowded() const;

  PlannerLimits limits_;
  Random random_;
  bool up_ = false;
  int polls_ = 0;
  TimePoint next_poll_;
  std::map<std::string, Due, std::less<>> due_;
  std::map<std::string, Call, std::less<>> under_way_;
  std::map<std::string, Backoff, std::less<>> backoff_;
  std::map<Call, Backoff> follow_up_backoff_;
  std::map<Call, std::size_t> follow_ups_;
  std::set<std::string, std::less<>> first_round_;
  std::set<std::string, std::less<>> owed_;
  std::map<std::string, TimePoint, std::less<>> lags_until_;  ///< What is asked before that may lag,
  std::set<std::string, std::less<>> lagging_;                ///<   and is under way.
  std::optional<TimePoint> round_at_;                         ///< One is wanted, beside the polls.
  TimePoint last_round_;
  bool round_is_owed_ = false;  ///< Its deployments, which tell what else is in it, have not been answered.
  std::optional<Sweep> sweep_;
  std::optional<Pace> sweep_wanted_;          ///< After the one that goes on.
  std::set<std::string, std::less<>> swept_;  ///< Scopes that it asked and that are not answered yet.
};

}  // namespace tether::sync
