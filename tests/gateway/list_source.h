#pragma once

#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "tether/gateway/driver.h"

namespace tether::test {

/// A body from a list of lines, which can break at its end.
class ListSource : public gateway::PushSource {
 public:
  ListSource(gateway::PushHeader header, std::vector<gateway::PushLine> lines, bool breaks = false)
      : header_(std::move(header)), lines_(std::move(lines)), breaks_(breaks) {}

  const gateway::PushHeader& header() const override { return header_; }

  /// Calls `then` when the line of that number is asked for, counted from 0; the number of lines: the end.
  void before_line(std::size_t number, std::function<void()> then) {
    waits_at_ = number;
    then_ = std::move(then);
  }

  Result<bool> next(gateway::PushLine& line) override {
    if (next_ == waits_at_ && then_) std::exchange(then_, nullptr)();
    if (next_ == lines_.size()) {
      if (breaks_) return fail(ErrorKind::Retry, "store: read: gone");
      return false;
    }
    line = lines_[next_++];
    return true;
  }

 private:
  gateway::PushHeader header_;
  std::vector<gateway::PushLine> lines_;
  bool breaks_;
  std::size_t next_ = 0;
  std::size_t waits_at_ = 0;
  std::function<void()> then_;
};

}  // namespace tether::test
