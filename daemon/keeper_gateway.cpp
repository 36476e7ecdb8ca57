#include <algorithm>
#include <utility>

#include "keeper.h"
#include "status_parts.h"

/// The keeper's side towards the gateway: what the courier asks for is carried out, and answers become inputs.
namespace tether::daemon {
namespace {

/// Of one answer, each in a line of the log. The rest is counted there, and all of it is in `/resources`.
constexpr std::size_t kMaxRefusedSaid = 20;

}  // namespace

void Keeper::serve_gateway(TimePoint now) {
  if (const auto due = courier_->next_deadline(); due && *due <= now) courier_->on_deadline(now);
  take_verdict();
  while (auto command = courier_->take_command(now)) {
    if (auto* push = std::get_if<delivery::Push>(&*command)) {
      send_push(std::move(*push), now);
    } else {
      gateway_->ask_state();
    }
  }
  take_verdict();  // what must be stored before the next push
  say_gateway_state();
}

void Keeper::send_push(delivery::Push push, TimePoint now) {
  std::unique_ptr<store::PushBody> body;
  const bool nothing = push.full && push.capped;
  if (!nothing) {
    auto pinned = store_->push_body({push.full, push.after, push.up_to});
    // A header must not name a revision whose lines the body cannot have.
    if (pinned && !push.full && (*pinned)->revision() < push.up_to) {
      pinned = fail(ErrorKind::Retry, "the store is behind what is to be pushed");
    }
    if (!pinned) {
      delivery::PushOutcome outcome{push.epoch, push.up_to, 0, std::nullopt, {}};
      outcome.answer = delivery::GatewayProblem{delivery::GatewayFailure::Source, 0, pinned.error().message};
      courier_->on_push_outcome(push.number, outcome, now);
      if (pinned.error().kind == ErrorKind::Corrupt) doubt_store();
      return;
    }
    body = std::move(*pinned);
    if (push.full && !push.behind) push.up_to = body->revision();
  }
  engine_.on_push_started(push.number, push.full ? 0 : push.after, push.up_to);
  log_.debug("gateway.pushing",
             {{"mode", push.full ? "put" : "patch"}, {"revision", push.up_to}, {"lines", body ? body->count() : 0}});
  trail_.push_begins();
  gateway_->push(push, std::move(body));
  if (!std::exchange(gateway_tried_, true)) link_.on_gateway_tried();
}

void Keeper::on_state(delivery::StateOutcome outcome, TimePoint now) {
  words_.clear(outcome);
  if (const auto* state = std::get_if<protocol::GatewayState>(&outcome)) {
    if (footing_.is_foreign(state->epoch)) look_up_epoch(state->epoch);
    courier_->on_state(*state, now);
  } else {
    const auto& problem = std::get<delivery::GatewayProblem>(outcome);
    courier_->on_state_problem(problem, now);
    if (problem.failure == delivery::GatewayFailure::WrongUser) {
      log_.repeated(LogLevel::Warn, "gateway.wrong_user", problem.text, {{"reason", problem.text}});
    } else if (problem.failure == delivery::GatewayFailure::UnsafeFolder) {
      log_.repeated(LogLevel::Warn, "gateway.unsafe_folder", problem.text, {{"reason", problem.text}});
    }
  }
  note_presence();
  const bool will_push = courier_->condition() == delivery::GatewayCondition::Behind;
  if (!will_push && !std::exchange(gateway_tried_, true)) link_.on_gateway_tried();
}

void Keeper::look_up_epoch(const std::string& epoch) {
  const auto looked_up = store_->read(
      [this, &epoch](sync::Records& records) { footing_.note_last_revision(epoch, records.last_revision_of(epoch)); });
  if (!looked_up)
    log_.repeated(LogLevel::Warn, "store.failed", looked_up.error().message, {{"reason", looked_up.error().message}});
}

void Keeper::note_presence() {
  presence_ = nullptr;
  const auto instance = courier_->present_instance();
  if (engine_.memory().instance == instance) return;
  presence_ = [this, instance](sync::Records& records, sync::Now now) {
    engine_.on_gateway_presence(records, instance, now);
  };
}

void Keeper::on_push(std::int64_t push, bool full, delivery::PushOutcome outcome, Duration took, TimePoint now) {
  words_.clear(outcome);
  metrics_.count_push(full ? "put" : "patch", result_name(outcome), took);
  courier_->on_push_outcome(push, outcome, now);
  const std::string correlations = trail_.push_correlations();
  if (const auto* problem = std::get_if<delivery::GatewayProblem>(&outcome.answer)) {
    const std::string reason = redactor_.redact(problem->text, kMaxWordsBytes);
    log_.repeated(LogLevel::Info, "gateway.push_failed", reason,
                  {{"reason", reason}, {"correlation_ids", correlations}});
    trail_.push_failed();
    if (problem->failure == delivery::GatewayFailure::Source) doubt_store();
  } else {
    log_.debug("gateway.answered", {{"mode", full ? "put" : "patch"},
                                    {"revision", outcome.revision},
                                    {"lines", outcome.lines},
                                    {"milliseconds", std::chrono::duration<double, std::milli>(took).count()},
                                    {"correlation_ids", correlations}});
    std::set<std::pair<std::string, std::string>> refused;
    for (const auto& line : std::get<protocol::PushAnswer>(outcome.answer).rejected)
      refused.emplace(line.kind, line.id);
    for (const Duration handled : trail_.push_answered(refused, now)) metrics_.count_event_handled(handled);
    log_.resolved("gateway.push_failed");
  }
  note_presence();
  take_verdict();
}

void Keeper::take_verdict() {
  while (auto verdict = courier_->take_verdict()) {
    if (const auto* accepted = std::get_if<delivery::Accepted>(&*verdict)) {
      say_refused(accepted->rejected);
      sync::PushAnswered answer{accepted->push,  accepted->answered.instance, accepted->answered.epoch, accepted->after,
                                accepted->up_to, accepted->rejected};
      verdict_ = [this, answer](sync::Records& records, sync::Now now) {
        if (answer.epoch == records.epoch()) engine_.on_push_answered(records, answer, now);
      };
    } else if (const auto* refused = std::get_if<delivery::LineRefused>(&*verdict)) {
      say_refused({refused->line});
      verdict_ = [this, refused = *refused](sync::Records& records, sync::Now now) {
        engine_.on_line_refused(records, refused.push, refused.line, now);
      };
    } else {
      const auto replacing = std::get<delivery::Replacing>(*verdict);
      verdict_ = [this, replacing](sync::Records& records, sync::Now now) {
        engine_.on_replacing(records, replacing.instance, now);
      };
    }
  }
}

void Keeper::say_refused(const std::vector<protocol::RejectedLine>& lines) {
  const std::size_t said = std::min(lines.size(), kMaxRefusedSaid);
  for (std::size_t i = 0; i < said; ++i) {
    log_.warn(
        "gateway.refused",
        {{"kind", lines[i].kind}, {"id", lines[i].id}, {"reason", redactor_.redact(lines[i].reason, kMaxWordsBytes)}});
  }
  if (said < lines.size()) log_.warn("gateway.refused_more", {{"lines", lines.size() - said}});
}

void Keeper::say_gateway_state() {
  if (const auto held = courier_->held(); held.has_value() != push_held_) {
    push_held_ = held.has_value();
    if (held) {
      log_.warn("gateway.push_held", {{"has", held->has}, {"would_get", held->would_get}});
    } else {
      log_.info("gateway.push_no_longer_held");
    }
  }
  const auto condition = courier_->condition();
  if (condition == said_) return;
  using delivery::GatewayCondition;
  said_ = condition;
  // Behind and in sync again is everyday life; anything else is told, and so is the way back from it.
  const bool trouble = condition == GatewayCondition::Away || condition == GatewayCondition::Refusing;
  const bool everyday = condition == GatewayCondition::Behind || !gateway_in_trouble_;
  if (condition != GatewayCondition::Behind) gateway_in_trouble_ = condition != GatewayCondition::InSync;
  log_.log(trouble ? LogLevel::Warn : (everyday ? LogLevel::Debug : LogLevel::Info), "gateway.state",
           {{"state", delivery::to_string(condition)},
            {"reason", redactor_.redact(courier_->last_error(), kMaxWordsBytes)}});
}

}  // namespace tether::daemon
