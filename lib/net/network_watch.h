#pragma once

#include <functional>
#include <memory>

#include "tether/net/loop.h"

namespace tether::net {

/// Tells when a link, an address or a route of this host (of its network namespace) has changed: the kernel's own word
/// by rtnetlink(7). It may call once too often; where the kernel does not let us listen it never calls. Loop thread
/// only; may be destroyed in its own callback.
class NetworkWatch {
 public:
  NetworkWatch(Loop& loop, std::function<void()> on_change);
  ~NetworkWatch();
  NetworkWatch(const NetworkWatch&) = delete;
  NetworkWatch& operator=(const NetworkWatch&) = delete;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tether::net
