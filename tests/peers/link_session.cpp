#include "tether/peers/link_session.h"

#include <algorithm>

#include "tether/peers/texts.h"

namespace tether::peers {
namespace {

constexpr Duration kWriteLimit = 10s;

Duration ms(std::int64_t count) {
  return std::chrono::milliseconds(count);
}

}  // namespace

LinkSession::LinkSession(ControlPlane& control_plane, Connection& connection, std::string first_bytes)
    : control_plane_(control_plane),
      connection_(connection),
      link_{connection.stream(), {}, {}, {}},
      buffer_(std::move(first_bytes)) {}

void LinkSession::run() {
  open();
  while (true) {
    Turn turn = next_turn();
    if (turn.silent) {
      if (connection_.stream().pause(turn.until) == Io::Closed) break;
      continue;
    }
    const bool sent = std::ranges::all_of(turn.frames, [this](const std::string& bytes) { return write(bytes); });
    if (!sent) break;
    if (turn.ending) {
      end(*turn.ending);
      break;
    }
    const Io io = connection_.stream().read_some(buffer_, turn.until);
    if (io == Io::Closed || !take_frames()) break;
  }
  close();
}

void LinkSession::open() {
  const std::lock_guard lock(control_plane_.mutex_);
  const TimePoint now = Clock::now();
  last_pong_ = now;
  next_ping_ = now + ms(control_plane_.faults_.ping_interval_ms);

  const Faults& faults = control_plane_.faults_;
  if (control_plane_.links_.empty()) control_plane_.set_replay_cursor();
  if (faults.event_before_ack) {
    const auto& events = control_plane_.desire_.events();
    const nlohmann::json made_up{{"type", "future.early"}, {"payload", nlohmann::json::object()}};
    const std::string text =
        events.empty() ? made_up.dump() : control_plane_.text_of_event(events.back(), /*new_id=*/false);
    link_.outgoing.push_back(server_frame(Opcode::Text, text));
  }
  if (!faults.no_connection_ack && faults.ack_delay_ms == 0) queue_ack();
  if (!faults.no_connection_ack && faults.ack_delay_ms > 0) ack_due_ = now + ms(faults.ack_delay_ms);

  control_plane_.links_[connection_.number()] = &link_;
  SeenConnection& seen = control_plane_.observed_.links[connection_.number()];
  seen.opened = now;
  seen.open = true;
  control_plane_.note("open", {{"connection", connection_.number()}});
  control_plane_.after_change();
}

void LinkSession::close() {
  const std::lock_guard lock(control_plane_.mutex_);
  control_plane_.links_.erase(connection_.number());
  control_plane_.observed_.links[connection_.number()].open = false;
  control_plane_.note("closed", {{"connection", connection_.number()}, {"events_lost", link_.kept_back.size()}});
  control_plane_.changed_.notify_all();
}

void LinkSession::queue_ack() {
  const nlohmann::json ack{{"type", "connection.ack"},
                           {"gatewayId", control_plane_.desire_.gateway_id()},
                           {"connectionId", random_uuid()},
                           {"timestamp", local_seconds_text(control_plane_.desire_.now())}};
  link_.outgoing.push_back(server_frame(Opcode::Text, ack.dump()));
  control_plane_.note("connection.ack", {{"connection", connection_.number()}});
}

LinkSession::Turn LinkSession::next_turn() {
  const std::lock_guard lock(control_plane_.mutex_);
  Turn turn;
  turn.ending = link_.ending;
  turn.silent = control_plane_.faults_.silent && !turn.ending;
  turn.until = Clock::now() + 1h;
  const TimePoint now = Clock::now();
  if (turn.silent) {
    silent_ = true;
    return turn;
  }
  if (std::exchange(silent_, false)) silence_ended_ = now;
  if (ack_due_ && *ack_due_ <= now) {
    ack_due_.reset();
    queue_ack();
  }
  turn.frames.swap(link_.outgoing);
  // A shorter interval that was set meanwhile counts from now.
  next_ping_ = std::min(next_ping_, now + ms(control_plane_.faults_.ping_interval_ms));
  if (next_ping_ <= now) beat(turn);
  turn.until = next_ping_;
  if (ack_due_) turn.until = std::min(turn.until, *ack_due_);
  return turn;
}

/// On the ping's tick: whoever did not answer for too long is hung up on; else the next ping.
void LinkSession::beat(Turn& turn) {
  const TimePoint now = Clock::now();
  if (now - last_pong_ > ms(control_plane_.faults_.pong_limit_ms)) {
    // Pongs that came while it read nothing are not read yet: not the client's fault.
    const bool was_silent = silence_ended_ && now - *silence_ended_ <= ms(control_plane_.faults_.pong_limit_ms);
    if (!was_silent) control_plane_.violation("no pong for more than the limit");
    turn.ending = Ending::NormalClosure;
    return;
  }
  turn.frames.push_back(server_frame(Opcode::Ping, {}));
  if (!ping_sent_) ping_sent_ = now;
  ++control_plane_.observed_.links[connection_.number()].pings_sent;
  next_ping_ = now + ms(control_plane_.faults_.ping_interval_ms);
}

bool LinkSession::write(const std::string& bytes) {
  return connection_.stream().write_all(bytes, Clock::now() + kWriteLimit) == Io::Ok;
}

bool LinkSession::take_frames() {
  while (const auto frame = tether::peers::take_frame(buffer_)) {
    if (!take_frame(*frame)) return false;
  }
  return true;
}

bool LinkSession::take_frame(const Frame& frame) {
  const TimePoint at = Clock::now();
  const std::lock_guard lock(control_plane_.mutex_);
  if (!frame.masked) {
    ++control_plane_.observed_.unmasked_frames;
    control_plane_.violation("a frame was not masked");
  }
  switch (frame.opcode) {
    case Opcode::Ping:
      ++control_plane_.observed_.links[connection_.number()].client_pings;
      link_.outgoing.push_back(server_frame(Opcode::Pong, frame.payload));
      break;
    case Opcode::Pong:
      take_pong(at);
      break;
    case Opcode::Text:
    case Opcode::Continuation:
      message_ += frame.payload;
      if (frame.final) control_plane_.take_ack(connection_.number(), std::exchange(message_, {}));
      break;
    case Opcode::Close:
      link_.outgoing.push_back(server_frame(Opcode::Close, frame.payload.substr(0, 2)));
      link_.ending = Ending::TcpClose;
      break;
    case Opcode::Binary:
      control_plane_.violation("a binary frame was sent");
      break;
    default:
      control_plane_.violation("a frame had an unknown opcode");
      return false;
  }
  return true;
}

void LinkSession::take_pong(TimePoint at) {
  last_pong_ = at;
  SeenConnection& seen = control_plane_.observed_.links[connection_.number()];
  ++seen.pongs;
  if (ping_sent_) {
    seen.pong_delays.push_back(std::chrono::ceil<std::chrono::milliseconds>(at - *ping_sent_));
    ping_sent_.reset();
  }
  control_plane_.changed_.notify_all();
}

void LinkSession::end(Ending how) {
  if (how == Ending::TcpReset) return connection_.stream().reset();
  if (how == Ending::TcpClose) return;
  const bool shutdown = how == Ending::ServerShutdown;
  constexpr std::uint16_t kNormal = 1000;
  write(server_close_frame(kNormal, shutdown ? "server shutdown" : "normal closure"));
}

}  // namespace tether::peers
