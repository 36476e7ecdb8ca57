#include "connection.h"

#include <charconv>
#include <utility>

#include "link_lines.h"
#include "status_parts.h"
#include "tether/protocol/frames.h"
#include "tether/protocol/subject.h"
#include "wall_clock.h"

namespace tether::daemon {
namespace {

/// Acks go in a frame each and their pings are numbered; the payload says whose they are.
constexpr std::string_view kAckPing = "acks-";

link::DialFailure translate(const net::DialProblem& problem) {
  return {network_error_of(problem.error), problem.http_status, problem.retry_after, problem.message,
          problem.was_reached};
}

link::LinkLimits limits_from(const Settings& settings, bool has_token) {
  link::LinkLimits limits;
  limits.reconnect_initial = settings.control_plane.reconnect_initial;
  limits.reconnect_max = settings.control_plane.reconnect_max;
  limits.knock_interval = settings.control_plane.knock_interval;
  limits.poll_interval = settings.control_plane.poll_interval;
  limits.on_rejection = settings.control_plane.on_rejection == ControlPlaneSettings::OnRejection::Stop
                            ? link::OnRejection::Stop
                            : link::OnRejection::Probe;
  limits.has_token = has_token;
  limits.token_setting = settings.control_plane.token.describe();
  return limits;
}

}  // namespace

Connection::Connection(net::Loop& loop, const Settings& settings, tls::Trust& trust, Keeper& keeper, StatusBoard& board,
                       Metrics& metrics, EventTrail& trail, Redactor& redactor, Logger& log, std::uint64_t seed)
    : loop_(loop),
      settings_(settings),
      trust_(trust),
      keeper_(keeper),
      board_(board),
      metrics_(metrics),
      trail_(trail),
      redactor_(redactor),
      log_(log),
      seed_(seed),
      lookout_(loop, trust_, settings.control_plane,
               [this](const auto& what) {
                 what(*link_, Clock::now());
                 pump();
               }),
      timer_(loop,
             [this] {
               link_->on_deadline(Clock::now());
               pump();
             }),
      expiry_timer_(loop, [this] { look_at_expiry(); }) {}

void Connection::start() {
  token_ = settings_.control_plane.token.read();
  if (token_) redactor_.add_lasting_secret(*token_);
  say_why_no_token();
  link_.emplace(limits_from(settings_, token_.has_value()), seed_, Clock::now());
  if (const auto path = settings_.control_plane.token.path()) {
    token_watch_ = std::make_unique<net::FileWatch>(loop_, *path, [this] { reload_token(/*insist=*/false); });
  }
  watch_certificate();
  pump();
}

net::DialTarget Connection::target(const Secret& token) const {
  const ControlPlaneAddress& address = settings_.control_plane.address;
  net::DialTarget target;
  target.host = address.host;
  target.port = address.port;
  target.path = address.ws_path;
  target.tls = address.tls;
  target.proxy = settings_.control_plane.proxy.through;
  target.token = token;
  target.max_frame_bytes = protocol::kMaxFrameBytes;
  return target;
}

net::SocketCallbacks Connection::callbacks() {
  // What a socket says after the link has let go of it counts for nothing.
  const auto current = [this, mine = ++generation_] { return mine == generation_; };
  net::SocketCallbacks callbacks;
  callbacks.on_open = [this, current] {
    if (current()) on_open();
  };
  callbacks.on_failed = [this, current](const net::DialProblem& problem) {
    if (current()) on_failed(problem);
  };
  callbacks.on_message = [this, current](std::string_view text) {
    if (current()) on_message(text);
  };
  callbacks.on_ping = [this, current] {
    if (current()) on_sign_of_life(std::nullopt);
  };
  callbacks.on_pong = [this, current](std::string_view payload) {
    if (current()) on_sign_of_life(payload);
  };
  callbacks.on_closed = [this, current](const net::SocketEnd& end) {
    if (current()) on_closed(end);
  };
  return callbacks;
}

void Connection::dial(bool older_token) {
  drop_link();
  if (token_ && !older_token) socket_token_ = *token_;
  socket_ = std::make_unique<net::WebSocketClient>(loop_, trust_, target(socket_token_), callbacks());
}

void Connection::dial_probe(bool older_token) {
  net::SocketCallbacks callbacks;
  callbacks.on_open = [this] {
    parting_ = std::move(probe_);
    parting_->close(1000, "the token is accepted");
    link_->on_probe_accepted(Clock::now());
    pump();
  };
  callbacks.on_failed = [this](const net::DialProblem& problem) {
    link_->on_probe_failed(translate(problem), Clock::now());
    pump();
  };
  callbacks.on_message = [](std::string_view) {};
  callbacks.on_ping = [] {};
  callbacks.on_pong = [](std::string_view) {};
  callbacks.on_closed = [](const net::SocketEnd&) {};
  const Secret token = older_token ? socket_token_ : token_.value_or(Secret());
  probe_ = std::make_unique<net::WebSocketClient>(loop_, trust_, target(token), std::move(callbacks));
}

void Connection::on_sign_of_life(std::optional<std::string_view> pong) {
  const TimePoint now = Clock::now();
  if (pong) {
    link_->on_pong(*pong, now);
  } else {
    link_->on_frame(now);
  }
  pump();
}

void Connection::on_open() {
  keeper_knows_link_ = true;
  keeper_.link_up();
  link_->on_open(Clock::now());
  look_at_expiry();
  pump();
}

void Connection::on_failed(const net::DialProblem& problem) {
  link_->on_dial_failed(translate(problem), Clock::now());
  pump();
}

void Connection::on_closed(const net::SocketEnd& end) {
  drop_link();
  link_->on_closed({network_error_of(end.error), end.code, end.message}, Clock::now());
  pump();
}

/// Tells the keeper that the link is gone, once.
void Connection::drop_link() {
  if (std::exchange(keeper_knows_link_, false)) keeper_.link_down();
}

void Connection::on_message(std::string_view text) {
  const TimePoint now = Clock::now();
  metrics_.count_received("websocket", text.size());
  link_->on_frame(now);
  auto frame = protocol::parse_frame(text);
  if (!frame) {
    const std::string type = protocol::event_type_of(text);
    trail_.dropped(trail_.received({type}, text.size(), now), frame.error().message);
    metrics_.count_event(type);
    metrics_.count_event_dropped();
    log_.repeated(LogLevel::Warn, "link.bad_frame", frame.error().message,
                  {{"reason", frame.error().message}, {"bytes", text.size()}});
  } else if (const auto* ack = std::get_if<protocol::ConnectionAck>(&*frame)) {
    const std::uint64_t before = link_->snapshot().link;
    link_->on_connection_ack(now);
    const std::uint64_t link = link_->snapshot().link;
    if (link != before) keeper_.connection_ack(*ack, link, socket_token_);
  } else if (const auto* error = std::get_if<protocol::ServerError>(&*frame)) {
    link_->on_server_error(redactor_.redact(error->message, kMaxWordsBytes), now);
  } else if (auto* event = std::get_if<protocol::Event>(&*frame)) {
    on_event(std::move(*event), text.size(), now);
  }
  pump();
}

void Connection::on_event(protocol::Event event, std::size_t bytes, TimePoint now) {
  metrics_.count_event(event.type);
  if (event.at.is_set()) metrics_.count_event_age(wall_now() - event.at);
  log_.debug("event.received", {{"type", event.type}, {"correlation_id", event.correlation_id}, {"bytes", bytes}});
  auto subject = protocol::subject_of(event);
  const std::uint64_t number =
      trail_.received({event.type, event.correlation_id, subject.kind, subject.id, subject.deployment_id}, bytes, now);
  if (keeper_.event(std::move(event), bytes, number)) return;
  trail_.dropped(number, "too many events wait for the store");
  metrics_.count_event_dropped();
  log_.repeated(LogLevel::Warn, "event.dropped", "full",
                {{"reason", "too many events wait for the store; everything will be asked for again"}});
}

void Connection::send(const Frames& frames) {
  // The next link sends them again, if it is of the same identity.
  if (!link_ || !socket_ || !socket_->is_open() || frames.links_lost != keeper_.links_lost()) return;
  for (const sync::SendFrame& frame : frames.frames) {
    const std::string correlation_id =
        trail_.acknowledged({frame.artifact_id, frame.deployment_id, frame.deploy, frame.success});
    log_.debug("ack.sent", {{"artifact_id", frame.artifact_id},
                            {"deployment_id", frame.deployment_id},
                            {"success", frame.success},
                            {"correlation_id", correlation_id}});
    metrics_.count_sent("websocket", frame.text.size());
    socket_->send_text(frame.text);
  }
  link_->request_ping(std::string(kAckPing) + std::to_string(frames.ping_token));
  pump();
}

void Connection::on_rest_end(const RestEnd& end) {
  if (!link_) return;
  if (end.status != 0) link_->on_rest_status(end.link, end.status, Clock::now());
  if (end.listed) link_->on_listing_succeeded(end.link);
  pump();
}

void Connection::on_store_lost() {
  if (!link_) return;
  link_->on_store_lost(Clock::now());
  pump();
}

void Connection::stop(std::function<void()> on_stopped) {
  on_stopped_ = std::move(on_stopped);
  if (!link_) return on_stopped_();
  token_watch_.reset();
  certificate_watches_.clear();
  link_->stop(Clock::now());
  pump();
}

void Connection::pump() {
  for (auto commands = link_->take_commands(); !commands.empty(); commands = link_->take_commands()) {
    for (const auto& command : commands) carry_out(command);
  }
  const auto snapshot = link_->snapshot();
  count(snapshot);
  board_.update([this, &snapshot](Status& status) {
    describe_link(snapshot, status);
    if (!why_no_token_.empty()) status.control_plane.last_error = why_no_token_;
  });
  if (const auto deadline = link_->next_deadline()) {
    timer_.arm(*deadline);
  } else {
    timer_.cancel();
  }
  if (on_stopped_ && link_->is_finished()) loop_.post(std::exchange(on_stopped_, nullptr));
}

void Connection::carry_out(const link::Command& command) {
  struct Visitor {
    Connection& self;
    void operator()(const link::Dial& dial) const {
      self.log_.debug("link.dialling", {{"attempt", dial.attempt}});
      self.dial(dial.older_token);
    }
    void operator()(const link::HangUp& hang_up) const {
      self.drop_link();
      if (!self.socket_) return;
      if (hang_up.code == 0) {
        self.socket_.reset();
        return;
      }
      self.socket_->close(hang_up.code, hang_up.reason);
      if (self.on_stopped_) return;  // the end of the last one is still to be told
      ++self.generation_;
      self.parting_ = std::move(self.socket_);
    }
    void operator()(const link::DialProbe& probe) const { self.dial_probe(probe.older_token); }
    void operator()(const link::HangUpProbe&) const { self.probe_.reset(); }
    void operator()(const link::Watch&) const { self.lookout_.watch(); }
    void operator()(const link::Unwatch&) const { self.lookout_.unwatch(); }
    void operator()(const link::Knock& knock) const { self.lookout_.knock(knock); }
    void operator()(const link::SendPing& ping) const {
      if (self.socket_) self.socket_->send_ping(ping.payload);
    }
    void operator()(const link::PingAnswered& answered) const {
      std::string_view payload = answered.payload;
      if (!payload.starts_with(kAckPing)) return;
      payload.remove_prefix(kAckPing.size());
      std::int64_t token = 0;
      std::from_chars(payload.data(), payload.data() + payload.size(), token);
      self.keeper_.pong(token);
    }
    void operator()(const link::StateChanged& change) const { say(self.log_, self.redactor_, change); }
    void operator()(const link::AttemptFailed& failure) const { say(self.log_, self.redactor_, failure); }
    void operator()(const link::Noted& note) const { say(self.log_, note); }
  };
  std::visit(Visitor{*this}, command);
}

/// Metrics count what the core has counted since the last look.
void Connection::count(const link::Snapshot& snapshot) {
  const link::Counters& now = snapshot.counters;
  for (; counted_.dials < now.dials; ++counted_.dials) metrics_.count_dial();
  for (; counted_.knocks_answered < now.knocks_answered; ++counted_.knocks_answered) metrics_.count_knock("answered");
  for (; counted_.knocks_failed < now.knocks_failed; ++counted_.knocks_failed) metrics_.count_knock("failed");
  for (; counted_.auth_failures < now.auth_failures; ++counted_.auth_failures) metrics_.count_auth_failure();
  for (std::size_t i = 0; i < link::kNetworkErrors; ++i) {
    for (; counted_.network_errors[i] < now.network_errors[i]; ++counted_.network_errors[i]) {
      metrics_.count_network_error(link::name_of(static_cast<link::NetworkError>(i)));
    }
  }
  for (std::size_t i = 0; i < link::kRetryReasons; ++i) {
    for (; counted_.reconnect_attempts[i] < now.reconnect_attempts[i]; ++counted_.reconnect_attempts[i]) {
      metrics_.count_reconnect_attempt(link::name_of(static_cast<link::RetryReason>(i)));
    }
  }
}

}  // namespace tether::daemon
