#pragma once

#include <functional>
#include <map>
#include <string>

#include "tether/base/result.h"

namespace tether::terminal {

/// What the command does, besides choosing its words.
struct ResourcesEnds {
  /// Asks `/resources`. Retry: nobody answers. Reject: it says why it cannot.
  std::function<Result<std::string>(const std::multimap<std::string, std::string>& asked)> ask;
  std::function<Result<std::string>()> events;  ///< Asks `/events`, all of them; errors alike.
  std::function<void(const std::string&)> say;
  std::function<void(const std::string&)> complain;
};

struct ResourcesWishes {
  std::string name = {};   ///< An id, a handle or a name: that one alone, with all that is known of it. Empty: a list.
  std::string kind = {};   ///< Empty: any.
  std::string state = {};  ///< Empty: all but those that are gone.
  bool json = false;       ///< A JSON object a line.
  bool colours = false;
};

/// `tetherd resources`. It asks a page at a time and keeps none. False: the daemon does not answer, nothing goes by
/// that name, or nothing is listed and the kind is none that is known.
bool run_resources(const ResourcesEnds& ends, const ResourcesWishes& wishes);

}  // namespace tether::terminal
