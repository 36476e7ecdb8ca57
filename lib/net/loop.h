#pragma once

#include <functional>
#include <memory>

#include "tether/base/time.h"

namespace tether::net {

/// The one event loop. Everything made on it lives on the thread that calls `run`, and no callback may block or throw.
class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Runs callbacks until `stop`. Can be called again after that.
  void run();
  /// Thread-safe. `run` returns after the callback under way.
  void stop();
  /// Runs `work` on the loop thread, never inside the call. Thread-safe; in the order of the calls of one thread.
  void post(std::function<void()> work);

  /// SIGTERM and SIGINT call this instead of ending the process; each later one calls it again.
  void on_terminate(const std::function<void()>& callback);
  /// SIGHUP calls this instead of ending the process.
  void on_reload(const std::function<void()>& callback);
  /// Likewise SIGUSR1.
  void on_user_signal(const std::function<void()>& callback);

  /// Only for the sources of this library.
  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

/// Calls back once at a time. Loop thread only; may be destroyed in its own callback.
class Timer {
 public:
  Timer(Loop& loop, std::function<void()> callback);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  /// Replaces the time it was armed for, if any. A time that has passed calls back from the loop, not inside the call.
  void arm(TimePoint at);
  /// No call back after this, even if it was due.
  void cancel();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  ///< Shared with the wait under way, which may outlive the handle by one turn.
};

/// Calls back whenever a descriptor can be read. Does not own the descriptor, which must outlive it. Loop thread only;
/// may be destroyed in its own callback, which must read until nothing is left.
class FdWatch {
 public:
  FdWatch(Loop& loop, int fd, std::function<void()> on_readable);
  ~FdWatch();
  FdWatch(const FdWatch&) = delete;
  FdWatch& operator=(const FdWatch&) = delete;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  ///< Shared with the wait under way, as Timer's.
};

}  // namespace tether::net
