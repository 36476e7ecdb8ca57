#pragma once

#include <string>

#include "tether/protocol/frames.h"

namespace tether::protocol {

/// What an event is about, as far as it says so.
struct Subject {
  std::string kind;           ///< Empty: of an unknown type.
  std::string id;             ///< As the gateway gets it; of a key that the event only names, `<artifact id>/<name>`.
  std::string deployment_id;  ///< Of `*.deployed` and `*.undeployed`.
  friend bool operator==(const Subject&, const Subject&) = default;
};

Subject subject_of(const Event& event);

}  // namespace tether::protocol
