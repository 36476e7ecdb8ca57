#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tether/base/result.h"
#include "tether/sync/model.h"

namespace tether::store {

/// What a push is to carry.
struct PushRange {
  bool full = false;       ///< Everything that is offered; the other two members mean nothing then.
  std::int64_t after = 0;  ///< Else: resources whose offer last changed at a revision in (after, up_to].
  std::int64_t up_to = 0;
};

/// The lines of one push, read from the store as it was committed when the body was asked for: whatever is written
/// meanwhile, epoch, revision, count and lines belong together.
///
/// Holds a read transaction (which keeps the write-ahead log from being emptied) until it is destroyed, so give each
/// one a time limit. Used by one thread at a time, which need not be the store's; may outlive the Store. One document
/// is in memory at a time.
class PushBody {
 public:
  virtual ~PushBody() = default;
  PushBody(const PushBody&) = delete;
  PushBody& operator=(const PushBody&) = delete;

  virtual const std::string& epoch() const = 0;
  virtual std::int64_t revision() const = 0;
  /// How many lines `next` will give.
  virtual std::int64_t count() const = 0;

  /// The next NDJSON line with its newline, valid until the next call; nothing at the end. A full body: puts in the
  /// order in which they can be applied. A difference: removals in the reverse of that order, then puts.
  /// Retry: it could not be read. Corrupt: what is offered has no document.
  virtual Result<std::optional<std::string_view>> next() = 0;
  /// Which resource the last line of `next` was about.
  virtual const sync::Key& key() const = 0;
  /// The document or data that it carries; empty for a removal. Valid until the next call.
  virtual std::string_view content() const = 0;

 protected:
  PushBody() = default;
};

}  // namespace tether::store
