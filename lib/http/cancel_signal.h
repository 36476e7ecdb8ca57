#pragma once

#include <atomic>

namespace tether::http {

/// Wakes a thread that waits for a socket, from any other; once raised it stays so.
class CancelSignal {
 public:
  CancelSignal() { static_cast<void>(is_ready()); }
  ~CancelSignal();
  CancelSignal(const CancelSignal&) = delete;
  CancelSignal& operator=(const CancelSignal&) = delete;

  /// False: this process has no descriptor left for it (errno says why), and nobody who waits could be woken. Tries
  /// again each time that it is asked; by the one thread that waits.
  bool is_ready();
  void raise() noexcept;
  /// Readable once raised: to be waited for beside a socket. Negative unless it is ready.
  int fd() const { return fd_; }

 private:
  std::atomic<int> fd_ = -1;
  std::atomic<bool> is_raised_ = false;
};

}  // namespace tether::http
