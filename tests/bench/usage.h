#pragma once

#include <sys/types.h>

#include <cstdint>

namespace tether::bench {

/// The processor's time that a process has taken so far, in seconds, of its ended threads too.
double cpu_seconds(pid_t pid);
/// Memory that is the process's alone and was written to.
std::uint64_t private_dirty_kb(pid_t pid);

}  // namespace tether::bench
