#include "tether/store/reader_pool.h"

#include "tether/store/store.h"

namespace tether::store {

Result<std::unique_ptr<Connection>> ReaderPool::take() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto connection = std::move(idle_.back());
      idle_.pop_back();
      return connection;
    }
  }
  ConnectionOptions options;
  options.read_only = true;
  options.cache_kib = kReaderCacheKiB;
  return Connection::open(file_, options);
}

void ReaderPool::give_back(std::unique_ptr<Connection> connection) {
  if (connection->error()) return;
  connection->release_memory();
  const std::lock_guard lock(mutex_);
  if (idle_.size() < static_cast<std::size_t>(kMaxIdleReaders)) idle_.push_back(std::move(connection));
}

}  // namespace tether::store
