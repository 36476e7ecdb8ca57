#include "inbox.h"

#include <algorithm>
#include <utility>

namespace tether::daemon {

void Inbox::account(const Input& input, bool added) {
  const auto count = [added](std::size_t& value, std::size_t by) { value = added ? value + by : value - by; };
  if (input.event_bytes > 0) {
    count(events_, 1);
    count(event_bytes_, input.event_bytes);
  }
  if (input.piece) count(pieces_, 1);
}

void Inbox::post(Input input) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    account(input, /*added=*/true);
    inputs_.push_back(std::move(input));
  }
  changed_.notify_one();
}

bool Inbox::post_event(Input input) {
  {
    const std::lock_guard lock(mutex_);
    const bool room = events_ < kMaxWaitingEvents && event_bytes_ + input.event_bytes <= kMaxWaitingEventBytes;
    if (closed_ || !room) return false;
    account(input, /*added=*/true);
    inputs_.push_back(std::move(input));
  }
  changed_.notify_one();
  return true;
}

bool Inbox::post_piece(Input input) {
  {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return closed_ || pieces_ < kMaxWaitingPieces; });
    if (closed_) return false;
    input.piece = true;
    account(input, /*added=*/true);
    inputs_.push_back(std::move(input));
  }
  changed_.notify_one();
  return true;
}

std::deque<Input> Inbox::take(std::optional<TimePoint> until, Which which) {
  const auto wanted = [which](const Input& input) { return which == Which::All || input.at_once != nullptr; };
  std::deque<Input> batch;
  {
    std::unique_lock lock(mutex_);
    const auto ready = [this, &wanted] { return closed_ || std::any_of(inputs_.begin(), inputs_.end(), wanted); };
    if (until) {
      changed_.wait_until(lock, *until, ready);
    } else {
      changed_.wait(lock, ready);
    }
    for (auto it = inputs_.begin(); it != inputs_.end() && batch.size() < kMaxBatch;) {
      if (!wanted(*it)) {
        ++it;
        continue;
      }
      account(*it, /*added=*/false);
      batch.push_back(std::move(*it));
      it = inputs_.erase(it);
    }
  }
  room_.notify_all();
  return batch;
}

void Inbox::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
  room_.notify_all();
}

bool Inbox::is_closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

bool Inbox::is_empty() const {
  const std::lock_guard lock(mutex_);
  return inputs_.empty();
}

}  // namespace tether::daemon
