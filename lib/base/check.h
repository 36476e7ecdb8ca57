#pragma once

#include <string_view>

namespace tether {

/// Aborts, in release builds too, with `what` and the place if `holds` is false. For broken assumptions of our own,
/// never for what came from the network, the disk or the user.
/// The place comes from builtins because clang 14 has no std::source_location with this standard library.
void check(bool holds, std::string_view what, const char* file = __builtin_FILE(), int line = __builtin_LINE());

}  // namespace tether
