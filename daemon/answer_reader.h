#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "inbox.h"
#include "tether/http/control_plane_client.h"
#include "tether/protocol/archive.h"
#include "tether/sync/engine.h"

namespace tether::daemon {

/// Rows that are handed over at once.
inline constexpr std::size_t kRowsAtOnce = 200;
/// Documents that are handed over at once, in number and bytes: they share a transaction.
inline constexpr std::size_t kDocumentsAtOnce = 50;
inline constexpr std::size_t kDocumentBytesAtOnce = 1024 * 1024;

/// Reads the body of one answer as it arrives and hands what is in it to the state thread. Used by one worker's thread.
class AnswerReader {
 public:
  virtual ~AnswerReader() = default;
  /// A piece of a success body. Its error ends the request.
  virtual Result<Done> feed(std::string_view chunk) = 0;
  /// The body is at its end. Retry: it was cut short or damaged.
  virtual Result<Done> finish() = 0;
  virtual std::size_t rows_rejected() const { return 0; }
};

/// The reader for what `request` asks.
std::unique_ptr<AnswerReader> make_answer_reader(const sync::SendRequest& request, sync::Engine& engine, Inbox& inbox,
                                                 const protocol::ArchiveLimits& limits);

/// The request as lib/http sends it.
http::RestCall rest_call(const sync::SendRequest& request);

}  // namespace tether::daemon
