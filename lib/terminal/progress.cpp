#include "tether/terminal/progress.h"

#include <utility>

#include "tether/terminal/words.h"

namespace tether::terminal {
namespace {

constexpr Duration kDrawEvery = 1s;
constexpr const char* kClearLine = "\r\x1b[K";

}  // namespace

std::string progress_line(const std::string& what, Duration elapsed) {
  return kClearLine + what + " … " + duration_in_words(std::chrono::duration<double>(elapsed).count());
}

Progress::Progress(std::function<void(const std::string&)> write) : write_(std::move(write)) {
  if (write_) thread_ = std::thread([this] { run(); });
}

Progress::~Progress() {
  if (!thread_.joinable()) return;
  end();
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void Progress::begin(std::string what) {
  end();
  const std::lock_guard lock(mutex_);
  what_ = std::move(what);
  since_ = Clock::now();
  changed_.notify_all();
}

void Progress::end() {
  const std::lock_guard lock(mutex_);
  what_.clear();
  if (std::exchange(is_drawn_, false)) write_(kClearLine);
  changed_.notify_all();
}

void Progress::run() {
  std::unique_lock lock(mutex_);
  while (!is_over_) {
    changed_.wait(lock, [this] { return is_over_ || !what_.empty(); });
    const TimePoint since = since_;
    const auto is_other = [this, since] { return is_over_ || what_.empty() || since_ != since; };
    for (TimePoint next = since + kDrawEvery; !changed_.wait_until(lock, next, is_other); next += kDrawEvery) {
      write_(progress_line(what_, next - since));
      is_drawn_ = true;
    }
  }
}

}  // namespace tether::terminal
