#include "tether/sync/engine.h"

#include <algorithm>
#include <utility>

#include "tether/protocol/kinds.h"
#include "tether/sync/acks.h"
#include "tether/sync/artifacts.h"
#include "tether/sync/brake.h"
#include "tether/sync/context.h"
#include "tether/sync/dispatch.h"
#include "tether/sync/housekeeping.h"
#include "tether/sync/listings.h"
#include "tether/sync/questions.h"
#include "tether/sync/resources.h"
#include "tether/sync/staging.h"
#include "tether/sync/standing.h"
#include "tether/sync/sweep.h"

namespace tether::sync {
namespace {

/// What came of this push is being stored.
void land(Flight& flight, std::int64_t push) {
  if (flight.push == push) flight = {};
}

}  // namespace

Engine::Engine(const EngineOptions& options, std::uint32_t seed)
    : options_(options), seed_(seed), memory_(Planner(options.planner, seed)) {}

void Engine::restore(Memory memory) {
  memory_ = std::move(memory);
  commands_.clear();
}

void Engine::start_anew() {
  Memory memory(Planner(options_.planner, seed_));
  memory.next_request = memory_.next_request;
  restore(std::move(memory));
}

std::vector<Command> Engine::take_commands() {
  return std::exchange(commands_, {});
}

void Engine::on_link_up(Records& records, Now now) {
  on_link_down(records, now);
  memory_.up = true;
  memory_.link_since = now.steady;
}

void Engine::on_link_down(Records& records, Now now) {
  memory_.up = false;
  memory_.acked = false;
  memory_.identified = false;
  memory_.listed = false;
  memory_.relist_due = false;
  if (memory_.side == Side::Staged) {
    memory_.listed_since_start = false;  // that was not the one in service
    memory_.all_listed = false;
    memory_.listing_knew = false;
  }
  memory_.side = Side::Served;
  memory_.staging = {};
  memory_.accepted.reset();
  memory_.early.clear();
  memory_.early_bytes = 0;
  memory_.requests.clear();
  memory_.held_fetches.clear();
  memory_.weighed.clear();
  memory_.unreadable.clear();
  memory_.unshown.clear();
  memory_.keys_listed.clear();
  memory_.planner.on_link_down();
  // What was asked for of the link that is gone must not reach the next one, which may be another identity's.
  std::erase_if(commands_, [](const Command& command) { return !std::holds_alternative<Note>(command); });
  after_input(records, now);
}

void Engine::on_connection_ack(Records& records, const protocol::ConnectionAck& ack, TimePoint came, Now now) {
  if (!memory_.up || memory_.acked) return;
  memory_.acked = true;
  memory_.acked_at = ack.at;
  memory_.clock.restart(ack.at, came);
  memory_.identified = true;
  Context served(records, memory_, now, options_, commands_);
  identify(served, ack.gateway_id);
  const OnLinkSide on(records, memory_);
  Context context(records, memory_, now, options_, commands_);
  Marks marks = records.marks();
  note_address(context, marks);
  marks.gateway_id = ack.gateway_id;
  ++marks.links;
  marks.horizon = std::max(marks.horizon, ack.at + kHorizonSlack);
  records.put_marks(marks);
  records.reset_sent();
  memory_.acks_unsent = true;
  memory_.link = marks.links;
  begin_round(context);
  const auto early = std::exchange(memory_.early, {});
  memory_.early_bytes = 0;
  for (const auto& event : early) on_event(records, event, now);
  after_input(records, now);
}

void Engine::on_event(Records& records, const protocol::Event& event, Now now) {
  if (!memory_.up) return;
  if (!memory_.acked) {
    if (memory_.early.size() < kMaxEarlyEvents && memory_.early_bytes + event.bytes <= kMaxEarlyBytes) {
      memory_.early.push_back(event);
      memory_.early_bytes += event.bytes;
    }
    // Beyond the limit they are dropped: the full round that follows the ack asks for everything anyway.
    return;
  }
  const OnLinkSide on(records, memory_);
  const Instant expire = now.wall - kEventLife;
  if (!event.correlation_id.empty() && !records.remember(event.correlation_id, now.wall, expire)) {
    // A repetition; only the ack may have to be said again, or a question whose hint a crash took.
    Context context(records, memory_, now, options_, commands_);
    const bool says_more =
        std::holds_alternative<protocol::DeploymentChanged>(event.body) || Resources(context).has_lost_hint(event);
    if (!says_more) return;
  }
  Context context(records, memory_, now, options_, commands_);
  dispatch(context, event);
  context.offers.follow_up();
  after_input(records, now);
}

void Engine::on_events_lost(Records& records, Now now) {
  memory_.planner.want_round(now.steady);
  after_input(records, now);
}

void Engine::on_pong(Records& records, std::int64_t token, Now now) {
  if (!memory_.identified || memory_.side != Side::Served) return;
  records.drop_acks_sent_up_to(token);
  after_input(records, now);
}

void Engine::on_deployment_rows(Records& records, std::uint64_t request,
                                const std::vector<protocol::DeploymentRow>& rows, Now now) {
  const auto found = memory_.requests.find(request);
  if (found == memory_.requests.end()) return;
  Asked& asked = found->second;
  const OnLinkSide on(records, memory_);
  const std::int64_t before = records.last_change();
  Context context(records, memory_, now, options_, commands_);
  Artifacts artifacts(context);
  for (const auto& row : rows) {
    auto stored = records.artifact(row.artifact_id);
    const bool raced = stored && stored->changed > asked.change;
    const bool stopped = records.is_stopped_since({row.kind, row.artifact_id}, asked.change, row.at);
    // Stored is not enough: after a loss of the store, the first listing alone would vouch for the second.
    const bool known = stored && stored->offering.good.is_set();
    asked.rows += 1;
    asked.known_rows += known ? 1 : 0;
    asked.newest = std::max(asked.newest, row.at);
    if (asked.full) records.mark_seen(asked.scope, row.artifact_id);
    artifacts.on_row(std::move(stored),
                     {row.kind, row.artifact_id, row.deployment_id, row.deployed, row.at, row.at_text},
                     {asked.full, raced, memory_.link, asked.when_ms, stopped}, asked);
  }
  asked.differs |= records.last_change() != before;
  context.offers.follow_up();
  after_input(records, now);
}

void Engine::on_resource_rows(Records& records, std::uint64_t request, const std::vector<protocol::ResourceState>& rows,
                              Now now) {
  const auto found = memory_.requests.find(request);
  if (found == memory_.requests.end()) return;
  const Asked asked = found->second;
  const OnLinkSide on(records, memory_);
  Context context(records, memory_, now, options_, commands_);
  Resources resources(context);
  for (const bool active : {true, false}) {  // what ends, last: an application goes with the last of its keys
    for (protocol::ResourceState row : rows) {
      if (row.active != active) continue;
      if (asked.call == Call::Subscriptions && row.artifact_id.empty()) row.artifact_id = scope_of(asked)->artifact_id;
      records.mark_seen(asked.scope, row.id);
      resources.on_row(row, asked);
    }
  }
  context.offers.follow_up();
  after_input(records, now);
}

void Engine::on_documents(Records& records, std::uint64_t request, const std::vector<Document>& documents, Now now) {
  const auto found = memory_.requests.find(request);
  if (found == memory_.requests.end()) return;
  const OnLinkSide on(records, memory_);
  Context context(records, memory_, now, options_, commands_);
  Artifacts artifacts(context);
  for (const Document& document : documents) {
    artifacts.on_document(document);
  }
  context.offers.follow_up();
  after_input(records, now);
}

void Engine::on_existences(Records& records, std::uint64_t request, const std::vector<protocol::Existence>& answers,
                           Now now) {
  const auto found = memory_.requests.find(request);
  if (found == memory_.requests.end()) return;
  const Asked asked = found->second;
  const OnLinkSide on(records, memory_);
  Context context(records, memory_, now, options_, commands_);
  Artifacts artifacts(context);
  for (const auto& answer : answers) artifacts.on_existence(answer, asked);
  look_after_release(context);
  context.offers.follow_up();
  after_input(records, now);
}

void Engine::on_secret_value(Records& records, std::uint64_t request, std::string_view value, Now now) {
  const auto found = memory_.requests.find(request);
  if (found == memory_.requests.end()) return;
  const OnLinkSide on(records, memory_);
  Context context(records, memory_, now, options_, commands_);
  Resources(context).on_secret_value(found->second, value);
  context.offers.follow_up();
  after_input(records, now);
}

void Engine::on_done(Records& records, std::uint64_t request, const RequestOutcome& outcome, Now now) {
  const auto found = memory_.requests.find(request);
  if (found == memory_.requests.end()) return;
  if (outcome.date) memory_.clock.hear(*outcome.date, now.steady);
  Asked asked = std::move(found->second);
  memory_.requests.erase(found);
  const OnLinkSide on(records, memory_);
  Context context(records, memory_, now, options_, commands_);
  if (asked.call == Call::Deployments) list_experimental_keys(context);
  memory_.planner.on_done(asked.call, asked.scope, asked.full, is_answered(asked.call, outcome), outcome.retry_after,
                          now.steady);
  if (asked.call != Call::Deployments) memory_.planner.note_failure(asked.scope, outcome.status);

  switch (asked.call) {
    case Call::FetchBatch:
      end_batch(context, asked, outcome);
      break;
    case Call::SecretValue:
      end_value(context, asked, outcome);
      break;
    case Call::Deployments:
      end_deployments(context, asked, outcome);
      if (outcome.status == 400 && !asked.full) context.doubt();  // `since` was not understood: ask without it
      break;
    case Call::Manifest:
      end_manifest(context, outcome);
      break;
    case Call::Exists:
      if (outcome.complete) hold_unanswered(context, asked);
      break;
    default:
      if (outcome.complete) {
        end_resources(context, asked, outcome);
      } else if (is_unshown(outcome)) {
        end_unshown(context, asked);
      }
      break;
  }
  if (asked.call == Call::Deployments || scope_of(asked)) records.end_listing(asked.scope);
  context.offers.follow_up();
  after_input(records, now);
}

void Engine::on_gateway_presence(Records& records, const std::optional<std::string>& instance, Now now) {
  if (memory_.instance == instance) return;
  memory_.instance = instance;
  after_input(records, now);
}

void Engine::on_push_started(std::int64_t push, std::int64_t after, std::int64_t up_to) {
  memory_.flight = {push, after, up_to};
  memory_.last_push = push;
}

void Engine::on_push_answered(Records& records, const PushAnswered& answer, Now now) {
  land(memory_.flight, answer.push);
  if (answer.push <= memory_.void_push) return;
  Marks marks = records.marks();
  const bool new_instance = marks.answered.instance != answer.instance;
  marks.answered = {answer.instance, answer.epoch, answer.up_to};
  // Whatever the gateway had of the identity before is replaced now.
  if (std::exchange(marks.taking_over, false)) records.drop_others();
  records.put_marks(marks);
  memory_.instance = answer.instance;

  Context context(records, memory_, now, options_, commands_);
  std::map<std::pair<std::string, std::string>, const std::string*> rejected;
  for (const auto& line : answer.rejected) rejected.emplace(std::pair(line.kind, line.id), &line.reason);
  std::set<std::pair<std::string, std::string>> judged;
  records.visit_pushed(answer.after, answer.up_to, answer.push, [&](const Key& key) {
    const auto refusal = rejected.find({key.kind, key.id});
    const Offers::Answer row_answer{answer.push, answer.after, answer.up_to,
                                    refusal == rejected.end() ? nullptr : refusal->second};
    if (auto artifact = records.artifact(key.id); artifact && artifact->kind == key.kind) {
      if (context.offers.on_answer(*artifact, row_answer)) judged.emplace(key.kind, key.id);
    } else if (auto resource = records.resource(key.kind, key.id)) {
      if (context.offers.on_answer(*resource, row_answer)) judged.emplace(key.kind, key.id);
      records.clear_pending(key);
    }
  });
  const auto is_judged = [&judged](const Key& key) { return judged.contains({key.kind, key.id}); };
  context.offers.retry_what_lacked(answer.after, answer.up_to, is_judged);
  if (new_instance) {
    // Another gateway may take what the last one refused; what this one has just refused it has judged itself.
    records.visit_refused([&](const Key& key) {
      if (!is_judged(key)) context.offers.retry(key);
    });
  }
  context.offers.follow_up();
  after_input(records, now);
}

void Engine::on_replacing(Records& records, const std::string& instance, Now now) {
  Marks marks = records.marks();
  if (marks.answered.instance == instance) {
    marks.answered = {};
    records.put_marks(marks);
  }
  after_input(records, now);
}

void Engine::on_line_refused(Records& records, std::int64_t push, const protocol::RejectedLine& line, Now now) {
  land(memory_.flight, push);
  if (push <= memory_.void_push) return;
  Context context(records, memory_, now, options_, commands_);
  context.offers.refuse_line({line.kind, line.id}, push, line.reason);
  context.offers.follow_up();
  after_input(records, now);
}

void Engine::on_identity_accepted(Records& records, const ShownIdentity& shown, Now now) {
  Context context(records, memory_, now, options_, commands_);
  accept_staged(context, shown);
  after_input(records, now);
}

void Engine::on_deadline(Records& records, Now now) {
  memory_.planner.on_deadline(now.steady);
  if (now.steady >= memory_.next_housekeeping) {
    memory_.next_housekeeping = now.steady + kHousekeepingInterval;
    housekeep_one(records, now, Side::Served);
    if (memory_.side == Side::Staged) housekeep_one(records, now, Side::Staged);
  }
  after_input(records, now);
}

std::optional<TimePoint> Engine::next_deadline(TimePoint now) const {
  std::optional<TimePoint> next = memory_.planner.next_deadline(now);
  const auto earlier = [&next](TimePoint at) { next = next ? std::min(*next, at) : at; };
  earlier(memory_.next_housekeeping);
  for (const auto& [key, held] : memory_.held_fetches) {
    if (held.until > now) earlier(held.until);
  }
  for (const auto& [handle, one] : memory_.unconfirmed) {
    if (one.due > now) earlier(one.due);
  }
  return next;
}

void Engine::after_input(Records& records, Now now) {
  records.work_on(Side::Served);
  Context context(records, memory_, now, options_, commands_);
  settle(context);
  if (memory_.identified) ask(records, now);
  if (memory_.identified) send_acks(context);
  consider_switch(context);
  if (update_standing(records, memory_).removals) {
    memory_.next_housekeeping = std::min(memory_.next_housekeeping, now.steady + kRemovalRetry);
  }
}

void Engine::ask(Records& records, Now now) {
  const OnLinkSide on(records, memory_);
  Context context(records, memory_, now, options_, commands_);
  forget_unasked(context);
  Planner& planner = memory_.planner;
  while (const auto slot = planner.start_listing(now.steady)) {
    Asked asked;
    asked.call = slot->call;
    asked.scope = slot->scope;
    asked.full = slot->full;
    const bool manifest = slot->call == Call::Manifest;
    if (!manifest) records.begin_listing(slot->scope);
    if (slot->full) memory_.full_asked = now.steady;
    send_request(context, std::move(asked), manifest ? "POST" : "GET", listing_path(context, *slot),
                 manifest ? options_.manifest : "");
  }
  ask_swept(context);
  ask_follow_ups(context);
}

}  // namespace tether::sync
