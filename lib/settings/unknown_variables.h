#pragma once

#include <optional>
#include <string>
#include <vector>

namespace tether {

/// A variable that begins like one of ours and is none: most likely a slip, which would otherwise change nothing in
/// silence.
struct UnknownVariable {
  std::string name;
  std::string closest;  ///< The name of ours that differs least from it.

  /// `TETHER_LOG_LEVLE: no such setting, TETHER_LOG_LEVEL is the closest`. The value, which may be a secret, is not
  /// repeated.
  std::string sentence() const;
};

/// Of these names those that begin with `TETHER_` and are no setting, in their order.
std::vector<UnknownVariable> unknown_variables(const std::vector<std::string>& names);

/// The names in the process's own environment, sorted. Before any thread is made.
std::vector<std::string> process_variable_names();

}  // namespace tether
