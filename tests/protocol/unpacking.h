#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tether/protocol/archive.h"

/// Unpacks a whole body and keeps what comes out of it.
namespace tether::protocol::samples {

struct Unpacked {
  Result<ArchiveSummary> result = ArchiveSummary{};
  std::vector<ArchiveEntry> entries;
};

/// Hands the body over in pieces of the given size.
inline Unpacked unpack_body(const std::string& body, const ArchiveLimits& limits = {}, std::size_t piece = 1000) {
  Unpacked unpacked;
  std::size_t at = 0;
  const ReadChunk read = [&body, &at, piece]() -> Result<std::string_view> {
    const auto chunk = std::string_view(body).substr(at, piece);
    at += chunk.size();
    return chunk;
  };
  const OnEntry on_entry = [&unpacked](ArchiveEntry entry) -> Result<Done> {
    unpacked.entries.push_back(std::move(entry));
    return Done{};
  };
  unpacked.result = unpack(read, on_entry, limits);
  return unpacked;
}

}  // namespace tether::protocol::samples
