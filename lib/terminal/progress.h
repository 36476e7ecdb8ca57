#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "tether/base/time.h"

namespace tether::terminal {

/// Tells a person at a terminal what goes on, once that has taken a second, in one line that is gone when it is over.
/// It draws on a thread of its own, for what blocks cannot.
class Progress {
 public:
  /// `write` puts text on the terminal, at once; unset: there is none, and nothing is done.
  explicit Progress(std::function<void(const std::string&)> write);
  /// Ends it.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Something begins, and what was before it has ended.
  void begin(std::string what);
  void end();

 private:
  void run();

  std::function<void(const std::string&)> write_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string what_;  ///< Empty: nothing goes on.
  TimePoint since_;
  bool is_drawn_ = false;
  bool is_over_ = false;
  std::thread thread_;
};

/// `what … 3 s`, over what was in the line.
std::string progress_line(const std::string& what, Duration elapsed);

}  // namespace tether::terminal
