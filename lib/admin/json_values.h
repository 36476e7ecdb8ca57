#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "tether/base/time.h"

/// How values are written into the endpoint's JSON, as the sources of this library see it: what is unknown is null.
namespace tether {

using OrderedJson = nlohmann::ordered_json;

inline OrderedJson text_or_null(std::string_view text) {
  return text.empty() ? OrderedJson() : OrderedJson(text);
}

inline OrderedJson time_or_null(Instant at) {
  return at.is_set() ? OrderedJson(format_rfc3339_ms(at)) : OrderedJson();
}

}  // namespace tether
