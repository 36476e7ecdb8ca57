#include "tether/sync/acks.h"

#include "tether/protocol/frames.h"
#include "tether/sync/rule.h"

namespace tether::sync {
namespace {

/// Frames handed to the link at once; the rest follows when these were read.
constexpr std::size_t kAcksAtOnce = 500;

OutboxRow outbox_row(const Artifact& artifact, bool success) {
  OutboxRow row;
  row.artifact_id = artifact.id;
  row.kind = artifact.kind;
  row.deployment_id = artifact.deployment_id;
  row.deploy = artifact.wanted == Wanted::Deployed;
  row.success = success;
  row.at_text = artifact.at_text;
  row.at = artifact.at;
  return row;
}

}  // namespace

void put_success(Context& context, const Artifact& artifact) {
  context.records.put_ack(outbox_row(artifact, /*success=*/true));
  context.memory.acks_unsent = true;
}

bool answer_is_current(Context& context) {
  const Answered answered = context.records.marks().answered;
  return context.memory.instance && *context.memory.instance == answered.instance &&
         answered.epoch == context.records.epoch();
}

void settle(Context& context) {
  if (!answer_is_current(context)) return;
  const std::int64_t answered = context.records.marks().answered.revision;
  const Instant present = context.memory.clock.present(context.now.steady);
  context.records.visit_may_settle(answered, [&context, present](const Artifact& found) {
    Artifact artifact = found;
    const auto settlement = judge_settlement(artifact, present - artifact.at);
    if (settlement == Settlement::Wait) return;
    if (settlement == Settlement::Success) {
      artifact.verdict = Verdict::Success;
      put_success(context, artifact);
    } else {
      artifact.verdict = Verdict::Failed;
      if (settlement == Settlement::Failed && context.options.report_failures) {
        context.records.put_ack(outbox_row(artifact, /*success=*/false));
        context.memory.acks_unsent = true;
      }
    }
    artifact.may_settle = may_settle(artifact);
    context.records.put(artifact);
    context.records.clear_pending({artifact.kind, artifact.id});
  });
}

void send_acks(Context& context) {
  Memory& memory = context.memory;
  if (!memory.identified || memory.side != Side::Served || !memory.acks_unsent) return;
  // From when it was in service before: the gateway has none of it again until it has answered.
  if (context.records.marks().taking_over) return;
  const auto rows = context.records.unsent_acks(kAcksAtOnce);
  memory.acks_unsent = rows.size() == kAcksAtOnce;
  if (rows.empty()) return;
  const Instant present = memory.clock.present(context.now.steady);
  const std::int64_t token = ++memory.ping_token;
  for (const OutboxRow& row : rows) {
    if (row.success) {
      context.records.mark_sent(row.artifact_id, token);
    } else {
      // At most once: struck before it is sent. Its loss costs nothing, the control plane's time-out says the same.
      context.records.drop_ack(row.artifact_id);
      if (present - row.at >= kFailedWithin) continue;
    }
    protocol::Ack ack{row.deployment_id, row.artifact_id, row.kind, row.deploy, row.success, row.at_text};
    context.commands.emplace_back(
        SendFrame{protocol::write_ack(ack), row.success, row.artifact_id, row.deployment_id, row.deploy});
  }
  context.commands.emplace_back(SendPing{token});
}

}  // namespace tether::sync
