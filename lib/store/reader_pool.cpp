#include "tether/store/reader_pool.h"

#include "tether/store/store.h"

namespace tether::store {

Result<std::unique_ptr<Connection>> ReaderPool::take() {
  const std::lock_guard lock(mutex_);
  if (access_ == Access::Alone && out_ > 0) return fail(ErrorKind::Retry, "it is being read for a push");
  if (!idle_.empty()) {
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    ++out_;
    return connection;
  }
  ConnectionOptions options;
  options.access = access_;
  options.bodies = bodies_;
  options.cache_kib = kReaderCacheKiB;
  options.vfs = vfs_;
  auto connection = Connection::open(file_, options);
  if (connection) ++out_;
  return connection;
}

void ReaderPool::give_back(std::unique_ptr<Connection> connection) {
  connection->release_memory();
  const std::lock_guard lock(mutex_);
  --out_;
  const bool keep = !connection->error() && idle_.size() < static_cast<std::size_t>(kMaxIdleReaders);
  if (keep) return idle_.push_back(std::move(connection));
  connection.reset();  // before another one may be taken
}

bool ReaderPool::close() {
  const std::lock_guard lock(mutex_);
  idle_.clear();
  return out_ == 0;
}

}  // namespace tether::store
