#include "instance.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "tether/protocol/frames.h"
#include "world.h"

/// An instance towards the control plane.
namespace tether::sim {
namespace {

/// A dead connection is noticed so soon: 28 s of silence, beginning with the next ping.
constexpr Duration kNoticed = 75s;
constexpr std::string_view kAckPing = "acks-";
/// A 401 may be a fault of the control plane's own: so many in a row are none.
constexpr int kSurelyRefused = 3;
constexpr Duration kReplay = 120s;
constexpr Duration kEventLife = 1h;
/// R23.
constexpr Duration kWayBack = 30s;
/// After this a link that was lost is dialled again, whatever the network is like: the longest wait, and some more.
constexpr Duration kDialled = 6min;
/// After this a dial that nobody answers is given up.
constexpr Duration kDialLimit = 12s;
/// How seldom it is looked at timestamps where nothing new was stored.
constexpr int kPumpsPerLook = 64;
/// One instance in so many is slow: inputs share transactions.
constexpr std::uint64_t kSlowOnes = 3;
constexpr Duration kLongestWork = 400ms;
/// Half of these have room for one to so many events.
constexpr std::uint64_t kFewEvents = 4;

link::LinkLimits link_limits() {
  link::LinkLimits limits;
  limits.has_token = true;
  limits.token_setting = "TETHER_REGISTRATION_TOKEN";
  return limits;
}

}  // namespace

Instance::Instance(World& world, std::size_t number, std::uint64_t seed, sync::EngineOptions options)
    : world_(world),
      number_(number),
      seed_(seed),
      reports_failures_(options.report_failures),
      daemon_(static_cast<std::uint32_t>(seed), std::move(options)) {
  attach_gateway();
  const std::uint64_t pace = Random::part(seed, "pace");
  if (pace % kSlowOnes != 0) return;
  if (pace / kSlowOnes % 2 == 0) daemon_.set_room(1 + pace / (2 * kSlowOnes) % kFewEvents);
  daemon_.set_busy([pace](TimePoint now) {
    return Random(Random::part(pace, std::to_string(now.time_since_epoch().count()))).between(0ms, kLongestWork);
  });
}

void Instance::note(const std::string& what) {
  world_.note(std::string(1, static_cast<char>('A' + number_)) + "  " + what);
}

bool Instance::has(Trouble trouble) const {
  return world_.is_faulty() && world_.steady() < troubles_[static_cast<std::size_t>(trouble)].until;
}

bool Instance::is_fair(TimePoint since, bool may_lag) const {
  const Window& lag = troubles_[static_cast<std::size_t>(Trouble::Stale)];
  const bool was_troubled = std::any_of(troubles_.begin(), troubles_.end(), [&](const Window& window) {
    return window.until > since && !(may_lag && &window == &lag);
  });
  if (was_troubled || !running_ || !acked_ || half_open_ || !world_.present().accepts(socket_token_)) return false;
  const TimePoint last_lie = may_lag ? seen.last_untruth : seen.last_lie;
  return seen.started < since && seen.last_disk_fault < since && seen.last_loss < since && last_lie < since;
}

void Instance::start() {
  running_ = true;
  seen.started = world_.steady();
  daemon_.restart(world_.now());
  world_.look_at_losses(*this, /*starts=*/true);
  link_ = std::make_unique<link::Link>(link_limits(), Random::part(seed_, life_), world_.steady());
  world_.look_at_timestamps(*this, /*all=*/true);
}

void Instance::kill(const std::function<bool()>* keeps) {
  ++life_;
  ++connection_;
  end_stay();
  ++probe_;
  ++knock_;
  seen.looks_out.reset();
  open_ = half_open_ = running_ = acked_ = false;
  seen.early.clear();
  seen.just_refused.clear();
  seen.against_absence.clear();
  seen.stops.clear();
  seen.stopped.clear();
  seen.handled.waiting.clear();
  if (daemon_.waiting() > 0) seen.lose_what_waited();
  if (keeps == nullptr) return;
  daemon_.cut_power(*keeps);
  seen.good.clear();
}

void Instance::give_token(const std::string& token) {
  token_ = token;
  if (running_) link_->on_token_changed(true, world_.steady());
}

void Instance::end_stay() {
  if (!acked_) return;
  const std::size_t peer = world_.number_of(*peer_);
  seen.stayed[peer] = std::max(seen.stayed[peer], world_.steady() - seen.linked[peer]);
}

void Instance::forget_events_of(std::size_t control_plane) {
  std::erase_if(seen.arrived, [&](const std::string& id) { return ControlPlane::owner_of(id) == control_plane; });
}

void Instance::heal() {
  daemon_.disk().faults = {};
  half_open_ = unheard_ = false;
  if (!running_) start();
}

std::optional<TimePoint> Instance::next_deadline(TimePoint now) const {
  if (!running_) return std::nullopt;
  auto next = daemon_.next_deadline(now);
  if (const auto due = link_->next_deadline(); due && (!next || *due < *next)) next = due;
  return next;
}

void Instance::on_deadline() {
  const TimePoint now = world_.steady();
  if (const auto due = link_->next_deadline(); due && *due <= now) {
    link_->on_deadline(now);
  } else {
    daemon_.on_deadline(world_.now());
  }
}

void Instance::pump() {
  if (!running_) return;
  bool busy = true;
  while (busy) {
    busy = false;
    pump_link();
    daemon_.take_verdicts(world_.now());
    world_.look_at_losses(*this, /*starts=*/false);
    if (daemon_.take_store_lost()) cut(/*half_open=*/false);
    for (const auto& command : daemon_.take_commands()) {
      busy = true;
      if (const auto* request = std::get_if<sync::SendRequest>(&command)) {
        send(*request);
      } else if (const auto* frame = std::get_if<sync::SendFrame>(&command)) {
        note("says " + frame->text);
        world_.look_at_saying(*this, frame->text);
        if (!is_heard()) continue;
        auto* peer = peer_;
        world_.at(read_at(frame->text), [this, peer, connection = connection_, text = frame->text] {
          if (connection != connection_) return;
          // It ends just when there is something to read.
          if (world_.is_faulty() && world_.chance_of("lost " + text).chance(2)) return cut(/*half_open=*/false);
          world_.take_ack(*this, *peer, text);
        });
      } else if (const auto* ping = std::get_if<sync::SendPing>(&command)) {
        link_->request_ping(std::string(kAckPing) + std::to_string(ping->token));
      } else {
        const std::string& message = std::get<sync::Note>(command).message;
        if (message.find("is served from now on") != std::string::npos) seen.took_over = world_.steady();
        note("notes: " + message);
      }
    }
    while (const auto command = daemon_.courier().take_command(world_.steady())) {
      busy = true;
      if (const auto* order = std::get_if<delivery::Push>(&*command)) {
        push(*order);
      } else {
        ask_state();
      }
    }
    busy |= daemon_.take_verdicts(world_.now());  // what must be stored before the next push
  }
  note_stored();
  daemon_.publish();
}

void Instance::pump_link() {
  for (auto commands = link_->take_commands(); !commands.empty(); commands = link_->take_commands()) {
    for (const auto& command : commands) carry_out(command);
  }
}

void Instance::carry_out(const link::Command& command) {
  if (const auto* first = std::get_if<link::Dial>(&command)) {
    let_go();
    note_way_back();
    dial(/*probe=*/false, first->older_token ? socket_token_ : token_);
  } else if (std::holds_alternative<link::HangUp>(command)) {
    let_go();
  } else if (const auto* second = std::get_if<link::DialProbe>(&command)) {
    dial(/*probe=*/true, second->older_token ? socket_token_ : token_);
  } else if (std::holds_alternative<link::HangUpProbe>(command)) {
    ++probe_;
  } else if (std::holds_alternative<link::Watch>(command)) {
    seen.looks_out = world_.steady();
  } else if (std::holds_alternative<link::Unwatch>(command)) {
    ++knock_;
  } else if (std::holds_alternative<link::Knock>(command)) {
    knock();
  } else if (const auto* ping = std::get_if<link::SendPing>(&command)) {
    if (!is_heard()) return;
    // Frames are read in order: what was said before it has been read when its pong comes.
    world_.at(read_at("ping") + world_.chance_of("pong").between(1ms, 200ms),
              [this, connection = connection_, payload = ping->payload] {
                if (connection != connection_ || is_silent()) return;
                link_->on_frame(world_.steady());
                link_->on_pong(payload, world_.steady());
              });
  } else if (const auto* answered = std::get_if<link::PingAnswered>(&command)) {
    if (!answered->payload.starts_with(kAckPing)) return;
    const std::int64_t token = std::stoll(answered->payload.substr(kAckPing.size()));
    daemon_.give(
        [token](sync::Engine& engine, sync::Records& records, sync::Now now) { engine.on_pong(records, token, now); },
        world_.now());
  } else if (const auto* change = std::get_if<link::StateChanged>(&command)) {
    note("link " + std::string(link::name_of(change->to)) + ": " + change->reason);
    if (change->to == link::State::Rejected && seen.refusals < kSurelyRefused) {
      world_.fail("rejected_too_early", "a token is believed to be rejected after " + std::to_string(seen.refusals));
    }
  }
}

/// The connection is no more, whoever ended it.
void Instance::let_go() {
  ++connection_;
  end_stay();
  half_open_ = unheard_ = acked_ = false;
  seen.early.clear();
  seen.listed.clear();
  seen.deltas = 0;
  if (std::exchange(open_, false)) daemon_.link_down(world_.now());
}

void Instance::cut(bool half_open) {
  if (!open_) return;
  if (half_open) {
    half_open_ = true;
    return expect_notice();
  }
  let_go();
  link_->on_closed({link::NetworkError::Closed, 1006, "gone"}, world_.steady());
  // Each dial begins another connection. Where nobody is there, it is knocked first.
  world_.at(world_.steady() + kDialled, [this, mine = connection_, knocks = knock_] {
    if (!running_ || mine != connection_ || knocks != knock_) return;
    world_.fail("dialled_again", "a link that was lost is neither dialled nor knocked at");
  });
}

/// D4: a connection on which nothing comes, or nothing of ours arrives, is given up.
void Instance::expect_notice() {
  world_.at(world_.steady() + kNoticed, [this, mine = connection_] {
    if (mine == connection_ && open_) world_.fail("silence_is_noticed", "a dead connection is kept");
  });
}

void Instance::lose_way_out() {
  if (!open_) return;
  unheard_ = true;
  expect_notice();
  // Without pongs the control plane gives up, at the second or third of its pings. That word need not arrive.
  world_.at(world_.steady() + world_.chance_of("gives up").between(20s, 40s), [this, mine = connection_] {
    if (mine == connection_) cut(/*half_open=*/world_.chance_of("last word").chance(50));
  });
}

void Instance::knock() {
  auto answer = [this, mine = ++knock_] {
    if (has(Trouble::Refused) || has(Trouble::Partition)) seen.nobody_there = world_.steady();
    if (mine != knock_ || has(Trouble::Partition)) return;
    if (has(Trouble::Refused)) {
      link_->on_knock_failed(link::NetworkError::Refused, "nobody listens", world_.steady());
    } else {
      link_->on_knock_answered(world_.steady());
    }
  };
  world_.at(world_.steady() + world_.chance_of("knock").between(1ms, 200ms), std::move(answer));
}

/// It is dialled: late, if nobody was there and somebody is for long.
void Instance::note_way_back() {
  const auto since = std::exchange(seen.looks_out, std::nullopt);
  // What began with the loss of a link may be a wait for another reason.
  if (!since || seen.nobody_there + kDialLimit < *since) return;
  const Duration late = world_.steady() - std::max(*since, seen.nobody_there);
  if (late > kWayBack) world_.fail("the_way_back_is_seen", std::to_string(late / 1s) + " s");
}

void Instance::dial(bool probe, const std::string& with_token) {
  if (has(Trouble::Refused) || has(Trouble::Partition)) seen.nobody_there = world_.steady();
  std::uint64_t& generation = probe ? probe_ : connection_;
  const std::uint64_t mine = ++generation;
  const auto random = world_.chance_of(probe ? "probe" : "dial");
  auto answer = [this, probe, mine, life = life_, token = with_token] {
    if (life != life_ || mine != (probe ? probe_ : connection_) || has(Trouble::Partition)) return;
    const TimePoint now = world_.steady();
    link::DialFailure failure;
    const auto http = [&failure](int status) {
      failure = {link::NetworkError::Http, status, std::nullopt, "HTTP " + std::to_string(status)};
    };
    if (has(Trouble::Refused)) {
      failure = {link::NetworkError::Refused, 0, std::nullopt, "nobody listens"};
    } else if (has(Trouble::Dial429)) {
      http(429);
      if (world_.chance_of("retry-after").chance(50)) failure.retry_after = 90s;
    } else if (has(Trouble::Dial401) || !world_.present().accepts(token)) {
      ++seen.refusals;
      http(401);
    } else if (has(Trouble::Dial500)) {
      http(500);
    } else {
      seen.refusals = 0;
      if (probe) return link_->on_probe_accepted(now);
      socket_token_ = token;
      return on_open();
    }
    if (probe) return link_->on_probe_failed(failure, now);
    link_->on_dial_failed(failure, now);
  };
  auto with = random;
  world_.at(world_.steady() + with.between(1ms, 200ms), std::move(answer));
}

void Instance::on_open() {
  const TimePoint now = world_.steady();
  open_ = true;
  seen.nobody_there = {};
  half_open_ = unheard_ = false;
  peer_ = &world_.present();
  last_text_ = last_read_ = now;
  daemon_.link_up(world_.now());
  link_->on_frame(now);
  link_->on_open(now);
  Random random = world_.chance_of("link");
  if (has(Trouble::DialFull)) {
    send_text(nlohmann::json{{"type", "error"}, {"message", "maximum connection limit reached (1000)"}}.dump(), 1ms);
    world_.at(now + 10ms, [this, mine = connection_] {
      if (mine == connection_) cut(/*half_open=*/false);
    });
    return;
  }
  const auto& hub = peer_->hub();
  std::size_t& read = hub_read_[peer_];
  // A process of the control plane that has not had this gateway replays; the same goes on, at most an hour back.
  const bool other = random.chance(50);
  const TimePoint from = now - (other ? kReplay : kEventLife);
  if (other) read = 0;
  while (read < hub.size() && hub[read].written < from) ++read;
  const auto ack = [this, mine = connection_] {
    if (mine != connection_) return;
    const auto second = peer_->clock(world_.steady()).ns / 1'000'000'000 * 1'000'000'000;
    const nlohmann::json text = {{"type", "connection.ack"},
                                 {"gatewayId", peer_->gateway_id()},
                                 {"connectionId", "connection"},
                                 {"timestamp", format_rfc3339({second})}};
    on_text(text.dump(), nullptr);
  };
  const Duration after = random.chance(2) ? 20s : random.between(1ms, 2s);
  world_.at(now + after, ack);
  world_.at(now + random.between(1ms, 3s), [this, mine = connection_] { poll_hub(mine); });
}

/// Every 3 s what was written since goes into the link's queue; what is in it when the link breaks is lost.
void Instance::poll_hub(std::uint64_t connection) {
  if (connection != connection_ || !open_) return;
  Random random = world_.chance_of("hub");
  const auto& hub = peer_->hub();
  for (std::size_t& read = hub_read_[peer_]; read < hub.size(); ++read) {
    const int times = world_.is_faulty() && random.chance(5) ? 2 : 1;
    for (int i = 0; i < times; ++i) {
      last_text_ = std::max(last_text_, world_.steady()) + random.between(1ms, 300ms);
      world_.at(last_text_, [this, connection, event = hub[read]] {
        if (connection != connection_) return;
        if (!is_silent() && daemon_.has_room()) world_.look_at_event(*this, event);
        on_text(event.text, &event);
      });
    }
  }
  world_.at(world_.steady() + 3s, [this, connection] { poll_hub(connection); });
}

TimePoint Instance::read_at(std::string_view text) {
  Random random = world_.chance_of(text);
  const bool slow = world_.is_faulty() && random.chance(10);
  last_read_ = std::max(last_read_ + 1ms, world_.steady() + random.between(1ms, slow ? Duration(8s) : Duration(100ms)));
  return last_read_;
}

bool Instance::is_silent() {
  if (open_ && has(Trouble::Partition)) half_open_ = true;  // a stream that lost something does not go on behind it
  return !open_ || half_open_;
}

void Instance::send_text(const std::string& text, Duration after) {
  world_.at(world_.steady() + after, [this, text, connection = connection_] {
    if (connection == connection_) on_text(text, nullptr);
  });
}

/// It is given to the daemon.
void Instance::note_event(const HubEvent& event) {
  seen.arrived.insert(event.id);
  seen.last_heard[event.about] = world_.steady();
  if (event.at.ns != 0) seen.handled.waiting.push_back(event);
}

/// Nothing waits to be stored.
void Instance::note_stored() {
  auto& handled = seen.handled;
  if (handled.waiting.empty() && (handled.open.empty() || ++handled.pumps % kPumpsPerLook != 0)) return;
  if (!running_ || !daemon_.is_storing() || daemon_.waiting() > 0) return;
  std::move(handled.waiting.begin(), handled.waiting.end(), std::back_inserter(handled.open));
  handled.waiting.clear();
  world_.look_at_timestamps(*this, /*all=*/false);
}

void Instance::on_text(const std::string& text, const HubEvent* told) {
  if (is_silent()) return;
  const TimePoint now = world_.steady();
  note("hears " + text);
  link_->on_frame(now);
  auto frame = protocol::parse_frame(text);
  if (!frame) return world_.fail("frames_are_read", frame.error().message + ": " + text);
  if (const auto* ack = std::get_if<protocol::ConnectionAck>(&*frame)) {
    const std::uint64_t before = link_->snapshot().link;
    link_->on_connection_ack(now);
    if (link_->snapshot().link == before) return;
    acked_ = true;
    world_.look_at_link(*this, *peer_);
    for (const auto& early : std::exchange(seen.early, {})) note_event(early);
    daemon_.give([ack = *ack, now](sync::Engine& engine, sync::Records& records,
                                   sync::Now at) { engine.on_connection_ack(records, ack, now, at); },
                 world_.now());
  } else if (const auto* error = std::get_if<protocol::ServerError>(&*frame)) {
    link_->on_server_error(error->message, now);
  } else if (auto* event = std::get_if<protocol::Event>(&*frame)) {
    event->bytes = text.size();
    if (!daemon_.has_room()) {
      note("has no room for it");
      world_.look_at_dropped(*this, *told);
    } else if (acked_) {
      note_event(*told);
    } else {
      seen.early.push_back(*told);
    }
    daemon_.event(std::move(*event), world_.now());
  }
}

}  // namespace tether::sim
