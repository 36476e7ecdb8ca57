#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>

#include "certificates.h"

namespace tether::test {

/// An HTTPS server on loopback. `/…/echo` answers what was asked, a line each; `/…/large` answers kLargeBytes.
class TlsServer {
 public:
  static constexpr std::size_t kLargeBytes = 5UL * 1024 * 1024;

  /// `max_version` 0: the newest TLS.
  TlsServer(Identity identity, int max_version);
  ~TlsServer();
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  std::uint16_t port() const;
  int requests() const;
  /// By the client's ports that were seen.
  int connections() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tether::test
