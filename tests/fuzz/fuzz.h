#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

/// The entry point that libFuzzer calls with each input; nothing else declares it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace tether::fuzz {

inline std::string_view as_text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace tether::fuzz
