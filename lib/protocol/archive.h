#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "tether/base/result.h"

namespace tether::protocol {

/// What a batch of documents may hold.
struct ArchiveLimits {
  std::size_t max_unpacked_bytes = std::size_t{512} * 1024 * 1024;  ///< `limits.max_archive_bytes`
  std::size_t max_entry_bytes = std::size_t{16} * 1024 * 1024;      ///< `limits.max_document_bytes`
  std::size_t max_entries = 1000;                                   ///< Not a setting: a batch asks for fewer.

  /// The longest that an archive of `max_unpacked_bytes` can be once it is packed: what gzip cannot compress it stores
  /// in blocks with a few bytes each, and a header comes on top.
  std::size_t max_packed_bytes() const { return max_unpacked_bytes + max_unpacked_bytes / 1024 + 65'536; }
};

struct ArchiveEntry {
  std::string deployment_id;
  std::string artifact_id;
  std::string document;
};

/// Gives the next piece of the compressed body; empty at its end. An error ends the reading.
using ReadChunk = std::function<Result<std::string_view>()>;
/// Takes one whole entry; its error ends the reading.
using OnEntry = std::function<Result<Done>(ArchiveEntry entry)>;

/// Unpacks the answer of `POST /deployments/fetch-batch` (gzip-compressed tar,
/// `<deploymentId>/<prefix>-<artifactId>.yaml`) as it arrives, one document in memory at a time. Entries that are no
/// regular file, or whose name is not of that form (absolute, `..`, links, devices), are passed over and counted in the
/// result. An entry over `max_entry_bytes` is handed on with an empty document so that it can be told from a missing
/// one. Entries handed on before a failure were whole. Retry: damaged or cut short. Reject: a limit is passed; the
/// message names it by its setting, if it has one.
struct ArchiveSummary {
  std::size_t entries = 0;
  std::size_t passed_over = 0;
};
Result<ArchiveSummary> unpack(const ReadChunk& read, const OnEntry& on_entry, const ArchiveLimits& limits = {});

}  // namespace tether::protocol
