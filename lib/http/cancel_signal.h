#pragma once

namespace tether::http {

/// Wakes a thread that waits for a socket, from any other; once raised it stays so.
class CancelSignal {
 public:
  CancelSignal();
  ~CancelSignal();
  CancelSignal(const CancelSignal&) = delete;
  CancelSignal& operator=(const CancelSignal&) = delete;

  void raise() noexcept;
  /// Readable once raised: to be waited for beside a socket.
  int fd() const { return fd_; }

 private:
  int fd_;
};

}  // namespace tether::http
