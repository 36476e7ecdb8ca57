#include "tether/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace tether {

void check(bool holds, std::string_view what, const char* file, int line) {
  if (holds) return;
  std::fprintf(stderr, "tetherd: broken assumption: %.*s (%s:%d)\n", static_cast<int>(what.size()), what.data(), file,
               line);
  std::abort();
}

}  // namespace tether
