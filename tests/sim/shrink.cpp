#include "shrink.h"

#include <algorithm>
#include <utility>

namespace tether::sim {
namespace {

using Numbers = std::vector<std::int64_t>;

class Shrinker {
 public:
  Shrinker(WorldOptions options, const StillFails& still_fails)
      : options_(std::move(options)), still_fails_(still_fails) {}

  /// Leaves out as many of `numbers` as can be spared and keeps the others.
  void spare(Numbers numbers) {
    std::size_t parts = 2;
    while (!numbers.empty() && has_tries()) {
      const std::size_t size = (numbers.size() + parts - 1) / parts;
      bool spared = false;
      for (std::size_t from = 0; from < numbers.size() && has_tries();) {
        const std::size_t to = std::min(from + size, numbers.size());
        const auto begin = numbers.begin() + static_cast<std::ptrdiff_t>(from);
        const auto end = numbers.begin() + static_cast<std::ptrdiff_t>(to);
        if (try_without({begin, end})) {
          numbers.erase(begin, end);
          spared = true;
        } else {
          from = to;
        }
      }
      if (size == 1 && !spared) return;
      if (!spared) parts = std::min(parts * 2, numbers.size());
      if (spared) parts = std::max<std::size_t>(2, std::min(parts, numbers.size()));
    }
  }

  bool try_without(const Numbers& numbers) {
    WorldOptions fewer = options_;
    fewer.suppressed.insert(numbers.begin(), numbers.end());
    ++tries_;
    if (!still_fails_(fewer)) return false;
    options_ = std::move(fewer);
    return true;
  }

  bool has_tries() const { return tries_ < kMaxShrinkTries; }
  const WorldOptions& options() const { return options_; }
  int tries() const { return tries_; }

 private:
  WorldOptions options_;
  const StillFails& still_fails_;
  int tries_ = 0;
};

bool is_operation(const Action& action) {
  return action.kind == ActionKind::Operation || action.kind == ActionKind::LostOperation;
}

}  // namespace

Shrunk shrink(const WorldOptions& options, std::optional<Duration> until, const StillFails& still_fails) {
  Shrinker shrinker(options, still_fails);
  const auto actions = plan_actions(options);
  const auto left = [&](const auto& wanted) {
    Numbers numbers;
    for (const Action& action : actions) {
      if (!shrinker.options().suppressed.contains(action.number) && wanted(action)) numbers.push_back(action.number);
    }
    return numbers;
  };
  if (until) {
    const auto later = left([&](const Action& action) { return action.at > *until; });
    if (!later.empty()) shrinker.try_without(later);
  }
  // Most faults have nothing to do with it, and without them fewer operations do.
  shrinker.spare(left([](const Action& action) { return !is_operation(action); }));
  shrinker.spare(left(is_operation));
  shrinker.spare(left([](const Action&) { return true; }));

  Shrunk shrunk{shrinker.options(), {}, shrinker.tries()};
  for (const Action& action : actions) {
    if (!shrunk.options.suppressed.contains(action.number)) shrunk.left.push_back(action);
  }
  return shrunk;
}

}  // namespace tether::sim
