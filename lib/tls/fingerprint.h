#pragma once

#include <string>

namespace tether::tls {

/// Changes with what `path` leads to, as far as that can be told without reading it: with another file, size or mode,
/// and with the moment of its last change, which nobody can set back. Empty: it cannot be looked at. Any thread.
std::string fingerprint_of_file(const std::string& path);

}  // namespace tether::tls
