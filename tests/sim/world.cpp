#include "world.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace tether::sim {
namespace {

constexpr std::size_t kTraceLines = 4000;
constexpr std::int64_t kStepsAtOnce = 20'000;
std::string text_of(Duration since_start) {
  const double seconds = std::chrono::duration<double>(since_start).count();
  std::string text = std::to_string(seconds);
  return text.substr(0, text.find('.') + 4);
}

}  // namespace

World::World(WorldOptions options)
    : options_(std::move(options)),
      actions_(plan_actions(options_)),
      now_(std::chrono::hours(1)),
      start_(now_),
      control_plane_(start_),
      daemon_(static_cast<std::uint32_t>(options_.seed)) {
  for (const Action& action : actions_) {
    if (options_.suppressed.contains(action.number)) continue;
    at(start_ + action.at, [this, &action] {
      if (faulty_) act(action);
    });
  }
  daemon_.restart(now());
  at(now_ + 10ms, [this] { open_link(); });
  pump();
}

void World::play() {
  run(std::chrono::hours(options_.hours));
  if (!failures_.empty()) return;
  heal();
  run(5h);
  if (failures_.empty()) check_agreement();
}

Random World::chance_of(std::string_view what) const {
  const auto when = static_cast<std::uint64_t>(now_.time_since_epoch().count());
  return Random(Random::part(Random::part(options_.seed, what), when));
}

sync::Now World::now() const {
  const auto wall = control_plane_.clock(now_) + std::chrono::duration_cast<std::chrono::nanoseconds>(wall_offset_);
  return {now_, wall};
}

void World::at(TimePoint when, std::function<void()> what) {
  queue_.emplace(when, std::move(what));
}

void World::note(const std::string& what) {
  trace_.push_back(text_of(now_ - start_) + "  " + what);
  if (trace_.size() > kTraceLines) trace_.pop_front();
}

void World::fail(const std::string& checker, const std::string& what) {
  failures_.push_back({checker, text_of(now_ - start_) + "  " + what});
  note("FAILED: " + checker + ": " + what);
}

void World::run(Duration time) {
  const TimePoint end = now_ + time;
  std::int64_t at_once = 0;
  while (failures_.empty()) {
    TimePoint next = end;
    if (!queue_.empty()) next = std::min(next, queue_.begin()->first);
    if (const auto due = daemon_.next_deadline(now_)) next = std::min(next, *due);
    if (next >= end) break;
    at_once = next > now_ ? 0 : at_once + 1;
    if (at_once > kStepsAtOnce) return fail("rest", "does not come to rest");
    now_ = std::max(now_, next);
    ++steps_;
    if (!queue_.empty() && queue_.begin()->first <= now_) {
      const auto what = std::move(queue_.begin()->second);
      queue_.erase(queue_.begin());
      what();
    } else {
      daemon_.on_deadline(now());
    }
    pump();
  }
  now_ = end;
}

void World::pump() {
  bool busy = true;
  while (busy) {
    busy = false;
    daemon_.take_verdicts(now());
    for (const auto& command : daemon_.take_commands()) {
      busy = true;
      const std::uint64_t link = link_;
      if (const auto* request = std::get_if<sync::SendRequest>(&command)) {
        send(*request);
      } else if (const auto* frame = std::get_if<sync::SendFrame>(&command)) {
        note("says " + frame->text);
        at(now_ + chance_of(frame->text).between(1ms, 100ms), [this, link, text = frame->text] {
          if (linked_ && link == link_) take_ack(text);
        });
      } else if (const auto* ping = std::get_if<sync::SendPing>(&command)) {
        at(now_ + 100ms + chance_of("pong").between(1ms, 200ms), [this, link, token = ping->token, life = life_] {
          if (!linked_ || link != link_ || life != life_) return;
          daemon_.give([token](sync::Engine& engine, sync::Records& records,
                               sync::Now at) { engine.on_pong(records, token, at); },
                       now());
        });
      } else {
        note("notes: " + std::get<sync::Note>(command).message);
      }
    }
    while (const auto command = daemon_.courier().take_command(now_)) {
      busy = true;
      if (const auto* order = std::get_if<delivery::Push>(&*command)) {
        push(*order);
      } else {
        ask_state();
      }
    }
  }
  daemon_.publish(now());
  look_at_standing();
}

