#include "tether/delivery/courier.h"

#include <algorithm>
#include <utility>

#include "tether/base/check.h"

namespace tether::delivery {

namespace {

constexpr int kConflict = 409;

/// The body as a whole is refused, not a resource in it.
bool refuses_body(int status) {
  return status == 400 || status == 413 || status == 422;
}

/// Nobody is there whom we may talk to.
bool is_absent(GatewayFailure failure) {
  return failure == GatewayFailure::Gone || failure == GatewayFailure::WrongUser ||
         failure == GatewayFailure::UnsafeFolder;
}

}  // namespace

Courier::Courier(const CourierLimits& limits, LastRevisionOf last_revision_of, std::int64_t last_push, TimePoint now)
    : limits_(limits),
      last_revision_of_(std::move(last_revision_of)),
      pace_(limits.backoff_initial, limits.backoff_max),
      last_push_(last_push),
      not_before_(now),
      check_at_(now) {}

// What to do: the table of what the gateway says.

Courier::Plan Courier::plan() const {
  if (!state_) return Plan::Ask;
  if (!standing_) return Plan::WaitForStore;
  const Plan plan = plan_for_state();
  const bool takes_away = plan == Plan::Put && state_->revision != 0;
  return takes_away && standing_->lost ? Plan::WaitForListing : plan;
}

Courier::Plan Courier::plan_for_state() const {
  // It has nothing, so a PUT can only add: also from an incomplete store, also from one that cannot be written.
  if (state_->revision == 0) return plan_for_replacing();
  if (!standing_->storable) return Plan::WaitForStore;

  const auto remembered =
      state_->epoch == standing_->epoch ? std::optional(standing_->revision) : last_revision_of_(state_->epoch);
  if (!remembered || state_->revision > *remembered) return plan_for_stranger();

  const sync::Answered& answered = standing_->answered;
  // An instance that is behind its own answer has lost something in silence.
  if (state_->instance != answered.instance || state_->revision < answered.revision) return plan_for_replacing();
  // It knows of each deletion whose tombstone was dropped: it had answered it, or has got all there is in pieces.
  return agrees() ? Plan::Nothing : Plan::Patch;
}

/// A PUT, or what does the same in pieces after one was refused whole.
Courier::Plan Courier::plan_for_replacing() const {
  if (!split_put_) return Plan::Put;
  if (has_nothing()) return Plan::EmptyPut;
  // Under the present epoch it can have only what is or was this store's, and above the floor all deletions are known:
  // every line as a delta then leaves what a PUT would leave. The pieces themselves begin below it.
  const bool knows_deletions = in_pieces_ || state_->revision >= standing_->floor;
  const bool is_ours = state_->epoch == standing_->epoch && knows_deletions;
  return is_ours ? Plan::PatchAll : Plan::Put;
}

bool Courier::has_nothing() const {
  return state_->revision == 0 || state_->resources == 0;
}

/// The gateway has something that this store does not remember: it must not be emptied by a store that was lost.
Courier::Plan Courier::plan_for_stranger() const {
  if (!standing_->complete) return Plan::WaitForListing;
  if (standing_->contains_known || is_released()) return Plan::Put;
  const bool empties = standing_->offered == 0 || standing_->offered * 100 < state_->resources * kHoldBelowPercent;
  return empties ? Plan::Hold : Plan::Put;
}

/// What the operator agreed to is still so: it has what it had, and would get no less.
bool Courier::is_released() const {
  const HeldPut now = replacement();
  return released_ && now.would_get >= released_->would_get &&
         HeldPut{now.instance, now.epoch, now.revision, now.has, released_->would_get} == *released_;
}

HeldPut Courier::replacement() const {
  return {state_->instance, state_->epoch, state_->revision, state_->resources, standing_->offered};
}

bool Courier::agrees() const {
  if (!state_ || !standing_) return false;
  const sync::Answered present{state_->instance, standing_->epoch, standing_->revision};
  return standing_->answered == present && state_->epoch == standing_->epoch && state_->revision == standing_->revision;
}

/// What is to be sent takes the place of something that an answer in the store vouches for.
bool Courier::replaces_what_answered() const {
  const bool replaces = plan_ == Plan::Put || plan_ == Plan::EmptyPut || plan_ == Plan::PatchAll;
  return replaces && standing_->answered.revision > 0 && standing_->answered.instance == state_->instance;
}

Push Courier::make_push() const {
  Push push;
  push.number = last_push_ + 1;
  push.full = plan_ == Plan::Put || plan_ == Plan::EmptyPut;
  push.epoch = standing_->epoch;
  push.up_to = standing_->revision;
  if (plan_ == Plan::EmptyPut) {
    push.up_to = kFirstRevision;
    push.capped = true;
  } else if (push.full && replaces_what_answered()) {
    // The store cannot be written, so it cannot forget that answer. A revision behind it does not pass for it.
    push.up_to = std::max(standing_->answered.revision - 1, kFirstRevision);
    push.behind = true;
  }
  if (!push.full) {
    push.from_epoch = state_->epoch;
    push.from = state_->revision;
    // Not after what the gateway says: of what it has but was not heard to answer, the refusals are unknown (CE-1).
    push.after = plan_ == Plan::PatchAll ? 0 : standing_->answered.revision;
    push.capped = refused_up_to_.has_value();
    if (push.capped) push.up_to = next_cut(push.after);
  }
  return push;
}

/// `(after, refused_up_to_]` holds a line that was refused: its first half, or all of it if it cannot be halved.
std::int64_t Courier::next_cut(std::int64_t after) const {
  const std::int64_t width = *refused_up_to_ - after;
  return width <= 1 ? *refused_up_to_ : after + width / 2;
}

void Courier::refresh() {
  if (recording_ && is_recorded(*recording_)) recording_.reset();
  plan_ = plan();
  // While everything goes again in pieces, what was answered before the body was refused says nothing about them.
  const bool passed = refused_up_to_ && plan_ != Plan::PatchAll && standing_ &&
                      standing_->answered.instance == instance_ && standing_->answered.revision >= *refused_up_to_;
  if (passed) refused_up_to_.reset();
  if (!agrees()) return;
  proven_at_ = proof_at_;
  refusing_ = false;
  split_put_ = in_pieces_ = false;
  refused_lines_.clear();
  last_error_.clear();
}

bool Courier::is_recorded(const Recording& recording) const {
  // A store that cannot be written will not record it either; the same lines go again later, without effect.
  if (!standing_->storable) return true;
  if (recording.forgotten) return standing_->answered.revision == 0 || standing_->answered.instance != instance_;
  if (recording.answered) {
    return standing_->answered == *recording.answered || standing_->epoch != recording.answered->epoch;
  }
  return standing_->revision > recording.above;
}

// Inputs.

void Courier::on_standing(const Standing& standing) {
  check(standing.revision >= kFirstRevision, "the store's revisions begin at 1");
  standing_ = standing;
  if (answered_instance_.empty()) answered_instance_ = standing.answered.instance;
  refresh();
}

void Courier::on_state(const protocol::GatewayState& state, TimePoint now) {
  if (flight_ != Flight::Asking) return;
  flight_ = Flight::None;
  if (state.instance != instance_) {
    instance_ = state.instance;
    refused_up_to_.reset();
    split_put_ = in_pieces_ = false;
    refusing_ = false;
  }
  if (unreadable_ || !reachable_) last_error_.clear();
  reachable_ = true;
  away_ = false;
  unreadable_ = false;
  state_ = state;
  proof_at_ = sent_at_;
  not_before_ = now;
  check_at_ = now + limits_.check_interval;
  appeared_ = false;
  refresh();
  if (plan_ == Plan::Nothing) pace_.reset();
}

void Courier::on_state_problem(const GatewayProblem& problem, TimePoint now) {
  if (flight_ != Flight::Asking) return;
  flight_ = Flight::None;
  last_error_ = problem.text;
  const bool answers = problem.failure == GatewayFailure::BadAnswer || problem.failure == GatewayFailure::Status;
  unreadable_ = answers;
  away_ = !answers;
  reachable_ = false;
  forget_state();
  retry_after(is_absent(problem.failure) ? limits_.away_retry : pace_.next(), now);
}

void Courier::on_push_outcome(std::int64_t push, const PushOutcome& outcome, TimePoint now) {
  if (flight_ != Flight::Pushing || push != sent_.number) return;
  flight_ = Flight::None;
  if (const auto* answer = std::get_if<protocol::PushAnswer>(&outcome.answer)) {
    on_push_answer(outcome, *answer, now);
  } else {
    on_push_problem(outcome, std::get<GatewayProblem>(outcome.answer), now);
  }
  refresh();
}

void Courier::on_push_answer(const PushOutcome& outcome, const protocol::PushAnswer& answer, TimePoint now) {
  if (answer.epoch != outcome.epoch || answer.revision != outcome.revision) {
    last_error_ = "the gateway answered another epoch or revision than was sent";
    forget_state();
    return retry_after(pace_.next(), now);
  }
  Accepted accepted;
  accepted.push = sent_.number;
  accepted.answered = {instance_, outcome.epoch, outcome.revision};
  accepted.after = sent_.after;
  accepted.up_to = outcome.revision;
  accepted.full = sent_.full;
  accepted.first_of_instance = instance_ != answered_instance_;
  accepted.rejected = answer.rejected;
  recording_ = Recording{now + limits_.recording_limit, accepted.answered, 0, /*forgotten=*/false};
  verdict_ = std::move(accepted);

  answered_instance_ = instance_;
  // After a delta at most these, until it is asked. It must not pass for empty: it is given everything so after a PUT
  // that was refused whole.
  const std::int64_t resources = outcome.lines + (sent_.full ? 0 : state_->resources);
  state_ = protocol::GatewayState{instance_, outcome.epoch, outcome.revision, resources};
  proof_at_ = sent_at_;
  elsewhere_ = 0;
  refusing_ = false;
  released_.reset();
  last_error_.clear();
  check_at_ = now + limits_.check_interval;
  pace_after_refusals(answer.rejected, now);
}

/// What is refused again and again (a deletion, above all) must not keep both sides busy.
void Courier::pace_after_refusals(const std::vector<protocol::RejectedLine>& lines, TimePoint now) {
  bool again = false;
  for (const auto& line : lines) again |= !refused_lines_.emplace(line.kind, line.id).second;
  if (refused_lines_.size() > kMaxRefusedLines) refused_lines_.clear();
  if (!again) pace_.reset();
  retry_after(again ? pace_.next() : Duration(0), now);
}

void Courier::on_push_problem(const PushOutcome& outcome, const GatewayProblem& problem, TimePoint now) {
  last_error_ = problem.text;
  const bool is_status = problem.failure == GatewayFailure::Status;
  if (is_status && problem.status == kConflict) return on_elsewhere(now);
  if (is_status && refuses_body(problem.status)) return on_refused_whole(outcome, problem, now);

  // Whether it was applied is unknown: the state is asked, and what was not answered goes again.
  forget_state();
  refusing_ = is_status && problem.status < 500;
  if (is_absent(problem.failure)) {
    reachable_ = false;
    away_ = true;
  }
  retry_after(pace_.next(), now);
}

/// It has moved since it said where it is, most likely a restart: asked at once, and only then with growing waits.
void Courier::on_elsewhere(TimePoint now) {
  forget_state();
  retry_after(++elsewhere_ == 1 ? Duration(0) : pace_.next(), now);
}

void Courier::on_refused_whole(const PushOutcome& outcome, const GatewayProblem& problem, TimePoint now) {
  if (sent_.full) {
    split_put_ = outcome.lines > 0 && !sent_.capped;
    if (!split_put_ || plan() == Plan::Put) return refuse(now);
    refused_up_to_ = outcome.revision;
    // An earlier PUT may have been taken after it was given up: then an empty one would take all that away again.
    return forget_state();
  }
  if (outcome.lines == 1 && outcome.only_line) {
    const sync::Key& key = *outcome.only_line;
    const protocol::RejectedLine line{key.kind, key.id, problem.text};
    verdict_ = LineRefused{sent_.number, line};
    recording_ = Recording{now + limits_.recording_limit, std::nullopt, standing_->revision, /*forgotten=*/false};
    refused_up_to_.reset();
    return pace_after_refusals({line}, now);
  }
  const bool can_halve = outcome.lines > 1 && outcome.revision - sent_.after > 1;
  if (!can_halve) return refuse(now);
  refused_up_to_ = outcome.revision;
}

void Courier::refuse(TimePoint now) {
  refusing_ = true;
  forget_state();
  retry_after(limits_.refusing_retry, now);
}

void Courier::on_gateway_appeared(TimePoint now) {
  appeared_ = flight_ != Flight::None;
  not_before_ = now;
  check_at_ = now;
  if (flight_ == Flight::None && !agrees()) forget_state();
}

void Courier::release_hold(const HeldPut& shown, TimePoint now) {
  if (!is_held()) return;
  released_ = shown;
  not_before_ = now;
  refresh();
}

void Courier::on_deadline(TimePoint now) {
  if (recording_ && now >= recording_->until) {
    recording_.reset();
    forget_state();
  }
  refresh();
}

void Courier::forget_state() {
  state_.reset();
  plan_ = Plan::Ask;
}

void Courier::retry_after(Duration wait, TimePoint now) {
  not_before_ = appeared_ ? now : now + wait;
  appeared_ = false;
}

// Outputs.

std::optional<TimePoint> Courier::next_deadline() const {
  if (flight_ != Flight::None) return std::nullopt;
  if (recording_) return recording_->until;
  return plan_ == Plan::Ask || sends() ? not_before_ : std::max(not_before_, check_at_);
}

bool Courier::sends() const {
  return plan_ == Plan::Put || plan_ == Plan::EmptyPut || plan_ == Plan::Patch || plan_ == Plan::PatchAll;
}

std::optional<Command> Courier::take_command(TimePoint now) {
  if (flight_ != Flight::None || recording_ || verdict_) return std::nullopt;
  if (now < *next_deadline()) return std::nullopt;
  if (sends() && standing_->storable && replaces_what_answered()) {
    verdict_ = Replacing{state_->instance};
    recording_ = Recording{now + limits_.recording_limit, std::nullopt, 0, /*forgotten=*/true};
    return std::nullopt;
  }
  sent_at_ = now;
  if (sends()) {
    flight_ = Flight::Pushing;
    in_pieces_ |= plan_ == Plan::EmptyPut || plan_ == Plan::PatchAll;
    sent_ = make_push();
    ++last_push_;
    return sent_;
  }
  flight_ = Flight::Asking;
  return AskState{};
}

std::optional<Verdict> Courier::take_verdict() {
  return std::exchange(verdict_, std::nullopt);
}

}  // namespace tether::delivery
