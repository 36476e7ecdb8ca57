#include "tether/base/controls.h"

#include <algorithm>

namespace tether {

std::string without_controls(std::string_view text) {
  std::string out(text);
  std::ranges::replace_if(out, is_control, '?');
  return out;
}

}  // namespace tether
