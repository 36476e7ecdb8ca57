#pragma once

#include <string>
#include <utility>
#include <vector>

namespace tether::peers {

struct ArchiveEntry {
  std::string path;
  std::string content;
};

/// A gzip-compressed tar of regular files with mode 0644. No entries make a valid, empty archive.
std::string tar_gz(const std::vector<ArchiveEntry>& entries);

/// A zip with one deflated entry.
std::string zip(const ArchiveEntry& entry);

}  // namespace tether::peers