// ---- The users of the control plane, and whoever breaks things

void World::act(const Action& action) {
  Random random(action.seed);
  note("action " + std::to_string(action.number) + ": " + std::string(name_of(action.kind)));
  switch (action.kind) {
    case ActionKind::Operation:
      return control_plane_.operate(action.number, random, now_, /*quiet=*/false);
    case ActionKind::LostOperation:
      return control_plane_.operate(action.number, random, now_, /*quiet=*/true);
    case ActionKind::CutLink:
      return lose_link(random);
    case ActionKind::KillDaemon:
      return restart_daemon(random);
    case ActionKind::RestartGateway:
      gateway_.restart("instance-" + std::to_string(++instances_));
      last_loss_ = now_;
      return;
    case ActionKind::ForgetGateway:
      gateway_.forget();
      last_loss_ = now_;
      return;
    case ActionKind::GatewayAway:
      gateway_away_ = {now_ + random.between(1s, 5min), random};
      return;
    case ActionKind::GatewayMoods:
      gateway_moods_ = {now_ + random.between(1min, 1h), random};
      return;
    case ActionKind::RestTrouble:
      rest_trouble_ = {now_ + random.between(1min, 1h), random};
      return;
    case ActionKind::Lies:
      lies_ = {now_ + random.between(1min, 1h), random};
      return;
    case ActionKind::JumpWallClock:
      wall_offset_ = random.between(0s, 4h) - Duration(2h);
      return;
  }
}

void World::restart_daemon(Random& random) {
  const bool power = random.chance(50);
  if (power) note("the power is cut");
  ++life_;
  linked_ = false;
  ++link_;
  if (power) daemon_.cut_power([&random] { return random.chance(50); });
  daemon_.restart(now());
  at(now_ + random.between(10ms, 5s), [this] { open_link(); });
}

void World::heal() {
  faulty_ = false;
  control_plane_.heal(now_);
  gateway_.refused.clear();
  note("healed");
}

// ---- The link

void World::open_link() {
  if (linked_) return;
  linked_ = true;
  const std::uint64_t link = ++link_;
  note("link " + std::to_string(link));
  Random random = chance_of("link");
  if (random.chance(50)) {  // another process of the control plane, which replays
    const auto& hub = control_plane_.hub();
    hub_read_ = 0;
    while (hub_read_ < hub.size() && hub[hub_read_].written < now_ - 120s) ++hub_read_;
  }
  daemon_.link_up(now());
  at(now_ + random.between(1ms, 2s), [this, link, life = life_] {
    if (!linked_ || link != link_ || life != life_) return;
    const auto second = control_plane_.clock(now_).ns / 1'000'000'000 * 1'000'000'000;
    const protocol::ConnectionAck ack{"gateway", "connection", Instant{second}};
    daemon_.give([ack](sync::Engine& engine, sync::Records& records,
                       sync::Now at) { engine.on_connection_ack(records, ack, at); },
                 now());
  });
  at(now_ + random.between(1ms, 3s), [this, link] {
    if (linked_ && link == link_) poll_hub();
  });
}

void World::lose_link(Random& random) {
  if (!linked_) return;
  note("link lost");
  linked_ = false;
  ++link_;
  daemon_.link_down(now());
  at(now_ + (random.chance(70) ? random.between(1s, 30s) : random.between(1min, 2h)), [this] { open_link(); });
}

/// Every 3 s what was written since goes into the link's queue; what is in it when the link breaks is lost.
void World::poll_hub() {
  const std::uint64_t link = link_;
  Random random = chance_of("hub");
  Duration after{};
  for (const auto& hub = control_plane_.hub(); hub_read_ < hub.size(); ++hub_read_) {
    const auto event = hub[hub_read_].event;
    after += random.between(1ms, 300ms);
    const int times = faulty_ && random.chance(5) ? 2 : 1;
    for (int i = 0; i < times; ++i) {
      at(now_ + after, [this, link, event, life = life_] {
        if (linked_ && link == link_ && life == life_) deliver(event);
      });
    }
  }
  at(now_ + 3s, [this, link] {
    if (linked_ && link == link_) poll_hub();
  });
}

