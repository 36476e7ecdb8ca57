#include "status_parts.h"

#include <algorithm>
#include <random>
#include <utility>

#include "tether/sync/brake.h"

namespace tether::daemon {
namespace {

std::optional<std::string> unless_empty(std::string text) {
  if (text.empty()) return std::nullopt;
  return text;
}

ControlPlaneStatus::State translate(link::State state) {
  switch (state) {
    case link::State::Standalone:
      return ControlPlaneStatus::State::Standalone;
    case link::State::Connecting:
      return ControlPlaneStatus::State::Connecting;
    case link::State::Connected:
      return ControlPlaneStatus::State::Connected;
    case link::State::Reconnecting:
      return ControlPlaneStatus::State::Reconnecting;
    case link::State::Rejected:
      return ControlPlaneStatus::State::Rejected;
    case link::State::Disconnected:
      break;
  }
  return ControlPlaneStatus::State::Disconnected;
}

GatewayStatus::State translate(delivery::GatewayCondition condition) {
  switch (condition) {
    case delivery::GatewayCondition::Away:
      return GatewayStatus::State::Away;
    case delivery::GatewayCondition::Connecting:
      return GatewayStatus::State::Connecting;
    case delivery::GatewayCondition::Behind:
      return GatewayStatus::State::Behind;
    case delivery::GatewayCondition::InSync:
      return GatewayStatus::State::InSync;
    case delivery::GatewayCondition::Refusing:
      break;
  }
  return GatewayStatus::State::Refusing;
}

HoldNote::State translate(sync::Release release) {
  switch (release) {
    case sync::Release::None:
      return HoldNote::State::Held;
    case sync::Release::Asked:
      return HoldNote::State::Asked;
    case sync::Release::Released:
      break;
  }
  return HoldNote::State::Released;
}

ResourceNote note(const store::NamedResource& resource, const Redactor& redactor) {
  ResourceNote shown{resource.kind,     resource.id,     unless_empty(resource.handle), std::nullopt, resource.since,
                     resource.next_try, resource.listing};
  shown.reason = unless_empty(redactor.redact(resource.reason));
  return shown;
}

}  // namespace

void describe_link(const link::Snapshot& link, Status& status) {
  ControlPlaneStatus& shown = status.control_plane;
  const auto state = translate(link.state);
  if (!shown.state_since || shown.state != state) shown.state_since = Clock::now();
  shown.state = state;
  shown.next_attempt = link.next_attempt;
  shown.is_looking_out = link.is_looking_out;
  shown.last_error = unless_empty(link.last_error);
  shown.advice = unless_empty(link.advice);
}

void describe_sync(const sync::Standing& standing, const sync::Marks& marks, Freshness fresh, Status& status) {
  ControlPlaneStatus& shown = status.control_plane;
  shown.gateway_id = unless_empty(marks.gateway_id);
  shown.other_gateway_id = unless_empty(standing.other_gateway_id);
  shown.last_proven_sync = standing.proven;
  if (standing.staged_gateway_id.empty()) {
    shown.staged.reset();
  } else {
    if (!shown.staged || shown.staged->gateway_id != standing.staged_gateway_id) {
      shown.staged.emplace();
      shown.staged->gateway_id = standing.staged_gateway_id;
    }
    shown.staged->waits_for = sync::to_string(standing.staged_lack);
    shown.staged->needs_operator = sync::needs_operator(standing.staged_lack);
    shown.staged->accepted = standing.staged_accepted;
  }
  const auto show = [&fresh](bool& agreement, bool holds) {
    agreement = holds && fresh.link && fresh.stored && (fresh.lists || agreement);
  };
  const bool gateway = status.gateway.state == GatewayStatus::State::InSync;
  show(shown.in_sync, standing.in_sync);
  show(status.in_sync, standing.in_sync && gateway);
  show(status.settled, standing.settled && gateway);
}

void withdraw_agreement(Status& status) {
  status.control_plane.in_sync = false;
  status.in_sync = false;
  status.settled = false;
}

void describe_gateway(const delivery::Courier& courier, std::string last_error, Status& status) {
  GatewayStatus& shown = status.gateway;
  const auto state = translate(courier.condition());
  if (!shown.state_since || shown.state != state) shown.state_since = Clock::now();
  shown.state = state;
  shown.instance = courier.present_instance();
  shown.applied_revision.reset();
  if (shown.instance && courier.gateway_state()) shown.applied_revision = courier.gateway_state()->revision;
  shown.has_answered_push = courier.has_answered_push();
  shown.last_proven_sync = courier.proven_at();
  shown.held_push.reset();
  if (const auto held = courier.held()) {
    shown.held_push = HeldPush{held->instance, held->epoch, held->revision, held->has, held->would_get};
  }
  shown.last_error = unless_empty(std::move(last_error));
}

StoreLists lists_of(const store::Overview& overview, const Redactor& redactor, Duration release_after) {
  const auto notes = [&redactor](const std::vector<store::NamedResource>& resources) {
    std::vector<ResourceNote> shown_notes;
    shown_notes.reserve(resources.size());
    for (const auto& resource : resources) shown_notes.push_back(note(resource, redactor));
    return shown_notes;
  };
  StoreLists lists;
  for (const auto& [kind, count] : overview.offered_by_kind) lists.resources[kind] = static_cast<std::uint64_t>(count);
  for (const auto& [type, at] : overview.event_timestamps) lists.event_timestamps[type] = at;
  lists.quarantined = notes(overview.quarantined);
  lists.held = notes(overview.held);
  lists.holds.reserve(overview.holds.size());
  for (sync::Hold hold : overview.holds) {
    hold.release = sync::release_under(hold, overview.links);
    lists.holds.push_back({hold.scope, translate(hold.release), hold.since, static_cast<std::uint64_t>(hold.would_go),
                           static_cast<std::uint64_t>(hold.in_service), sync::releases_in(hold, release_after),
                           hold.noted});
  }
  lists.waiting = notes(overview.waiting);
  lists.best_effort_kinds = overview.best_effort_kinds;
  return lists;
}

void describe_store(const store::Overview& overview, StoreLists& lists, Status& status) {
  StoreStatus& shown = status.store;
  shown.revision = overview.revision;
  shown.unanswered = static_cast<std::uint64_t>(overview.unanswered);
  shown.size_bytes = static_cast<std::uint64_t>(overview.size_bytes);
  shown.outbox_acks = static_cast<std::uint64_t>(overview.outbox_acks);
  if (const auto& staged = overview.staged) {
    auto& shown_staged = status.control_plane.staged;
    if (!shown_staged || shown_staged->gateway_id != staged->gateway_id) shown_staged.emplace();
    shown_staged->gateway_id = staged->gateway_id;
    shown_staged->since = staged->since;
    shown_staged->deployed = static_cast<std::uint64_t>(staged->deployed);
    shown_staged->documents = static_cast<std::uint64_t>(staged->deployed - staged->without_document);
    shown_staged->resources = static_cast<std::uint64_t>(staged->resources);
  }
  shown.resources.swap(lists.resources);
  status.event_timestamps.swap(lists.event_timestamps);
  status.quarantined.swap(lists.quarantined);
  status.held.swap(lists.held);
  status.holds.swap(lists.holds);
  status.waiting.swap(lists.waiting);
  status.best_effort_kinds.swap(lists.best_effort_kinds);
  status.counts.quarantined = static_cast<std::uint64_t>(overview.quarantined_count);
  status.counts.waiting = static_cast<std::uint64_t>(overview.waiting_count);
  status.counts.held = static_cast<std::uint64_t>(overview.held_count);
}

std::string_view result_name(const delivery::PushOutcome& outcome) {
  const auto* problem = std::get_if<delivery::GatewayProblem>(&outcome.answer);
  if (problem == nullptr) return "applied";
  if (problem->failure == delivery::GatewayFailure::Timeout || problem->failure == delivery::GatewayFailure::Gone) {
    return "no_answer";
  }
  if (problem->status == 409) return "elsewhere";
  const bool refused = problem->status == 400 || problem->status == 413 || problem->status == 422;
  return refused ? "refused" : "failed";
}

std::string new_epoch() {
  std::random_device random;
  std::string epoch;
  for (int word = 0; word < 4; ++word) {
    std::uint32_t bits = random();
    for (int nibble = 0; nibble < 8; ++nibble, bits >>= 4U) epoch += "0123456789abcdef"[bits & 0xFU];
  }
  return epoch;
}

}  // namespace tether::daemon
