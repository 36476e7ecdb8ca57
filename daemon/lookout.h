#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tether/link/link.h"
#include "tether/net/knock.h"
#include "tether/net/loop.h"
#include "tether/net/network_watch.h"
#include "tether/settings/settings.h"
#include "tether/tls/trust.h"

namespace tether::daemon {

/// Looks out for the way back to the control plane for link::Link: carries out its `Watch`, `Unwatch` and `Knock`, and
/// tells it what became of them. Loop thread only.
class Lookout {
 public:
  /// `tell` runs what it is given on the link, with the time, and carries out what the link asks for then.
  using Tell = std::function<void(const std::function<void(link::Link& link, TimePoint now)>& what)>;

  Lookout(net::Loop& loop, tls::Trust& trust, const ControlPlaneSettings& settings, Tell tell);

  void watch();
  void unwatch();
  void knock(const link::Knock& knock);

 private:
  void on_knocked(const net::KnockResult& result);

  net::Loop& loop_;
  tls::Trust& trust_;
  const ControlPlaneSettings& settings_;
  Tell tell_;
  std::optional<net::NetworkWatch> network_;
  std::unique_ptr<net::Knock> knock_;
  std::vector<std::string> addresses_;  ///< What the name last led to.
};

/// Of sorted addresses: what the name leads to now is somewhere else altogether. A name that leads to some of many in
/// turn has not moved, nor has one that is not known now.
bool has_moved(const std::vector<std::string>& before, const std::vector<std::string>& after);

/// As the link names it.
link::NetworkError network_error_of(net::SocketError error);

}  // namespace tether::daemon
