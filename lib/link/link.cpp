#include "tether/link/link.h"

#include <algorithm>
#include <utility>

#include "tether/base/check.h"
#include "tether/link/link_internal.h"

namespace tether::link {
namespace {

/// Cut at once, without a close frame.
constexpr int kCut = 0;
/// What our own pings carry, so that their pongs are told apart from those of `request_ping`.
constexpr std::string_view kHeartbeat = "heartbeat";
/// RFC 6455 section 5.5.
constexpr std::size_t kMaxPingPayload = 125;
constexpr int kTooManyRequests = 429;
/// The control plane counts dials by the minute. With longer waits than this a fleet leaves minutes unused.
constexpr Duration kLimitBase = 1min;
constexpr Duration kLimitMax = 2min;

/// Nothing: somebody was there, and refused.
std::optional<Absence> absence_of(const DialFailure& failure) {
  switch (failure.reason) {
    case NetworkError::Dns:
    case NetworkError::Refused:
      return Absence::Nobody;
    case NetworkError::Timeout:
      return failure.was_reached ? Absence::Mute : Absence::Nobody;
    default:
      return std::nullopt;
  }
}

}  // namespace

Link::Link(LinkLimits limits, std::uint64_t seed, TimePoint now)
    : limits_(std::move(limits)),
      backoff_(limits_.reconnect_initial, limits_.reconnect_max, seed),
      limited_(std::min(kLimitBase, limits_.reconnect_max), std::min(kLimitMax, limits_.reconnect_max), seed + 1),
      way_back_(limits_.knock_interval, seed + 2),
      random_(~seed),
      hold_until_(now) {
  if (!limits_.has_token) {
    change_state(State::Standalone, Level::Info, "no registration token: serving what is stored, dialling nobody");
    return;
  }
  change_state(State::Connecting, Level::Info, "starting");
  dial(now);
}

// ---- The token

void Link::on_token_changed(bool has_token, TimePoint now) {
  if (phase_ == Phase::Closing || phase_ == Phase::Finished) return;
  limits_.has_token = has_token;
  newer_is_refused_ = false;
  has_newer_token_ = has_link() && has_token;
  start_afresh("the registration token changed", now);
  if (phase_ == Phase::Up && has_newer_token_) try_newer_token(now + random_.between(Duration::zero(), kTrySpread));
}

void Link::on_retry_asked(TimePoint now) {
  if (phase_ == Phase::Closing || phase_ == Phase::Finished) return;
  start_afresh("a fresh attempt was asked for", now);
  if (phase_ == Phase::Up && has_newer_token_) try_newer_token(now);
}

void Link::start_afresh(const std::string& why, TimePoint now) {
  refusals_ = 0;
  stop_confirming();
  if (has_link()) return;
  if (!limits_.has_token) {
    if (phase_ != Phase::Dialling) go_standalone();
    return;
  }
  if (phase_ == Phase::Dialling) hang_up(kCut, why);
  backoff_.reset();
  if (attempt_ > 0) retry_reason_ = RetryReason::Token;
  rejected_since_.reset();
  if (state_ != unproven_state()) change_state(unproven_state(), Level::Info, why);
  if (now < hold_until_) {
    wait_until(hold_until_);
  } else {
    dial(now);
  }
}

void Link::go_standalone() {
  watch(std::nullopt, {});
  phase_ = Phase::Idle;
  next_attempt_.reset();
  rejected_since_.reset();
  if (state_ == State::Standalone) return;
  change_state(State::Standalone, Level::Warn, "the registration token is gone: serving what is stored");
}

// ---- The first connection

void Link::dial(TimePoint now) {
  watch(std::nullopt, now);
  phase_ = Phase::Dialling;
  is_proven_ = false;
  has_newer_token_ = newer_is_refused_;
  next_attempt_.reset();
  phase_deadline_ = now + limits_.dial_timeout + kDialGrace;
  if (retry_reason_) ++counters_.reconnect_attempts.at(static_cast<std::size_t>(*retry_reason_));
  ++counters_.dials;
  commands_.emplace_back(Dial{++attempt_, newer_is_refused_});
}

void Link::on_open(TimePoint now) {
  if (phase_ != Phase::Dialling) return;
  phase_ = Phase::AwaitingAck;
  phase_deadline_ = now + limits_.ack_timeout;
  last_frame_ = now;
  next_ping_ = now + limits_.ping_interval;
  answers_pings_ = false;
  unanswered_since_.reset();
  on_accepted(now);
}

void Link::on_dial_failed(const DialFailure& failure, TimePoint now) {
  if (phase_ != Phase::Dialling) return;
  if (failure.http_status != kUnauthorized) {
    note_error(failure.reason, failure.message);
    const Duration wait = failure.http_status == kTooManyRequests ? limited_.next() : backoff_.next();
    return plan_attempt(retry_reason(failure.reason), wait, failure.retry_after, absence_of(failure), now);
  }
  note_refusal(failure.message);
  newer_is_refused_ = false;  // the one before is refused as well now
  if (!rejected_since_ && refusals_ >= kRefusalsToReject && limits_.has_token) return reject(now);
  plan_attempt(RetryReason::Unauthorized, backoff_.next(), failure.retry_after, std::nullopt, now);
}

void Link::on_connection_ack(TimePoint now) {
  if (phase_ != Phase::AwaitingAck) return;
  phase_ = Phase::Up;
  ++link_;
  next_ping_ = now;  // The sooner it is known that pings are answered, the sooner a missing answer tells something.
  rejected_since_.reset();
  last_said_.clear();
  away_since_.reset();
  has_said_way_back_ = false;
  change_state(State::Connected, Level::Info, "acknowledged by the control plane");
  if (newer_is_refused_) return try_newer_token_quietly(now);
  if (has_newer_token_) try_newer_token(now);
}

void Link::on_server_error(std::string_view message, TimePoint now) {
  const std::string text = "the control plane says: " + std::string(message);
  if (phase_ == Phase::AwaitingAck) {
    hang_up(kNormalClosure, "refused");
    lose(NetworkError::Closed, text, std::nullopt, now);
  } else if (phase_ == Phase::Up) {
    last_error_ = text;
    say(Level::Warn, text);
  }
}

void Link::on_frame(TimePoint now) {
  if (has_link()) last_frame_ = now;
}

void Link::on_pong(std::string_view payload, TimePoint now) {
  on_frame(now);
  if (!has_link() || payload.empty()) return;
  answers_pings_ = true;
  unanswered_since_.reset();
  if (payload != kHeartbeat) commands_.emplace_back(PingAnswered{std::string(payload)});
}

void Link::on_closed(const Loss& loss, TimePoint now) {
  if (phase_ == Phase::Closing) {
    phase_ = Phase::Finished;
  } else if (has_link()) {
    const std::string code = loss.code == 1006 ? "" : " (close code " + std::to_string(loss.code) + ")";
    const bool is_word = !is_proven_ && loss.reason != NetworkError::Timeout;
    lose(loss.reason, (loss.message.empty() ? "closed by the control plane" : loss.message) + code,
         is_word ? std::nullopt : std::optional(Absence::Lost), now);
  }
}

void Link::request_ping(std::string payload) {
  check(!payload.empty() && payload.size() <= kMaxPingPayload && payload != kHeartbeat, "a ping payload of our own");
  if (has_link()) commands_.emplace_back(SendPing{std::move(payload)});
}

/// An open connection is gone, or was given up: count it, then plan the way back.
void Link::lose(NetworkError reason, const std::string& message, std::optional<Absence> absence, TimePoint now) {
  note_error(reason, message);
  leave_link(retry_reason(reason), Level::Warn, absence, now);
}

void Link::on_store_lost(TimePoint now) {
  if (!has_link()) return;
  last_error_ = "the store was lost: everything is to be listed again";
  hang_up(kNormalClosure, "everything is to be listed again");
  leave_link(RetryReason::StoreLost, Level::Info, std::nullopt, now);
}

void Link::leave_link(RetryReason reason, Level level, std::optional<Absence> absence, TimePoint now) {
  rejected_since_.reset();  // It had been opened, so the token was accepted after all.
  stop_confirming();
  if (state_ == State::Connected) change_state(State::Disconnected, level, last_error_);
  plan_attempt(reason, backoff_.next(), std::nullopt, absence, now);
}

void Link::plan_attempt(RetryReason reason, Duration wait, std::optional<Duration> retry_after,
                        std::optional<Absence> absence, TimePoint now) {
  if (!limits_.has_token) return go_standalone();
  retry_reason_ = reason;
  if (!away_since_) away_since_ = now;
  if (retry_after) {
    const Duration asked = obeyed(*retry_after);
    hold_until_ = now + asked;
    // Spread above what was asked for: a fleet that got the same answer must not come back in the same second.
    wait = std::max(wait, asked + random_.between(Duration::zero(), asked / 10));
  }
  if (rejected_since_) return wait_quietly(now);
  wait_until(now + wait);
  watch(absence, now);
  if (state_ != unproven_state()) {
    change_state(unproven_state(), Level::Info, last_error_, wait);
  } else {
    commands_.emplace_back(AttemptFailed{attempt_, loudness(Level::Warn, last_error_), last_error_, wait});
  }
}

void Link::wait_until(TimePoint at) {
  phase_ = Phase::Waiting;
  next_attempt_ = at;
  attempt_knocks_ = false;
}

// ---- The end

void Link::stop(TimePoint now) {
  if (phase_ == Phase::Closing || phase_ == Phase::Finished) return;
  stop_confirming();
  watch(std::nullopt, now);
  next_attempt_.reset();
  if (has_link()) {
    hang_up(kNormalClosure, "shutting down");
    phase_ = Phase::Closing;
    phase_deadline_ = now + limits_.goodbye;
  } else {
    if (phase_ == Phase::Dialling) hang_up(kCut, "shutting down");
    phase_ = Phase::Finished;
  }
  if (state_ != State::Disconnected) change_state(State::Disconnected, Level::Info, "stopping");
}

bool Link::is_finished() const {
  return phase_ == Phase::Finished;
}

// ---- Time

void Link::on_deadline(TimePoint now) {
  switch (phase_) {
    case Phase::Idle:
    case Phase::Finished:
      break;
    case Phase::Waiting:
      if (now >= *next_attempt_) attempt(now);
      knock_when_due(now);
      break;
    case Phase::Dialling:
      if (now < phase_deadline_) break;
      hang_up(kCut, "the dial takes too long");
      on_dial_failed({NetworkError::Timeout, 0, std::nullopt, "the dial was not answered in time"}, now);
      break;
    case Phase::AwaitingAck:
      if (now >= phase_deadline_) {
        hang_up(kNormalClosure, "no acknowledgement");
        lose(NetworkError::Timeout, "upgraded, but no connection.ack came in time", std::nullopt, now);
        break;
      }
      watch_heartbeat(now);
      break;
    case Phase::Up:
      watch_heartbeat(now);
      break;
    case Phase::Closing:
      if (now < phase_deadline_) break;
      hang_up(kCut, "no answer to the close frame");
      phase_ = Phase::Finished;
      break;
  }
  if (probe_ == Probe::None || now < probe_deadline_) return;
  if (probe_ == Probe::Waiting) return dial_probe(now);
  commands_.emplace_back(HangUpProbe{});
  on_probe_failed({NetworkError::Timeout, 0, std::nullopt, "the second connection was not answered in time"}, now);
}

void Link::watch_heartbeat(TimePoint now) {
  if (now >= last_frame_ + limits_.silence) {
    hang_up(kCut, "silent");
    return lose(NetworkError::Silent, "no frame came for too long", Absence::Mute, now);
  }
  if (const auto at = unheard_at(); at && now >= *at) {
    hang_up(kCut, "not heard");
    return lose(NetworkError::Silent, "our pings went unanswered for too long, though frames came", Absence::Mute, now);
  }
  if (now < next_ping_) return;
  next_ping_ = now + limits_.ping_interval;
  if (!unanswered_since_) unanswered_since_ = now;
  commands_.emplace_back(SendPing{std::string(kHeartbeat)});
}

/// From the last answer to the first ping after it an interval went by at the most. Counted is from that ping on, and
/// not from the answer: where we slept for a while, nobody was asked.
std::optional<TimePoint> Link::unheard_at() const {
  if (!answers_pings_ || !unanswered_since_) return std::nullopt;
  return *unanswered_since_ + (limits_.silence - limits_.ping_interval);
}

std::optional<TimePoint> Link::next_deadline() const {
  std::optional<TimePoint> next = way_back_.next_deadline();
  const auto consider = [&next](TimePoint at) { next = next ? std::min(*next, at) : at; };
  if (next_attempt_ && !attempt_knocks_) consider(*next_attempt_);
  if (phase_ == Phase::Dialling || phase_ == Phase::AwaitingAck || phase_ == Phase::Closing) consider(phase_deadline_);
  if (has_link()) {
    consider(last_frame_ + limits_.silence);
    consider(next_ping_);
    if (const auto at = unheard_at()) consider(*at);
  }
  if (probe_ != Probe::None) consider(probe_deadline_);
  return next;
}

// ---- Small change

std::vector<Command> Link::take_commands() {
  return std::exchange(commands_, {});
}

Snapshot Link::snapshot() const {
  return {state_, link_, next_attempt_, way_back_.is_watching(), last_error_, advice(), counters_};
}

void Link::note_error(NetworkError reason, const std::string& message) {
  ++counters_.network_errors.at(static_cast<std::size_t>(reason));
  last_error_ = message;
}

void Link::note_refusal(const std::string& message) {
  ++counters_.auth_failures;
  ++refusals_;
  last_error_ = message;
}

void Link::hang_up(int code, std::string reason) {
  commands_.emplace_back(HangUp{code, std::move(reason)});
}

void Link::say(Level level, const std::string& text) {
  commands_.emplace_back(Noted{loudness(level, text), text});
}

/// What was said last is not said again at the same volume.
Level Link::loudness(Level level, const std::string& text) {
  if (text == last_said_) return Level::Debug;
  last_said_ = text;
  return level;
}

void Link::change_state(State to, Level level, std::string reason, std::optional<Duration> next_attempt_in) {
  commands_.emplace_back(StateChanged{state_, to, level, std::move(reason), next_attempt_in});
  state_ = to;
}

State Link::unproven_state() const {
  return link_ == 0 ? State::Connecting : State::Reconnecting;
}

}  // namespace tether::link
