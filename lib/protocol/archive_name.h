#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tether::protocol {

/// What the name of an archive's entry says; internal to unpack.
struct ArchiveName {
  std::string deployment_id;
  std::string artifact_id;
};

/// Reads `<deploymentId>/<prefix>-<artifactId>.yaml`. Ids are letters, digits, `-`, `_` and `.`, at most 255 of them
/// (the prefix included), and not `.` or `..`. After a prefix that is not one of section 4.3 of PROTOCOL.md the
/// artifact's id must be a UUID, as there is no other way to tell where it begins.
std::optional<ArchiveName> parse_archive_name(std::string_view path);

}  // namespace tether::protocol
