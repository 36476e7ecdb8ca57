#include <string>

#include "fuzz.h"
#include "tether/base/check.h"
#include "tether/protocol/archive.h"

using namespace tether;
using namespace tether::protocol;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ArchiveLimits limits;
  limits.max_unpacked_bytes = std::size_t{1024} * 1024;
  limits.max_entry_bytes = std::size_t{64} * 1024;
  limits.max_entries = 20;
  const auto body = fuzz::as_text(data, size);
  std::size_t at = 0;
  const ReadChunk read = [body, &at]() -> Result<std::string_view> {
    const auto chunk = body.substr(at, 1000);
    at += chunk.size();
    return chunk;
  };
  std::size_t entries = 0;
  const OnEntry on_entry = [&entries, &limits](ArchiveEntry entry) -> Result<Done> {
    ++entries;
    check(entry.document.size() <= limits.max_entry_bytes, "a document is within its limit");
    check(!entry.deployment_id.empty() && !entry.artifact_id.empty(), "an entry is named");
    const bool step = entry.deployment_id == ".." || entry.artifact_id == "..";
    const bool path = (entry.deployment_id + entry.artifact_id).find('/') != std::string::npos;
    check(!step && !path, "a name leads nowhere");
    return Done{};
  };
  const auto summary = unpack(read, on_entry, limits);
  check(entries <= limits.max_entries, "entries are within their limit");
  check(!summary || summary->entries == entries, "entries are counted");
  return 0;
}
