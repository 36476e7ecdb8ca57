#include <algorithm>

#include "instance.h"
#include "world.h"

/// An instance towards its gateway.
namespace tether::sim {
namespace {

/// So long the daemon waits until a body is taken, and after that for the answer.
constexpr Duration kBodyLimit = 120s;
constexpr Duration kAnswerLimit = 30s;
/// Of so many pushes one is slow, and something that is in it is deployed once more meanwhile. Percent.
constexpr int kDeployedMeanwhile = 3;
/// No revision of a world is so high.
constexpr std::int64_t kFarAway = 1'000'000;

}  // namespace

void Instance::attach_gateway() {
  gateway_.instance = "gateway-" + std::to_string(number_) + "-1";
  gateway_.refuses = [this](const Line& line) {
    if (world_.control_plane_of(line).is_refused(line.deployment_id, number_, world_.steady())) return true;
    return has(Trouble::GatewayRefuses) && world_.chance_of("refuse " + line.key.second).chance(30);
  };
  gateway_.is_malformed = [this](const Line& line) {
    return world_.control_plane_of(line).spoils_bodies(line.deployment_id) &&
           world_.control_plane_of(line).is_refused(line.deployment_id, number_, world_.steady());
  };
}

void Instance::restart_gateway() {
  gateway_.restart("gateway-" + std::to_string(number_) + "-" + std::to_string(++gateways_));
  seen.offered.clear();
  seen.last_loss = world_.steady();
}

void Instance::forget_gateway() {
  gateway_.forget();
  seen.last_loss = world_.steady();
}

void Instance::ask_state() {
  world_.at(world_.steady() + world_.chance_of("state").between(1ms, 50ms), [this, life = life_] {
    if (life != life_) return;
    if (has(Trouble::GatewayAway)) {
      daemon_.on_state(delivery::GatewayProblem{delivery::GatewayFailure::Gone, 0, "nobody listens"}, world_.now());
      return;
    }
    auto state = protocol::parse_gateway_state(gateway_.state());
    if (!state) return world_.fail("states_are_read", state.error().message);
    // It lies about where it is: behind, or where nobody has been.
    Random random = world_.chance_of("state of " + gateway_.instance);
    if (has(Trouble::GatewayMoods) && random.chance(10)) {
      state->revision = random.chance(50) ? std::max<std::int64_t>(0, state->revision - 1) : state->revision + kFarAway;
    }
    daemon_.on_state(*state, world_.now());
  });
}

void Instance::push(const delivery::Push& push) {
  auto read = daemon_.body_of(push, world_.now());
  if (!read) return note("cannot read a push");
  note(std::string(push.full ? "PUT " : "PATCH ") + read->epoch + " " + std::to_string(push.after) + ".." +
       std::to_string(read->revision) + ", lines " + std::to_string(read->lines.size()));
  world_.look_at_identity(*this, *read);
  world_.look_at_repetition(*this, *read);
  seen.pushed_blind = !daemon_.is_storing();
  seen.was_blind |= seen.pushed_blind;
  for (const Line& line : read->lines) {
    if (!line.removes) seen.offered[line.key][line.version] = world_.steady();
  }
  read->sent = world_.steady();
  world_.look_at_contradiction(*this, *read);
  Random random = world_.chance_of("push to " + gateway_.instance);
  if (has(Trouble::GatewayStalls) && random.chance(30)) return stall(std::move(*read), push.number, random);
  const bool moody = has(Trouble::GatewayMoods);
  Duration takes = moody && random.chance(10) ? random.between(1s, 30s) : random.between(1ms, 200ms);
  if (has(Trouble::GatewaySlow)) takes += random.between(1s, 6s);
  const std::size_t mood = moody ? random.below(12) : 12;
  if (world_.is_faulty() && random.chance(kDeployedMeanwhile)) {
    takes += random.between(1s, 6s);
    world_.deploy_meanwhile(*read, Random(random.next()));
  }
  // One after the other, in the order they came: also what a process asked for that is no more.
  gateway_free_ = std::max(gateway_free_ + 1ms, world_.steady() + takes);
  world_.at(gateway_free_, [this, body = std::move(*read), number = push.number, mood, life = life_] {
    const bool alive = life == life_;
    if (!alive) seen.taken_late = world_.steady();
    const auto outcome = push_now(body, mood, alive);
    if (alive) daemon_.on_push(number, outcome, world_.now());
  });
}

/// It stops while it reads, and never has the whole body; or while it answers; or between the two, and goes on when
/// nobody waits for it any more.
void Instance::stall(Body body, std::int64_t push, Random random) {
  const std::size_t where = random.below(3);
  const TimePoint begins = std::max(gateway_free_ + 1ms, world_.steady() + random.between(1ms, 1s));
  const TimePoint given_up = begins + (where == 0 ? kBodyLimit : kAnswerLimit);
  note("the gateway stalls " + std::string(where == 0 ? "reading" : where == 1 ? "answering" : "and goes on later"));
  const delivery::PushOutcome outcome{
      body.epoch, body.revision, static_cast<std::int64_t>(body.lines.size()), std::nullopt,
      delivery::GatewayProblem{delivery::GatewayFailure::Timeout, 0, "no answer within the limit"}};
  if (where != 0) {
    gateway_free_ = where == 1 ? begins : given_up + random.between(1s, 60s);
    world_.at(gateway_free_, [this, read = std::move(body), instance = gateway_.instance] {
      if (instance != gateway_.instance || has(Trouble::GatewayAway)) return;  // it went with its process
      world_.look_at(*this, gateway_.apply(read), read, /*answered=*/false);
      seen.taken_late = world_.steady();
    });
  }
  world_.at(given_up, [this, outcome, push, life = life_] {
    if (life == life_) daemon_.on_push(push, outcome, world_.now());
  });
}

delivery::PushOutcome Instance::push_now(const Body& body, std::size_t mood, bool alive) {
  delivery::PushOutcome outcome{body.epoch, body.revision, static_cast<std::int64_t>(body.lines.size()), {}, {}};
  if (body.lines.size() == 1) {
    const Key& key = body.lines[0].key;
    outcome.only_line = sync::Key{key.first, key.second};
  }
  const delivery::GatewayProblem gone{delivery::GatewayFailure::Gone, 0, "the connection broke"};
  const auto status = [&outcome](int code) {
    outcome.answer = delivery::GatewayProblem{delivery::GatewayFailure::Status, code, std::to_string(code)};
    return outcome;
  };
  if (has(Trouble::GatewayAway) || mood == 0) {
    outcome.answer = gone;
    return outcome;
  }
  if (mood == 1) return status(500);
  if (mood == 2 && body.lines.size() > 3) return status(413);
  const bool is_elsewhere = gateway_.epoch != body.epoch || gateway_.revision != body.revision;
  if (mood == 6 && gateway_.revision > 0 && is_elsewhere) {  // the answer to an earlier one, and this one is not taken
    outcome.answer = protocol::PushAnswer{gateway_.epoch, gateway_.revision, {}};
    return outcome;
  }
  const bool answered = alive && mood != 3 && mood != 4 && mood != 5;
  const auto reaction = gateway_.apply(body);
  world_.look_at(*this, reaction, body, answered);
  if (reaction.status != 200) return status(reaction.status);
  auto answer = protocol::parse_push_answer(reaction.body);
  if (!answer) {
    world_.fail("answers_are_read", answer.error().message);
    return outcome;
  }
  if (mood == 5) ++answer->revision;  // another answer than to what was sent
  if (mood == 3 || mood == 4) {
    outcome.answer = gone;
  } else {
    outcome.answer = std::move(*answer);
  }
  return outcome;
}

}  // namespace tether::sim