void World::deliver(const protocol::Event& event) {
  std::string about;
  if (const auto* d = std::get_if<protocol::DeploymentChanged>(&event.body))
    about = d->artifact_id + " " + d->deployment_id + "@" + std::to_string(d->at.ms());
  if (const auto* d = std::get_if<protocol::ArtifactDeleted>(&event.body)) about = d->artifact_id;
  note("event " + event.type + " " + about + " " + event.correlation_id);
  daemon_.give(
      [event](sync::Engine& engine, sync::Records& records, sync::Now at) { engine.on_event(records, event, at); },
      now());
}

void World::take_ack(const std::string& frame) {
  const auto payload = nlohmann::json::parse(frame).at("payload");
  const Ack ack{payload.at("artifactId"), payload.at("deploymentId"), payload.at("action"),
                payload.at("status") == "success", payload.at("performedAt")};
  const std::string version = ack.deployment_id + "@" + std::to_string(parse_rfc3339(ack.performed_at)->ms());
  const bool deploy = ack.action == "deploy";
  if (ack.success && deploy && !ever_served_[ack.artifact_id].contains(version)) {
    fail("false_success", "success for " + ack.artifact_id + " " + version + ", which the gateway never had");
  }
  if (!ack.success && !refused_[ack.artifact_id].contains(version)) {
    fail("false_failure", "failed for " + ack.artifact_id + " " + version + ", which the gateway did not refuse");
  }
  control_plane_.take_ack(ack, now_);
}

// ---- Requests

void World::send(const sync::SendRequest& request) {
  note("asks " + request.method + " " + request.path + " " + request.body);
  const std::uint64_t link = link_;
  Random random = chance_of(request.path + request.body);
  const bool slow = is_open(rest_trouble_) && random.chance(10);
  const TimePoint made = now_ + random.between(1ms, 500ms);
  const TimePoint there = made + (slow ? random.between(1s, 70s) : random.between(1ms, 500ms));
  at(made, [this, request, link, there, life = life_] {
    Reply reply = control_plane_.answer(request, now_);
    if (faulty_) spoil(request, reply);
    at(there, [this, request, link, life, reply = std::move(reply)] {
      if (linked_ && link == link_ && life == life_) arrive(request, reply);
    });
  });
}

void World::spoil(const sync::SendRequest& request, Reply& reply) {
  Random random = chance_of("spoil " + request.path + request.body);
  const auto lie = [this] {
    if (now_ - last_lie_ < kBetweenLies) return false;
    last_lie_ = now_;
    return true;
  };
  const auto refuse = [&reply](int status) {
    reply = Reply{};
    reply.outcome.status = status;
  };
  const auto lack_one = [&random](auto& rows) {
    if (!rows.empty()) rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(random.below(rows.size())));
  };
  if (is_open(lies_) && !(reply.rows.empty() && reply.states.empty()) && random.chance(20) && lie()) {
    const bool all = random.chance(50);
    note(all ? "lies: nothing in " + request.scope : "lies: one row less in " + request.scope);
    if (!all) {
      lack_one(reply.rows);
      lack_one(reply.states);
    } else {
      reply.rows.clear();
      reply.states.clear();
    }
  }
  if (!is_open(rest_trouble_)) return;
  switch (random.below(24)) {
    case 0:
    case 1:
      return refuse(500);
    case 2:
      return refuse(0);
    case 3:
      return refuse(401);
    case 4:
      if (!reply.documents.empty()) reply.documents.pop_back();
      return;
    case 5:
      reply.outcome.complete = false;
      return;
    case 6:
      reply.outcome.date.reset();
      return;
    default:
      return;
  }
}

