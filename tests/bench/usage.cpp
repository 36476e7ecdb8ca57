#include "usage.h"

#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

namespace tether::bench {

double cpu_seconds(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(file, line);
  const auto name_end = line.rfind(')');  // a name may hold anything
  if (name_end == std::string::npos) return 0;
  std::istringstream rest(line.substr(name_end + 1));
  constexpr int kBeforeTimes = 11;  // proc(5): utime is field 14, the name field 2
  std::string skipped;
  for (int i = 0; i < kBeforeTimes; ++i) rest >> skipped;
  double user = 0;
  double system = 0;
  rest >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

std::uint64_t private_dirty_kb(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/smaps_rollup");
  for (std::string word; file >> word;) {
    std::uint64_t kb = 0;
    if (word == "Private_Dirty:" && file >> kb) return kb;
  }
  return 0;
}

}  // namespace tether::bench
