#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "inbox.h"
#include "tether/http/control_plane_client.h"
#include "tether/protocol/archive.h"
#include "tether/protocol/rest.h"
#include "tether/sync/engine.h"

namespace tether::daemon {

/// What an answer may hold; the rest of the calls have protocol::kMaxAnswerBytes.
struct AnswerLimits {
  protocol::ArchiveLimits archive;
  std::size_t max_listing_bytes = protocol::kMaxListingBytes;  ///< `limits.max_listing_bytes`
};

/// Rows that are handed over at once.
inline constexpr std::size_t kRowsAtOnce = 200;
/// Documents that are handed over at once, in number and bytes: they share a transaction.
inline constexpr std::size_t kDocumentsAtOnce = 50;
inline constexpr std::size_t kDocumentBytesAtOnce = std::size_t{1024} * 1024;

/// Reads the body of one answer as it arrives and hands what is in it to the state thread. Used by one worker's thread.
class AnswerReader {
 public:
  virtual ~AnswerReader() = default;
  /// A piece of a success body. Its error ends the request.
  virtual Result<Done> feed(std::string_view chunk) = 0;
  /// The body is at its end. Retry: it was cut short or damaged.
  virtual Result<Done> finish() = 0;
  virtual std::size_t rows_rejected() const { return 0; }
  /// After a failure: whether the answer was over a limit, so that a smaller question could be answered.
  virtual bool is_too_large() { return false; }
};

/// The reader for what `request` asks.
std::unique_ptr<AnswerReader> make_answer_reader(const sync::SendRequest& request, sync::Engine& engine, Inbox& inbox,
                                                 const AnswerLimits& limits);

/// The request as lib/http sends it.
http::RestCall rest_call(const sync::SendRequest& request, const AnswerLimits& limits);
/// The longest success body that the call may have.
std::size_t max_answer_bytes(sync::Call call, const AnswerLimits& limits);

}  // namespace tether::daemon
