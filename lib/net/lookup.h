#pragma once

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tether::net {

/// One name lookup, on a thread of its own that nobody waits for: the system's resolver can't be interrupted, and a
/// name server that is away must hold up neither the next lookup nor the end of the process (Asio's resolver does
/// both). Made, used and destroyed on the loop thread. For the sources of this library only.
class Lookup {
 public:
  using Endpoints = std::vector<asio::ip::tcp::endpoint>;
  /// `error` is empty on success, and then there is at least one endpoint.
  using Callback = std::function<void(const Endpoints& endpoints, const std::string& error)>;

  /// Calls back from the loop, never inside the constructor. An IP address is taken as it is, without a thread.
  Lookup(asio::io_context& io, const std::string& host, std::uint16_t port, Callback callback);
  /// No call back after this; the thread ends by itself when the resolver lets it.
  ~Lookup();
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;

 private:
  struct Mailbox;
  std::shared_ptr<Mailbox> mailbox_;  ///< Shared with the thread, which may outlive us and the loop.
};

}  // namespace tether::net
