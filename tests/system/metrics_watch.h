#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "scene.h"

namespace tether::test {

/// What `/metrics` serves, by series as it is written there: `name{label="value"}`.
using Series = std::map<std::string, double>;
Series scrape(const std::string& admin);

/// Which series have been moved, by what was done to move them. One for the daemons of a whole test.
class MetricsWatch {
 public:
  /// Waits until all in `from` have the values there, and runs `action`. Each of the series must come to have another
  /// value than before; one that is not there counts as 0. A name without its labels stands for all series of that
  /// name, of which one must move: for labels that are made as they come. Requires a daemon that answers.
  void moves(Scene& scene, const std::vector<std::string>& series, const std::function<void()>& action,
             const Series& from = {});

  /// The same for what has been done since the daemon was started.
  void have_moved(Scene& scene, const std::vector<std::string>& series) { wait(scene, {}, series); }

  /// Every series that was served and that no action was seen to move.
  std::set<std::string> unmoved() const;
  /// The names of all that was served, without labels; of a histogram its own.
  std::set<std::string> names() const;

 private:
  void wait(Scene& scene, const Series& before, const std::vector<std::string>& series);

  std::set<std::string> served_;
  std::set<std::string> moved_;
};

}  // namespace tether::test
