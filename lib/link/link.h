#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tether/base/time.h"
#include "tether/link/backoff.h"
#include "tether/link/state.h"
#include "tether/link/way_back.h"

namespace tether::link {

/// What else happens once a token is known to be rejected (R15).
enum class OnRejection {
  Probe,  ///< One quiet attempt per poll interval: a fleet heals by itself after a control-plane fault.
  Stop,   ///< Nothing until the token changes.
};

struct LinkLimits {
  Duration reconnect_initial = 1s;
  Duration reconnect_max = 5min;
  /// As WayBack takes it. The link is back within this, WayBack::spread and a dial: with more than 4 s that may be over
  /// the 30 s of R23.
  Duration knock_interval = 3s;
  Duration dial_timeout = 10s;  ///< From `Dial` to `on_open`.
  Duration ack_timeout = 10s;   ///< From `on_open` to `on_connection_ack`.
  Duration ping_interval = 10s;
  /// Hung up after this long without any frame. Two seconds below the 30 s of R12, which leaves time to notice and
  /// to say so; two of our own pings have gone unanswered by then. Hung up as well when our pings have gone unanswered
  /// for so long from the last answer on, whatever else comes: a path may be broken one way only. Of a control plane
  /// that has answered none under this link no answer is expected. Longer than ping_interval.
  Duration silence = 28s;
  Duration goodbye = 2s;           ///< How long `stop` waits for the answer to our close frame.
  Duration poll_interval = 15min;  ///< Between the quiet attempts of `OnRejection::Probe`, jittered by 10 %.
  OnRejection on_rejection = OnRejection::Probe;
  bool has_token = false;
  std::string token_setting;  ///< What to name where a token was refused, e.g. the variable's name.
};

/// Why a dial did not end in an open WebSocket.
struct DialFailure {
  NetworkError reason = NetworkError::Closed;
  int http_status = 0;  ///< 0: no HTTP answer. 401 is a refused token, whatever `reason` says.
  std::optional<Duration> retry_after;
  std::string message;       ///< For people, without secrets.
  bool was_reached = false;  ///< A connection was accepted. Of interest for `Timeout` only.
};

/// How an open WebSocket ended.
struct Loss {
  NetworkError reason = NetworkError::Closed;
  int code = 1006;      ///< RFC 6455 close code; 1006: no close frame came.
  std::string message;  ///< The close frame's reason, or the error's text.
};

// ---- What the core asks for. Carried out in order.

/// Dial with the present token; answer with `on_open` or `on_dial_failed`. There is at most one such connection: the
/// one before, if any is left, is let go.
struct Dial {
  std::uint64_t attempt = 0;
  bool older_token = false;  ///< With the token of the dial before: the present one is known to be refused.
};
/// Let go of the connection (open or still dialling): close with this code and reason, or cut it when `code` is 0.
/// Nothing more of it may be told to the link, save `on_closed` after `stop`.
struct HangUp {
  int code = 0;
  std::string reason;
};
/// Open a second connection with the present token beside the first, to learn whether it is accepted; answer with
/// `on_probe_accepted` or `on_probe_failed` and close it either way.
struct DialProbe {
  std::uint64_t attempt = 0;
  bool older_token = false;  ///< With the first one's own token, which another may have replaced: is it still accepted?
};
/// Let go of the second connection; nothing more of it may be told.
struct HangUpProbe {};
/// Tell from now on when the host's network or the control plane's addresses change, until `Unwatch`.
struct Watch {};
/// No more of that, nor of a knock under way.
struct Unwatch {};
/// See if somebody is there: connect as a dial would, send no request, and hang up; a knock under way, if any, is let
/// go. `wants_words`: an accepted connection is not enough, it must be answered (a TLS handshake, refused or not).
/// Answer with `on_knock_answered` or `on_knock_failed`, within kKnockTimeout or never.
struct Knock {
  bool wants_words = false;
};
/// Send a ping frame with this payload.
struct SendPing {
  std::string payload;
};
/// The pong to a ping that `request_ping` asked for has come: all that was sent before that ping has been read.
struct PingAnswered {
  std::string payload;
};
/// To be logged, once, at `level` (R9).
struct StateChanged {
  State from = State::Disconnected;
  State to = State::Disconnected;
  Level level = Level::Info;
  std::string reason;
  std::optional<Duration> next_attempt_in;
};
/// An attempt failed without a change of state. `Warn` the first time and whenever the cause changes, else `Debug`, so
/// that a long outage stays short in the log (R27).
struct AttemptFailed {
  std::uint64_t attempt = 0;
  Level level = Level::Warn;
  std::string reason;
  std::optional<Duration> next_attempt_in;
};

/// Anything else worth a line.
struct Noted {
  Level level = Level::Info;
  std::string text;
};

using Command = std::variant<Dial, HangUp, DialProbe, HangUpProbe, Watch, Unwatch, Knock, SendPing, PingAnswered,
                             StateChanged, AttemptFailed, Noted>;

/// The whole life of the connection to the control plane: when to dial, when to hang up, how long to wait, when a
/// refused token is believed, and when a wait ends early (R4 to R9, R12, R15, R23).
///
/// While nobody is there the waits grow (R8), and it is looked out for the way back (WayBack): an attempt begins with a
/// knock, and a knock that is answered at last brings the attempt forward to a moment within WayBack::spread. Whoever
/// answers and refuses (an HTTP status, a certificate, a hang-up before the link is proven) is not looked around: the
/// wait and a `Retry-After` hold. 429 is a limit by the minute and has a back-off of its own, of 30 s to 2 min.
///
/// Told what happened and what time it is; after every call the caller carries out `take_commands` and calls
/// `on_deadline` at `next_deadline`. No call may name a time before an earlier one's.
class Link {
 public:
  /// Starts at once: with a token, the first `Dial` is already among the commands.
  /// Requires 0 < reconnect_initial <= reconnect_max. The same seed gives the same waits.
  Link(LinkLimits limits, std::uint64_t seed, TimePoint now);