void World::arrive(const sync::SendRequest& request, const Reply& reply) {
  note("answered " + std::to_string(reply.outcome.status) + " " + request.path + " (" +
       std::to_string(reply.rows.size() + reply.states.size() + reply.documents.size()) + ")");
  using sync::Engine;
  using sync::Now;
  using sync::Records;
  const auto number = request.number;
  if (!reply.rows.empty()) {
    daemon_.give(
        [number, rows = reply.rows](Engine& e, Records& r, Now at) { e.on_deployment_rows(r, number, rows, at); },
        now());
  }
  if (!reply.states.empty()) {
    daemon_.give(
        [number, states = reply.states](Engine& e, Records& r, Now at) { e.on_resource_rows(r, number, states, at); },
        now());
  }
  if (!reply.documents.empty()) {
    daemon_.give([number, documents = reply.documents](Engine& e, Records& r,
                                                       Now at) { e.on_documents(r, number, documents, at); },
                 now());
  }
  if (!reply.existences.empty()) {
    daemon_.give([number, answers = reply.existences](Engine& e, Records& r,
                                                      Now at) { e.on_existences(r, number, answers, at); },
                 now());
  }
  if (reply.value && reply.outcome.complete) {
    daemon_.give(
        [number, value = *reply.value](Engine& e, Records& r, Now at) { e.on_secret_value(r, number, value, at); },
        now());
  }
  daemon_.give([number, outcome = reply.outcome](Engine& e, Records& r, Now at) { e.on_done(r, number, outcome, at); },
               now());
}

// ---- The gateway

void World::ask_state() {
  at(now_ + chance_of("state").between(1ms, 50ms), [this, life = life_] {
    if (life != life_) return;
    if (is_open(gateway_away_)) {
      daemon_.on_state(delivery::GatewayProblem{delivery::GatewayFailure::Gone, 0, "nobody listens"}, now());
    } else {
      daemon_.on_state(gateway_.state(), now());
    }
  });
}

void World::push(const delivery::Push& push) {
  const auto read = daemon_.body_of(push, now());
  if (!read) return note("a push cannot be read");
  const Body& body = *read;
  note(std::string(push.full ? "PUT " : "PATCH ") + body.epoch + " " + std::to_string(push.after) + ".." +
       std::to_string(body.revision) + ", lines " + std::to_string(body.lines.size()));
  Random random = chance_of("push");
  const bool moody = is_open(gateway_moods_);
  const Duration takes = moody && random.chance(10) ? random.between(1s, 30s) : random.between(1ms, 200ms);
  const std::size_t mood = moody ? random.below(12) : 12;
  at(now_ + takes, [this, body = body, push, mood, life = life_] {
    delivery::PushOutcome outcome{body.epoch, body.revision, static_cast<std::int64_t>(body.lines.size()), {}, {}};
    if (body.lines.size() == 1) outcome.only_line = sync::Key{body.lines[0].key.first, body.lines[0].key.second};
    const delivery::GatewayProblem gone{delivery::GatewayFailure::Gone, 0, "the connection broke"};
    if (is_open(gateway_away_) || mood == 0) {
      outcome.answer = gone;
    } else if (mood == 1) {
      outcome.answer = delivery::GatewayProblem{delivery::GatewayFailure::Status, 500, "500"};
    } else if (mood == 2 && body.lines.size() > 3) {
      outcome.answer = delivery::GatewayProblem{delivery::GatewayFailure::Status, 413, "413"};
    } else {
      for (const Line& line : body.lines) {
        if (!control_plane_.is_bad(line.deployment_id)) continue;
        gateway_.refused.insert(line.deployment_id);
        refused_[line.key.second].insert(line.version);
      }
      std::vector<Served> changes;
      auto answer = gateway_.apply(body, changes);
      look_at(changes, life == life_ && mood != 3 && mood != 4 && mood != 5);
      if (!answer) {
        outcome.answer = delivery::GatewayProblem{delivery::GatewayFailure::Status, 409, "409"};
      } else if (mood == 3 || mood == 4) {
        outcome.answer = gone;
      } else {
        if (mood == 5) ++answer->revision;
        outcome.answer = std::move(*answer);
      }
    }
    if (life != life_) return;
    daemon_.on_push(push.number, outcome, now());
  });
}

}  // namespace tether::sim
