#pragma once

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tether::net {

/// How many threads the lookups of this process may have at once. Nobody can end one: while a name server is mute, each
/// attempt would leave another behind.
inline constexpr std::size_t kMaxLookups = 8;

/// One name lookup, on a thread of its own that nobody waits for: the system's resolver can't be interrupted, and a
/// name server that is away must hold up neither the next lookup nor the end of the process (Asio's resolver does
/// both). Made, used and destroyed on the loop thread. For the sources of this library only.
class Lookup {
 public:
  using Endpoints = std::vector<asio::ip::tcp::endpoint>;
  /// `error` is empty on success, and then there is at least one endpoint.
  using Callback = std::function<void(const Endpoints& endpoints, const std::string& error)>;
  struct Found {
    Endpoints endpoints;
    std::string error;
  };
  /// Called on the lookup's own thread, where it may block.
  using Resolve = std::function<Found(const std::string& host, std::uint16_t port)>;
  static Found ask_system(const std::string& host, std::uint16_t port);

  /// Calls back from the loop, never inside the constructor. An IP address is taken as it is, without a thread. With
  /// kMaxLookups under way it is an error, at once.
  Lookup(asio::io_context& io, const std::string& host, std::uint16_t port, Callback callback,
         Resolve resolve = ask_system);
  /// No call back after this; the thread ends by itself when the resolver lets it.
  ~Lookup();
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;

 private:
  struct Mailbox;
  std::shared_ptr<Mailbox> mailbox_;  ///< Shared with the thread, which may outlive us and the loop.
};

}  // namespace tether::net
