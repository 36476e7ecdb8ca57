#include <algorithm>

#include "tether/sync/planner.h"

/// The sweep over the listings that there is one of for each artifact.
namespace tether::sync {

void Planner::begin_sweep(Pace pace) {
  sweep_ = Sweep{std::string(kSweptKinds.front()), "", pace, std::nullopt, {}};
}

bool Planner::is_at_its_beginning(const Sweep& sweep) {
  return sweep.after.empty() && sweep.kind == kSweptKinds.front();
}

void Planner::want_sweep(Pace pace) {
  if (!up_) return;
  const bool has_begun = sweep_ && !is_at_its_beginning(*sweep_);
  if (!sweep_ || (!has_begun && sweep_->pace == Pace::OverInterval)) {
    begin_sweep(pace);
  } else if (pace == Pace::AtOnce && sweep_->pace == Pace::OverInterval) {
    begin_sweep(pace);  // asks all that the other one would
    sweep_wanted_.reset();
  } else if (has_begun && sweep_wanted_ != Pace::AtOnce) {
    sweep_wanted_ = pace;  // goes round once more: what was passed already may have changed
  }
}

void Planner::want_of_artifact(Call call, std::string_view scope, TimePoint at, bool is_awaited) {
  if (sweep_is_ahead()) return;
  if (is_crowded() && !due_.contains(scope)) return want_sweep(Pace::AtOnce);
  is_awaited ? want_again(call, scope, at) : want(call, scope, at);
}

void Planner::pace(std::int64_t artifacts, TimePoint now) {
  if (artifacts == 0) {
    sweep_->kind.clear();
    return;
  }
  const Duration left = std::max<Duration>(next_poll_ - now, Duration{});
  sweep_->step = left / (artifacts + 1);
  sweep_->next = now + *sweep_->step;
}

bool Planner::may_sweep(TimePoint now) const {
  if (!up_ || !sweep_ || sweep_->kind.empty() || sweep_->next > now || awaits_pace()) return false;
  if (listings_under_way(true) >= limits_.artifact_listings_at_once) return false;
  // The sweep waits for the listings that are due: it is long, and depends on the deployments.
  return !has_ready(now) && !under_way_.contains(kDeploymentsScope);
}

bool Planner::start_swept(Call call, std::string_view artifact_id, TimePoint now) {
  sweep_->after = artifact_id;
  if (sweep_->step) sweep_->next += *sweep_->step;
  const std::string scope = scope_of_artifact(call, artifact_id);
  swept_.insert(scope);
  if (sweeps_at_once()) owed_.insert(scope);
  if (under_way_.contains(scope)) return false;
  begin(call, scope, now);
  due_.erase(scope);
  return true;
}

void Planner::end_sweep_of_kind() {
  const auto* const next = std::find(kSweptKinds.begin(), kSweptKinds.end(), sweep_->kind) + 1;
  sweep_->kind = next == kSweptKinds.end() ? "" : *next;
  sweep_->after.clear();
}

void Planner::end_sweep() {
  sweep_.reset();
  if (sweep_wanted_) begin_sweep(*std::exchange(sweep_wanted_, std::nullopt));
}

}  // namespace tether::sync
