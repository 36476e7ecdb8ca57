#include "tether/sync/planner.h"

#include <algorithm>
#include <utility>

#include "tether/protocol/kinds.h"
#include "tether/sync/rule.h"

namespace tether::sync {
namespace {

/// Which listing goes first when several are due: what tells most, first.
int urgency(Call call) {
  switch (call) {
    case Call::Manifest:
      return 0;
    case Call::Deployments:
      return 1;
    case Call::Keys:
      return 2;
    case Call::Plans:
      return 3;
    case Call::Secrets:
      return 4;
    default:
      return 5;
  }
}

/// Whether there is one such listing for each artifact.
bool is_of_artifact(Call call) {
  return call == Call::Subscriptions || call == Call::HmacSecrets;
}

}  // namespace

std::string_view name_of(Call call) {
  switch (call) {
    case Call::Manifest:
      return "manifest";
    case Call::Deployments:
      return "deployments";
    case Call::Keys:
      return "api_keys";
    case Call::Plans:
      return "subscription_plans";
    case Call::Secrets:
      return "secrets";
    case Call::Subscriptions:
      return "subscriptions";
    case Call::HmacSecrets:
      return "hmac_secrets";
    case Call::FetchBatch:
      return "fetch_batch";
    case Call::Exists:
      return "exists";
    case Call::SecretValue:
      return "secret_value";
  }
  return "unknown";
}

std::string scope_of_artifact(Call call, std::string_view artifact_id) {
  return std::string(call == Call::Subscriptions ? "subscriptions/" : "hmac/") + std::string(artifact_id);
}

Planner::Planner(const PlannerLimits& limits, std::uint32_t seed) : limits_(limits), random_(seed) {}

void Planner::on_link_up(TimePoint now) {
  on_link_down();
  up_ = true;
  polls_ = 0;
  next_poll_ = now + jittered(limits_.poll_interval);
  due_["manifest"] = {Call::Manifest, now, false};
  plan_round(now, /*full=*/true, Pace::AtOnce);
  for (const auto& [scope, due] : due_) {
    if (due.call != Call::Manifest) first_round_.insert(scope);
  }
}

void Planner::on_link_down() {
  up_ = false;
  due_.clear();
  under_way_.clear();
  backoff_.clear();
  follow_up_backoff_.clear();
  follow_ups_.clear();
  first_round_.clear();
  owed_.clear();
  lags_until_.clear();
  lagging_.clear();
  sweep_.reset();
  sweep_wanted_.reset();
  swept_.clear();
  round_at_.reset();
  round_is_owed_ = false;
}

void Planner::plan_round(TimePoint now, bool full, Pace pace) {
  plan(Call::Deployments, kDeploymentsScope, now, full);
  for (const std::string_view kind : {"RestApi", "LlmProvider", "LlmProxy"}) {
    plan(Call::Keys, "keys/" + std::string(kind), now);
  }
  plan(Call::Plans, "plans", now);
  plan(Call::Secrets, "secrets", now);
  want_sweep(pace);
}

void Planner::want_round(TimePoint now) {
  if (!up_ || round_at_) return;
  round_at_ = std::max(now, last_round_ + kRoundsApart);
  begin_round_if_due(now);
}

void Planner::begin_round_if_due(TimePoint now) {
  if (!round_at_ || now < *round_at_) return;
  round_at_.reset();
  last_round_ = now;
  round_is_owed_ = true;
  plan_round(now, /*full=*/true, Pace::AtOnce);
  for (const auto& [scope, due] : due_) {
    if (!is_of_artifact(due.call) && due.call != Call::Manifest) owed_.insert(scope);
  }
}

void Planner::want(Call call, std::string_view scope, TimePoint at, bool full) {
  plan(call, scope, at, full);
  if (up_) owed_.emplace(scope);
}

void Planner::want_twice(Call call, std::string_view scope, TimePoint at) {
  want(call, scope, at);
  if (up_) lags_until_.insert_or_assign(std::string(scope), at + kConfirmAfter);
}

void Planner::want_again(Call call, std::string_view scope, TimePoint at) {
  want(call, scope, at);
  if (up_ && sweeps_at_once()) swept_.emplace(scope);
}

void Planner::begin(Call call, const std::string& scope, TimePoint now) {
  under_way_[scope] = call;
  const auto lags = lags_until_.find(scope);
  if (lags == lags_until_.end()) return;
  if (now < lags->second) {
    lagging_.insert(scope);
  } else {
    lags_until_.erase(lags);
  }
}

void Planner::plan(Call call, std::string_view scope, TimePoint at, bool full) {
  if (!up_) return;
  const auto [it, added] = due_.try_emplace(std::string(scope), Due{call, at, full});
  if (!added) {
    it->second.at = std::min(it->second.at, at);
    it->second.full = it->second.full || full;
  }
}

void Planner::plan_in_round(Call call, std::string_view scope, TimePoint at) {
  plan(call, scope, at);
  if (up_ && polls_ == 0 && !first_round_done()) first_round_.emplace(scope);
  if (round_is_owed_) owed_.emplace(scope);
}

bool Planner::is_crowded() const {
  const auto failed = [this](const auto& due) { return backoff_.contains(due.first); };
  return due_.size() >=
         limits_.artifact_listings_due + static_cast<std::size_t>(std::count_if(due_.begin(), due_.end(), failed));
}

std::optional<Planner::Slot> Planner::start_listing(TimePoint now) {
  if (!up_) return std::nullopt;
  const Places places = free_places(now);
  auto best = due_.end();
  for (auto it = due_.begin(); it != due_.end(); ++it) {
    if (it->second.at > now || under_way_.contains(it->first) || !places.has(it->second.call)) continue;
    const auto backoff = backoff_.find(it->first);
    if (backoff != backoff_.end() && backoff->second.until > now) continue;
    if (best == due_.end() || urgency(it->second.call) < urgency(best->second.call)) best = it;
  }
  if (best == due_.end()) return std::nullopt;
  Slot slot{best->second.call, best->first, best->second.full};
  due_.erase(best);
  begin(slot.call, slot.scope, now);
  return slot;
}

std::size_t Planner::listings_under_way(bool of_artifacts) const {
  return static_cast<std::size_t>(
      std::count_if(under_way_.begin(), under_way_.end(),
                    [of_artifacts](const auto& listing) { return is_of_artifact(listing.second) == of_artifacts; }));
}

bool Planner::Places::has(Call call) const {
  return is_of_artifact(call) ? of_artifact : listing;
}

Planner::Places Planner::free_places(TimePoint now) const {
  // One is left to the sweep: what is asked for again and again must not keep it from coming to its end.
  const std::size_t of_artifacts = limits_.artifact_listings_at_once - (may_sweep(now) ? 1 : 0);
  return {listings_under_way(false) < limits_.listings_at_once, listings_under_way(true) < of_artifacts};
}

/// Whether a listing, of those that there are few of, could be asked now if a place were free.
bool Planner::has_ready(TimePoint now) const {
  return std::any_of(due_.begin(), due_.end(), [this, now](const auto& due) {
    if (is_of_artifact(due.second.call)) return false;
    const auto backoff = backoff_.find(due.first);
    const bool waits = backoff != backoff_.end() && backoff->second.until > now;
    return due.second.at <= now && !waits && !under_way_.contains(due.first);
  });
}

bool Planner::may_follow_up(Call call, TimePoint now) const {
  if (!up_ || taken(call) >= (call == Call::FetchBatch ? limits_.batches_at_once : limits_.questions_at_once)) {
    return false;
  }
  const auto backoff = follow_up_backoff_.find(call);
  return backoff == follow_up_backoff_.end() || backoff->second.until <= now;
}

std::size_t Planner::taken(Call call) const {
  const auto count = [this](Call c) {
    const auto it = follow_ups_.find(c);
    return it == follow_ups_.end() ? 0 : it->second;
  };
  return call == Call::FetchBatch ? count(call) : count(Call::Exists) + count(Call::SecretValue);
}

void Planner::start_follow_up(Call call) {
  ++follow_ups_[call];
}

void Planner::pause_follow_up(Call call, TimePoint until) {
  Backoff& backoff = follow_up_backoff_[call];
  backoff.until = std::max(backoff.until, until);
}

void Planner::on_done(Call call, std::string_view scope, bool full, bool succeeded, std::optional<Duration> retry_after,
                      TimePoint now) {
  const bool follow_up = call == Call::FetchBatch || call == Call::Exists || call == Call::SecretValue;
  if (follow_up) {
    if (follow_ups_[call] > 0) --follow_ups_[call];
    if (succeeded) {
      follow_up_backoff_.erase(call);
      return;
    }
    Backoff& backoff = follow_up_backoff_[call];
    backoff.until = now + std::max(retry_wait(++backoff.failures), retry_after.value_or(Duration{}));
    return;
  }
  under_way_.erase(std::string(scope));
  swept_.erase(std::string(scope));
  const bool once_more = lagging_.erase(std::string(scope)) > 0;
  if (succeeded) {
    if (once_more) plan(call, scope, lags_until_.at(std::string(scope)));
    backoff_.erase(std::string(scope));
    first_round_.erase(std::string(scope));
    if (call == Call::Deployments) round_is_owed_ = false;
    // One that was wanted while this one was under way is still to come.
    if (!due_.contains(scope)) owed_.erase(std::string(scope));
    return;
  }
  Backoff& backoff = backoff_[std::string(scope)];
  backoff.until = now + std::max(retry_wait(++backoff.failures), retry_after.value_or(Duration{}));
  plan(call, scope, backoff.until, full);
}

void Planner::on_deadline(TimePoint now) {
  if (up_) begin_round_if_due(now);
  if (!up_ || now < next_poll_) return;
  // Where a round takes longer than the interval, the next one would keep the sweep from ever having its turn.
  const bool waits = has_ready(now);
  next_poll_ = now + (waits ? limits_.poll_interval / 10 : jittered(limits_.poll_interval));
  if (waits) return;
  ++polls_;
  plan_round(now, polls_ % limits_.full_list_every == 0, Pace::OverInterval);
}

std::optional<TimePoint> Planner::next_deadline(TimePoint now) const {
  if (!up_) return std::nullopt;
  TimePoint next = round_at_ ? std::min(next_poll_, *round_at_) : next_poll_;
  const Places places = free_places(now);
  for (const auto& [scope, due] : due_) {
    if (!places.has(due.call) || under_way_.contains(scope)) continue;
    const auto backoff = backoff_.find(scope);
    const TimePoint at = backoff == backoff_.end() ? due.at : std::max(due.at, backoff->second.until);
    next = std::min(next, at);
  }
  if (sweep_ && sweep_->step && may_sweep(std::max(now, sweep_->next))) next = std::min(next, sweep_->next);
  for (const auto& [call, backoff] : follow_up_backoff_) {
    if (backoff.until > now) next = std::min(next, backoff.until);
  }
  return next;
}

bool Planner::everything_answered() const {
  if (!first_round_done() || sweeps_at_once()) return false;
  const auto is_awaited = [this](const std::string& scope) {
    const bool is_of_one = scope.starts_with(scope_of_artifact(Call::Subscriptions, "")) ||
                           scope.starts_with(scope_of_artifact(Call::HmacSecrets, ""));
    return is_of_one && waits_for({scope}, kSurelyUnknownPath);
  };
  // What the last list of a round brings is owed, and listed after it.
  return std::none_of(owed_.begin(), owed_.end(), is_awaited) &&
         std::none_of(backoff_.begin(), backoff_.end(), [&](const auto& failed) { return is_awaited(failed.first); });
}

bool Planner::waits_for(const std::set<std::string, std::less<>>& scopes, int unauthorized) const {
  return std::any_of(scopes.begin(), scopes.end(), [this, unauthorized](const std::string& scope) {
    const auto backoff = backoff_.find(scope);
    return backoff == backoff_.end() || backoff->second.unauthorized < unauthorized;
  });
}

bool Planner::first_round_done() const {
  return !waits_for(first_round_, kSurelyUnknownPath);
}

bool Planner::owes_nothing() const {
  return !round_at_ && !sweeps_at_once() && !waits_for(first_round_, kUnknownPath) && !waits_for(owed_, kUnknownPath);
}

void Planner::note_failure(std::string_view scope, int status) {
  const auto backoff = backoff_.find(scope);
  if (backoff == backoff_.end()) return;
  int& unauthorized = backoff->second.unauthorized;
  unauthorized = status == 401 ? unauthorized + 1 : 0;
}

std::vector<std::string> Planner::failed_artifacts(Call call) const {
  std::vector<std::string> ids;
  const std::string prefix = scope_of_artifact(call, "");
  for (auto it = backoff_.lower_bound(prefix); it != backoff_.end() && it->first.starts_with(prefix); ++it) {
    ids.push_back(it->first.substr(prefix.size()));
  }
  return ids;
}

Duration Planner::jittered(Duration interval) {
  const Duration tenth = interval / 10;
  return random_.between(interval - tenth, interval + tenth);
}

Duration Planner::retry_wait(int failures) const {
  Duration wait = limits_.retry_first;
  for (int i = 1; i < failures && wait < limits_.retry_max; ++i) wait *= 2;
  return std::min(wait, limits_.retry_max);
}

}  // namespace tether::sync
