#include "tether/sync/sweep.h"

#include <algorithm>
#include <utility>

#include "tether/protocol/kinds.h"
#include "tether/sync/listings.h"
#include "tether/sync/questions.h"

namespace tether::sync {
namespace {

void pace(Context& context) {
  std::int64_t artifacts = 0;
  for (const std::string_view kind : kSweptKinds) artifacts += context.records.count_deployed(kind);
  context.memory.planner.pace(artifacts, context.now.steady);
}

/// What was noted while the sweep went on, or made it begin, is asked about once more: now it may be confirmed.
void confirm_absences(Context& context, Call call, std::string_view kind) {
  Memory& memory = context.memory;
  context.records.visit_absent(kind, memory.link, [&](const std::string& artifact_id, std::int64_t asked_ms) {
    const std::string scope = scope_of_artifact(call, artifact_id);
    if (context.records.hold(scope)) return;  // the brake asks
    memory.weighed[scope] = context.now.steady;
    const TimePoint again = memory.link_since + std::chrono::milliseconds(asked_ms) + kConfirmAfter;
    memory.planner.want(call, scope, std::max(again, context.now.steady));
  });
}

void confirm_absences(Context& context) {
  context.memory.weighed.clear();
  confirm_absences(context, Call::Subscriptions, protocol::kSubscription);
  confirm_absences(context, Call::HmacSecrets, protocol::kHmacSecret);
}

void start(Context& context, Call call, const std::string& artifact_id) {
  Asked asked;
  asked.call = call;
  asked.scope = scope_of_artifact(call, artifact_id);
  if (!context.memory.planner.start_swept(call, artifact_id, context.now.steady)) return;
  context.records.begin_listing(asked.scope);
  std::string path = listing_path(context, {call, asked.scope, false});
  send_request(context, std::move(asked), "GET", std::move(path), "");
}

}  // namespace

void ask_swept(Context& context) {
  Planner& planner = context.memory.planner;
  for (;;) {
    if (planner.awaits_pace()) pace(context);
    if (planner.is_sweep_over()) {
      const bool at_once = planner.sweeps_at_once();
      planner.end_sweep();
      if (at_once) confirm_absences(context);
      continue;
    }
    if (!planner.may_sweep(context.now.steady)) return;
    const Planner::Sweep sweep = *planner.sweep();
    const auto next = context.records.next_deployed(sweep.kind, sweep.after);
    if (next) {
      start(context, sweep.kind == kSweptKinds.front() ? Call::Subscriptions : Call::HmacSecrets, *next);
    } else {
      planner.end_sweep_of_kind();
    }
  }
}

void list_coming(Context& context, Call call, const std::string& artifact_id, TimePoint at) {
  Memory& memory = context.memory;
  const std::string_view kind = call == Call::Subscriptions ? protocol::kSubscription : protocol::kHmacSecret;
  // Read only where others are weighed: in a burst of deployments it would be a read for each.
  const auto has_some = [&] {
    const auto stored = context.records.resources_of(artifact_id);
    return std::any_of(stored.begin(), stored.end(), [kind](const Key& key) { return key.kind == kind; });
  };
  const bool counts = (memory.planner.sweeps_at_once() || !memory.weighed.empty()) && has_some();
  if (counts) memory.weighed.clear();
  memory.planner.want_of_artifact(call, scope_of_artifact(call, artifact_id), at, counts);
}

bool is_weighed(const Context& context, const std::string& scope) {
  const auto found = context.memory.weighed.find(scope);
  return found != context.memory.weighed.end() && context.now.steady - found->second <= kWeighedFor;
}

}  // namespace tether::sync
