#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tether/net/loop.h"
#include "tether/net/websocket.h"
#include "tether/proxy/choice.h"

namespace tether::tls {
class Trust;
}

namespace tether::net {

struct KnockTarget {
  std::string host;  ///< As of DialTarget.
  std::uint16_t port = 0;
  bool tls = true;
  /// An accepted connection is not enough: something must be said on it. With TLS that is the handshake, with whatever
  /// result; without, any answer to a HEAD request for `/`.
  bool wants_words = false;
  std::optional<proxy::Proxy> proxy = {};  ///< As of DialTarget: the way there has to be open, too.
};

struct KnockResult {
  bool is_answered = false;
  SocketError error = SocketError::Closed;  ///< Of interest if it is not.
  std::string message;                      ///< Likewise; names address or host.
  std::vector<std::string> addresses;       ///< What the name led to, sorted; empty if that is not known.
};

/// Sees whether somebody is there, as a dial would find out, and hangs up. No token is sent. Loop thread only.
class Knock {
 public:
  /// Calls back once, from the loop, unless it is destroyed before; knows no time limit.
  Knock(Loop& loop, tls::Trust& trust, const KnockTarget& target,
        std::function<void(const KnockResult& result)> on_end);
  /// May be called in `on_end`.
  ~Knock();
  Knock(const Knock&) = delete;
  Knock& operator=(const Knock&) = delete;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  ///< Shared with what is posted to the loop.
};

}  // namespace tether::net