  /// The token has another value, appeared or vanished. Dials at once with a fresh back-off unless a link is up; a
  /// `Retry-After` is still waited for. A link that is up stays until a second connection, within ten
  /// seconds, shows that the new one is accepted; while it is refused, the one before stays in use.
  void on_token_changed(bool has_token, TimePoint now);
  /// Somebody asked for a fresh attempt with the token that is there (SIGHUP). As above; a link that is up stays.
  void on_retry_asked(TimePoint now);

  // The connection of the last `Dial`.
  void on_open(TimePoint now);
  void on_dial_failed(const DialFailure& failure, TimePoint now);
  void on_connection_ack(TimePoint now);
  /// The server's `{"type":"error"}`: before the ack (too many connections) it ends the attempt, later it is only kept
  /// as `last_error`.
  void on_server_error(std::string_view message, TimePoint now);
  /// Any frame, a ping included, is a sign of life. Call it besides the more special ones, but for `on_pong`.
  void on_frame(TimePoint now);
  /// A pong with a payload answers a ping of ours; one without was not asked for, and is a frame as any other.
  void on_pong(std::string_view payload, TimePoint now);
  void on_closed(const Loss& loss, TimePoint now);

  // The last `Knock`, and what `Watch` asked for. Nothing that comes late or without being asked for does harm.
  void on_knock_answered(TimePoint now);
  void on_knock_failed(NetworkError reason, const std::string& message, TimePoint now);
  void on_network_changed(TimePoint now);
  /// No address that was dialled or knocked at last is among those that the name has now.
  void on_addresses_changed(TimePoint now);

  // The second connection of the last `DialProbe`.
  void on_probe_accepted(TimePoint now);
  void on_probe_failed(const DialFailure& failure, TimePoint now);

  /// A REST answer's status. `link` is `snapshot().link` when the request was sent: what belongs to an older link is
  /// ignored. 2xx and 304 are accepted answers, 401 is a refusal, the rest says nothing about the token.
  void on_rest_status(std::uint64_t link, int http_status, TimePoint now);
  /// The proof of use that resets the back-off: a whole listing was received on link `link`.
  void on_listing_succeeded(std::uint64_t link);

  /// What was stored, or some of it, is lost. A link that is there is hung up, so that the next one begins with listing
  /// everything; its dial waits for the back-off like any other. Without a link nothing happens: that is what comes
  /// next.
  void on_store_lost(TimePoint now);

  /// Sends a ping with this payload if a link is up (else nothing: ask again after the next ack). `PingAnswered`
  /// follows when its pong has come. At most 125 bytes (RFC 6455 section 5.5), not empty.
  void request_ping(std::string payload);

  /// Says goodbye (R13): no attempt follows. `is_finished` when the close was answered, or `goodbye` is over.
  void stop(TimePoint now);
  bool is_finished() const;

