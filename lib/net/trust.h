#pragma once

#include <memory>
#include <string>

#include "tether/base/result.h"

namespace tether::net {

/// Whom a TLS connection trusts: one TLS context for all connections, made on first use and made again when the CA file
/// has changed. TLS 1.2 or newer, verification always on, ALPN `http/1.1` only. Loop thread only.
class Trust {
 public:
  /// `ca_file` empty: the system's authorities. Reads nothing yet.
  explicit Trust(std::string ca_file);
  ~Trust();
  Trust(const Trust&) = delete;
  Trust& operator=(const Trust&) = delete;

  /// Only for the sources of this library.
  struct Context;
  /// Retry: the CA file cannot be read or holds no certificate; the message names it.
  Result<std::shared_ptr<Context>> context();

 private:
  std::string ca_file_;
  std::string fingerprint_;           ///< Of the CA file when `context_` was made.
  std::shared_ptr<Context> context_;  ///< Shared with the connections that were made with it.
};

}  // namespace tether::net
