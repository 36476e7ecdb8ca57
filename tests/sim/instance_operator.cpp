#include "instance.h"
#include "world.h"

/// What an operator does who has read /status.
namespace tether::sim {

void Instance::agree_to_replacement() {
  // Who has looked at the control plane knows that it has what is missing.
  if (!running_ || !daemon_.is_storing() || has(Trouble::Emptied)) return;
  if (const auto held = daemon_.courier().held()) {
    note("an operator lets the gateway have " + std::to_string(held->would_get) + " for " + std::to_string(held->has));
    daemon_.courier().release_hold(*held, world_.now().steady);
    if (seen.store_lost) seen.store_lost->released = true;
    // It is of the identity that is stored, whether or not its control plane can be reached now.
    std::string gateway_id;
    daemon_.look([&gateway_id](sync::Records& records) { gateway_id = records.marks().gateway_id; });
    const std::size_t stored = world_.number_of(gateway_id);
    if (seen.identity != stored) seen.consented = stored;
  }
}

void Instance::agree_to_deletions() {
  if (running_ && daemon_.is_storing() && !has(Trouble::Emptied)) agree_to_what_is_held();
}

/// Whether or not it is true that it is missing.
void Instance::agree_to_what_is_held() {
  std::vector<sync::ShownHold> shown;
  const auto overview = daemon_.overview();
  if (!overview) return;
  for (const auto& hold : overview->holds) shown.push_back({hold.scope, hold.noted});
  if (shown.empty()) return;
  seen.agreed_on = connection_;
  seen.left_behind.clear();
  note("an operator agrees to what is held by " + std::to_string(shown.size()) + " listings");
  daemon_.give([shown](sync::Engine& engine, sync::Records& records,
                       sync::Now now) { engine.on_release_deletions(records, shown, now); },
               world_.now());
}

void Instance::agree_to_identity() {
  const auto& standing = daemon_.engine().standing();
  if (!running_ || !acked_ || !sync::needs_operator(standing.staged_lack)) return;
  const auto overview = daemon_.overview();
  if (!overview || !overview->staged) return;
  note("an operator accepts " + standing.staged_gateway_id);
  seen.consented = standing.staged_gateway_id == peer_->gateway_id() ? world_.number_of(*peer_) : seen.consented;
  const sync::ShownIdentity shown{standing.staged_gateway_id, std::string(to_string(standing.staged_lack)),
                                  overview->staged->resources, overview->offered_count};
  daemon_.give([shown](sync::Engine& engine, sync::Records& records,
                       sync::Now now) { engine.on_identity_accepted(records, shown, now); },
               world_.now());
}

}  // namespace tether::sim
