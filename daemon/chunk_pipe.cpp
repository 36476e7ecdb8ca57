#include "chunk_pipe.h"

namespace tether::daemon {

bool ChunkPipe::give(std::string_view chunk) {
  std::unique_lock lock(mutex_);
  if (left_) return false;
  lent_ = chunk;
  asked_ = false;
  changed_.notify_all();
  // Asked for again means that nobody looks at the chunk any more.
  changed_.wait(lock, [this] { return left_ || (!lent_ && asked_); });
  return !left_;
}

void ChunkPipe::end(bool whole) {
  const std::lock_guard lock(mutex_);
  if (!ended_whole_) ended_whole_ = whole;
  changed_.notify_all();
}

Result<std::string_view> ChunkPipe::take() {
  std::unique_lock lock(mutex_);
  asked_ = true;
  changed_.notify_all();
  changed_.wait(lock, [this] { return lent_ || ended_whole_; });
  if (!lent_) {
    if (!*ended_whole_) return fail(ErrorKind::Retry, "the answer was cut short");
    return std::string_view();
  }
  const std::string_view chunk = *lent_;
  lent_.reset();
  asked_ = false;
  return chunk;
}

void ChunkPipe::leave() {
  const std::lock_guard lock(mutex_);
  left_ = true;
  changed_.notify_all();
}

}  // namespace tether::daemon
