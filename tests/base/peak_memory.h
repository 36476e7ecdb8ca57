#pragma once

#include <fstream>
#include <string>

namespace tether::test {

/// The most memory that this process ever had, in MiB. 0: the kernel does not say.
inline std::size_t peak_memory_mib() {
  std::ifstream file("/proc/self/status");
  std::string word;
  while (file >> word && word != "VmHWM:") continue;
  std::size_t kib = 0;
  file >> kib;
  return kib / 1024;
}

}  // namespace tether::test
