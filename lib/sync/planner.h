#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

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

struct PlannerLimits {
  Duration poll_interval = 900s;  ///< Jittered by ±10 %.
  int full_list_every = 2;        ///< Every n-th poll asks the full list.
  Duration retry_first = 1s;      ///< After a failed request; doubles up to retry_max.
  Duration retry_max = 300s;
  /// Requests under way at once: listings, and the two kinds of follow-up that must not wait behind them. The sum is
  /// the number of REST workers.
  std::size_t listings_at_once = 2;
  std::size_t batches_at_once = 2;  ///< One that is slow or hangs does not hold up the next deployment.
  std::size_t questions_at_once = 1;
};

/// Decides when which listing is asked. Knows nothing of what listings say. A value: it is copied before a
/// transaction and put back if that fails.
class Planner {
 public:
  Planner(const PlannerLimits& limits, std::uint32_t seed);

  /// A new link: everything is due at once, and whatever was under way counts for nothing any more.
  void on_link_up(TimePoint now);
  void on_link_down();

  /// Asks for a scope at `at`, or earlier if it was due earlier. For Deployments `full` asks the full list.
  void want(Call call, std::string_view scope, TimePoint at, bool full = false);
  /// Like `want`, and while the first round of a link is not done, it is part of it.
  void want_in_round(Call call, std::string_view scope, TimePoint at);
  /// A sweep over all artifacts for the listings that there is one of per artifact.
  void want_sweep();

  struct Slot {
    Call call;
    std::string scope;
    bool full = false;
  };
  /// The next listing that is due and has a free place, marked as under way.
  std::optional<Slot> start_listing(TimePoint now);

  /// The cursor of the sweep: after which artifact id it goes on, or nothing if there is none under way. The engine
  /// asks the store for the next one and then either starts it or ends the sweep.
  struct Sweep {
    std::string kind;
    std::string after;
  };
  const std::optional<Sweep>& sweep() const { return sweep_; }
  bool may_sweep(TimePoint now) const;
  void start_swept(Call call, std::string_view artifact_id);
  /// No artifact of the present kind is left: on to the next kind, or the end of the sweep.
  void end_sweep_of_kind();

  // Follow-up requests (documents, exists, secret values): free places and back-off by call.
  bool may_follow_up(Call call, TimePoint now) const;
  void start_follow_up(Call call);
  /// No further one before `until`.
  void pause_follow_up(Call call, TimePoint until);

  /// A request ended. A failure is tried again with back-off; `retry_after` is obeyed.
  void on_done(Call call, std::string_view scope, bool full, bool succeeded, std::optional<Duration> retry_after,
               TimePoint now);

  /// Starts a poll if it is time for one, and every listing of the one before has been asked.
  void on_deadline(TimePoint now);
  std::optional<TimePoint> next_deadline(TimePoint now) const;

  /// Whether every listing that a new link asks for has been answered since; the sweep, which can be long, excepted.
  bool first_round_done() const { return first_round_.empty(); }
  /// The first round does not wait for this scope: the control plane does not let us see it.
  void excuse(std::string_view scope) { first_round_.erase(std::string(scope)); }
  std::size_t requests_under_way() const;

 private:
  struct Due {
    Call call = Call::Deployments;
    TimePoint at;
    bool full = false;
  };
  struct Backoff {
    int failures = 0;
    TimePoint until;
  };

  void plan_round(TimePoint now, bool full);
  Duration jittered(Duration interval);
  Duration retry_wait(int failures) const;
  std::size_t& places(Call call);
  std::size_t taken(Call call) const;
  bool has_ready(TimePoint now) const;

  PlannerLimits limits_;
  std::uint64_t random_;
  bool up_ = false;
  int polls_ = 0;
  TimePoint next_poll_;
  std::map<std::string, Due, std::less<>> due_;
  std::map<std::string, Call, std::less<>> under_way_;
  std::map<std::string, Backoff, std::less<>> backoff_;
  std::map<Call, Backoff> follow_up_backoff_;
  std::map<Call, std::size_t> follow_ups_;
  std::set<std::string, std::less<>> first_round_;
  std::optional<Sweep> sweep_;
  bool sweep_wanted_ = false;
};

}  // namespace tether::sync
