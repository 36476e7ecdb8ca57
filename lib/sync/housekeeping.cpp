#include "tether/sync/housekeeping.h"

#include <algorithm>

#include "tether/sync/engine.h"
#include "tether/sync/resources.h"

namespace tether::sync {

void housekeep(Context& context) {
  Records& records = context.records;
  // The link asks and answers for its own identity alone.
  const bool is_linked = context.memory.identified && records.side() == context.memory.side;
  // What waits for a secret that was not in the list is not left to the next poll.
  if (is_linked && records.open_work().waiting)
    context.memory.planner.plan(Call::Secrets, "secrets", context.now.steady);
  records.visit_refused([&context, &records](const Key& key) {
    const auto refused_at = [&records, &key] {
      if (const auto artifact = records.artifact(key.id); artifact && artifact->kind == key.kind) {
        return artifact->offering.refused;
      }
      const auto resource = records.resource(key.kind, key.id);
      return resource ? resource->offering.refused : std::nullopt;
    }();
    if (!refused_at) return;
    const auto age = context.now.wall - refused_at->since;
    const bool removal = !refused_at->version.is_set();
    // A clock that was set back makes it due as well: one try too many does no harm.
    if (age < 0s || age >= kRefusalRetry || (removal && age >= kRemovalRetry / 2)) context.offers.retry(key);
  });
  const Planner& planner = context.memory.planner;
  const bool asked_for_all = is_linked && planner.first_round_done() && !planner.sweeps_at_once();
  if (asked_for_all) Resources(context).forget_settled_pending();
  Marks marks = records.marks();
  std::int64_t floor = marks.floor;
  records.visit_tombstones(marks.answered.revision, context.now.wall - kEventLife,
                           [&records, &floor](const Key& key, std::int64_t revision) {
                             const auto artifact = records.artifact(key.id);
                             const auto resource = records.resource(key.kind, key.id);
                             const bool refused =
                                 (artifact && artifact->offering.refused) || (resource && resource->offering.refused);
                             if (refused) return;  // the gateway still has it
                             // A row or an event has named it again, and only this remembers that.
                             if (artifact && artifact->question != Question::None) return;
                             floor = std::max(floor, revision);
                             records.erase(key);
                           });
  if (floor != marks.floor) {
    marks.floor = floor;
    records.put_marks(marks);
  }
}

void Engine::housekeep_one(Records& records, Now now, Side side) {
  records.work_on(side);
  Context context(records, memory_, now, options_, commands_);
  housekeep(context);
  context.offers.follow_up();
}

}  // namespace tether::sync
