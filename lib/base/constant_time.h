#pragma once

#include <cstddef>
#include <string_view>

namespace tether {

/// Whether `given` is `secret`, in a time that tells nothing of where they differ: it follows the length of `given`
/// alone.
inline bool is_equal_in_constant_time(std::string_view given, std::string_view secret) {
  // Volatile, so that no compiler ends the loop early.
  volatile unsigned char differs = given.size() == secret.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const char expected = secret.empty() ? '\0' : secret[i % secret.size()];
    differs = static_cast<unsigned char>(differs | static_cast<unsigned char>(given[i] ^ expected));
  }
  return differs == 0;
}

}  // namespace tether
