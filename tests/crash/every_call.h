#pragma once

#include <functional>
#include <memory>
#include <string>

#include "world.h"

namespace tether::test {

/// What a daemon does in a world of its own until it is cut, and what must be so when it has been started again.
class Script {
 public:
  virtual ~Script() = default;
  /// Starts the daemon that is to be cut. False: it was ended before its last step.
  virtual bool lives(const Cut& cut) = 0;
  /// After any end. `variant` is true each second time, for what can be found in two ways.
  virtual void recover(bool variant) = 0;
};

using MakeScript = std::function<std::unique_ptr<Script>(World&)>;

/// Plays the script again and again, cut at a later call each time, until it lives to its end. Every `stride`-th call
/// from an offset that is drawn and printed; TETHER_EVERY_CALL=1 takes each, TETHER_SEED repeats one, and TETHER_CALL
/// begins with that call.
void cut_at_each_call(const MakeScript& make, const std::string& how, std::uint64_t stride);

template <class S>
void cut_at_each_call(const std::string& how, std::uint64_t stride) {
  cut_at_each_call([](World& world) { return std::make_unique<S>(world); }, how, stride);
}

/// Starts the daemon with the control plane away, and leaves it so: what is stored is served, and nothing of what the
/// gateway had is missing that must be there.
void check_start_alone(World& world, bool empty_gateway);
bool comes_to_be_in_sync(World& world);
/// Both sides come to agree, the daemon says so, and nothing was seen that must not be.
void check_that_all_agrees(World& world);

}  // namespace tether::test
