#pragma once

#include <cstdint>

namespace tether::sync::test {

/// Counts what SQLite does on all connections that are opened in its lifetime: the same for the same inputs on every
/// machine, so that a test can say what an input may cost. One at a time.
class Effort {
 public:
  Effort();
  ~Effort();
  Effort(const Effort&) = delete;
  Effort& operator=(const Effort&) = delete;

  std::int64_t statements = 0;  ///< Run so far.
  std::int64_t steps = 0;       ///< Of SQLite's virtual machine; each row that is looked at takes some.
};

}  // namespace tether::sync::test
