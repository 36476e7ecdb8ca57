#pragma once

#include <asio/ip/tcp.hpp>
#include <functional>
#include <memory>

#include "tether/net/lookup.h"
#include "tether/net/loop.h"

namespace tether::net {

/// A TCP connection to whichever of several addresses answers first (RFC 8305): families take turns, the next address
/// is tried beside those before it once they have had kAddressDelay, or at once when one fails. Knows no time limit.
/// Loop thread only. For the sources of this library only.
class Race {
 public:
  struct Callbacks {
    std::function<void(asio::ip::tcp::socket socket)> on_connected;
    /// Of the address that was given up last.
    std::function<void(const asio::ip::tcp::endpoint& address, const asio::error_code& error)> on_failed;
  };

  /// Requires an address. Calls back once, from the loop.
  Race(Loop& loop, const Lookup::Endpoints& addresses, Callbacks callbacks);
  /// No call back after this.
  ~Race();
  Race(const Race&) = delete;
  Race& operator=(const Race&) = delete;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  ///< Shared with the connections under way.
};

}  // namespace tether::net
