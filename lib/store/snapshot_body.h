#pragma once

#include <memory>

#include "tether/store/push_body.h"
#include "tether/store/reader_pool.h"

namespace tether::store {

/// Begins a read transaction on a connection of the pool and counts the lines in it, so that what is committed now is
/// what the body gives. The body shares the pool, to give its connection back even after the Store is gone.
Result<std::unique_ptr<PushBody>> open_push_body(std::shared_ptr<ReaderPool> pool, const PushRange& range);

}  // namespace tether::store