  void on_deadline(TimePoint now);
  /// When to call on_deadline, or nullopt while nothing is awaited.
  std::optional<TimePoint> next_deadline() const;

  /// Hands over the commands of the calls so far, to be carried out in order.
  std::vector<Command> take_commands();

  State state() const { return state_; }
  Snapshot snapshot() const;

 private:
  /// What there is of the first connection.
  enum class Phase { Idle, Waiting, Dialling, AwaitingAck, Up, Closing, Finished };
  /// Where the confirmation of a REST 401 stands.
  enum class Probe { None, Waiting, Dialling };

  void dial(TimePoint now);
  void lose(NetworkError reason, const std::string& message, std::optional<Absence> absence, TimePoint now);
  void leave_link(RetryReason reason, Level level, std::optional<Absence> absence, TimePoint now);
  void go_standalone();
  void plan_attempt(RetryReason reason, Duration wait, std::optional<Duration> retry_after,
                    std::optional<Absence> absence, TimePoint now);
  void wait_until(TimePoint at);
  void attempt(TimePoint now);
  void watch(std::optional<Absence> absence, TimePoint now);
  void knock_when_due(TimePoint now);
  Duration spread(TimePoint now) const;
  void reject(TimePoint now);
  void wait_quietly(TimePoint now);
  void plan_probe(std::optional<Duration> retry_after, TimePoint now);
  void dial_probe(TimePoint now);
  void stop_confirming();
  void on_accepted(TimePoint now);
  Duration quiet_wait();
  void try_newer_token(TimePoint at);
  void try_newer_token_quietly(TimePoint now);
  void on_newer_token_refused(TimePoint now);
  std::string advice() const;
  void watch_heartbeat(TimePoint now);
  std::optional<TimePoint> unheard_at() const;
  void note_error(NetworkError reason, const std::string& message);
  void note_refusal(const std::string& message);
  void hang_up(int code, std::string reason);
  void say(Level level, const std::string& text);
  void start_afresh(const std::string& why, TimePoint now);
  Level loudness(Level level, const std::string& text);
  void change_state(State to, Level level, std::string reason, std::optional<Duration> next_attempt_in = std::nullopt);
  State unproven_state() const;
  void move_to_newer_token(TimePoint now);
  bool has_link() const { return phase_ == Phase::AwaitingAck || phase_ == Phase::Up; }

  LinkLimits limits_;
  Backoff backoff_;
  Backoff limited_;  ///< Of 429.
  WayBack way_back_;
  Random random_;
  State state_ = State::Disconnected;
  Phase phase_ = Phase::Idle;
  std::vector<Command> commands_;
  Counters counters_;

  std::uint64_t attempt_ = 0;
  std::uint64_t link_ = 0;
  std::optional<RetryReason> retry_reason_;  ///< Why the next attempt is made; none for the very first.
  std::optional<TimePoint> next_attempt_;    ///< Set exactly while Waiting.
  bool attempt_knocks_ = false;              ///< It is due, and has begun with a knock.
  bool is_proven_ = false;                   ///< The present link, or the last one.
  std::optional<TimePoint> away_since_;      ///< Of the first loss or failure after the last ack, or the start.
  bool has_said_way_back_ = false;           ///< Since then.
  TimePoint hold_until_{};                   ///< Not before this: a `Retry-After`.
  TimePoint phase_deadline_{};               ///< Of Dialling, AwaitingAck and Closing.
  TimePoint last_frame_{};
  TimePoint next_ping_{};
  bool answers_pings_ = false;                 ///< Under this link.
  std::optional<TimePoint> unanswered_since_;  ///< When the first heartbeat after the last answer was sent.

  Probe probe_ = Probe::None;
  TimePoint probe_deadline_{};  ///< When to dial it, or when to give it up.

  /// What the second connection is to tell: whether the link's token is still good, or whether a newer one is.
  enum class ProbeFor { Question, NewerToken } probe_for_ = ProbeFor::Question;
  bool newer_is_refused_ = false;  ///< It was tried beside the link: dials go on with the one before.
  bool has_newer_token_ = false;   ///< Another token than the one that the open connection was dialled with.
  int refusals_ = 0;  ///< 401 in a row that count: no accepted answer among them, a wait of the back-off between them.

  std::string last_error_;
  std::string last_said_;
  std::optional<TimePoint> rejected_since_;
};

}  // namespace tether::link
