#include <algorithm>
#include <utility>

#include "tether/link/link.h"
#include "tether/link/link_internal.h"

/// The refused token: when it is believed, and what is done meanwhile (R15).
namespace tether::link {

void Link::reject(TimePoint now) {
  watch(std::nullopt, now);
  rejected_since_ = now;
  retry_reason_ = RetryReason::Unauthorized;
  change_state(State::Rejected, Level::Error,
               "the control plane refused the registration token " + std::to_string(kRefusalsToReject) +
                   " times in a row: check " + limits_.token_setting + "; what is stored stays in service");
  wait_quietly(now);
}

/// Rejected: at most one attempt per poll interval, and no word about it unless it succeeds.
void Link::wait_quietly(TimePoint now) {
  if (limits_.on_rejection == OnRejection::Stop) {
    phase_ = Phase::Idle;
    next_attempt_.reset();
    return;
  }
  wait_until(std::max(now + quiet_wait(), hold_until_));
}

Duration Link::quiet_wait() {
  const Duration tenth = limits_.poll_interval / 10;
  return random_.between(limits_.poll_interval - tenth, limits_.poll_interval + tenth);
}

/// What is accepted is the token of the link: it says nothing about a newer one that is being tried.
void Link::on_accepted(TimePoint now) {
  refusals_ = 0;
  if (probe_ == Probe::None || probe_for_ == ProbeFor::NewerToken) return;
  stop_confirming();
  if (has_newer_token_) try_newer_token_quietly(now);
}

void Link::on_rest_status(std::uint64_t link, int http_status, TimePoint now) {
  if (link != link_) return;
  if ((http_status >= 200 && http_status < 300) || http_status == 304) return on_accepted(now);
  if (http_status != kUnauthorized) return;
  // One refusal opens the question; those that come while it is being asked are the same one, because the back-off's
  // waits must lie between those that count. Where a newer token is about to take over, that is all there is to know;
  // where that has been refused, the question is about the link's own.
  const bool is_open = probe_ != Probe::None && (probe_for_ == ProbeFor::Question || !newer_is_refused_);
  const bool opens_question = phase_ == Phase::Up && !is_open;
  if (!opens_question) {
    ++counters_.auth_failures;
    return;
  }
  note_refusal("a REST request was answered with 401");
  say(Level::Warn, "a REST request was answered with 401: asking again with a second connection");
  stop_confirming();
  probe_for_ = ProbeFor::Question;
  plan_probe(std::nullopt, now);
}

void Link::on_listing_succeeded(std::uint64_t link) {
  if (link != link_ || phase_ != Phase::Up) return;
  is_proven_ = true;
  backoff_.reset();
  limited_.reset();
}

void Link::plan_probe(std::optional<Duration> retry_after, TimePoint now) {
  probe_ = Probe::Waiting;
  probe_deadline_ = now + std::max(backoff_.next(), obeyed(retry_after.value_or(Duration::zero())));
}

void Link::dial_probe(TimePoint now) {
  probe_ = Probe::Dialling;
  probe_deadline_ = now + limits_.dial_timeout + kDialGrace;
  ++counters_.dials;
  commands_.emplace_back(DialProbe{++attempt_, probe_for_ == ProbeFor::Question});
}

void Link::stop_confirming() {
  if (probe_ == Probe::Dialling) commands_.emplace_back(HangUpProbe{});
  probe_ = Probe::None;
}

void Link::on_probe_accepted(TimePoint now) {
  if (probe_ != Probe::Dialling) return;
  probe_ = Probe::None;
  on_accepted(now);
  if (probe_for_ == ProbeFor::NewerToken) return move_to_newer_token(now);
  say(Level::Info, "a second connection was accepted: the registration token is good");
  if (has_newer_token_) try_newer_token_quietly(now);
}

void Link::on_probe_failed(const DialFailure& failure, TimePoint now) {
  if (probe_ != Probe::Dialling) return;
  probe_ = Probe::None;
  if (failure.http_status != kUnauthorized) {
    note_error(failure.reason, failure.message);
    return plan_probe(failure.retry_after, now);
  }
  if (probe_for_ == ProbeFor::NewerToken) return on_newer_token_refused(now);
  newer_is_refused_ = false;  // neither is good: the next dial is with the one that is configured
  note_refusal("the registration token is refused while a link is open");
  hang_up(kNormalClosure, "token refused");
  leave_link(RetryReason::Unauthorized, Level::Warn, std::nullopt, now);
}

}  // namespace tether::link
