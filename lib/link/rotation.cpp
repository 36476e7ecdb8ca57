#include <utility>

#include "tether/link/link.h"
#include "tether/link/link_internal.h"

/// A token that changes under an open link: the new one is tried on a second connection, and the link stays with the
/// one before until that is accepted (R15). Both are good while a rotation lasts, so that nothing is lost by it; and
/// where the new one is a mistake, nothing is lost either.
namespace tether::link {

void Link::try_newer_token(TimePoint at) {
  probe_ = Probe::Waiting;
  probe_for_ = ProbeFor::NewerToken;
  probe_deadline_ = std::max(at, hold_until_);
}

void Link::try_newer_token_quietly(TimePoint now) {
  if (limits_.on_rejection == OnRejection::Probe) try_newer_token(now + quiet_wait());
}

void Link::on_newer_token_refused(TimePoint now) {
  ++counters_.auth_failures;
  newer_is_refused_ = true;
  last_error_ = "the new registration token was refused";
  say(Level::Warn, last_error_ + ": check " + limits_.token_setting + "; the link stays open with the one before");
  try_newer_token_quietly(now);
}

void Link::move_to_newer_token(TimePoint now) {
  newer_is_refused_ = false;
  hang_up(kNormalClosure, "the token was replaced");
  retry_reason_ = RetryReason::Token;
  if (state_ != unproven_state()) {
    change_state(unproven_state(), Level::Info, "the registration token was replaced, and the new one is accepted");
  }
  dial(now);
}

std::string Link::advice() const {
  if (newer_is_refused_) {
    return "put a token that the control plane accepts into " + limits_.token_setting +
           ": the one that is there is refused, and the one before is still in use";
  }
  if (state_ != State::Rejected) return "";
  const bool probes = limits_.on_rejection == OnRejection::Probe;
  return "put a token that the control plane accepts into " + limits_.token_setting +
         (probes ? ", or wait: the one that is there is tried once in each poll interval" : "");
}

}  // namespace tether::link
