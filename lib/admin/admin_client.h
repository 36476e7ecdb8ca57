#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "tether/base/result.h"

namespace tether {

/// Asks the admin endpoint of a daemon on this machine, for its sub-commands. Blocks, for some seconds at most.
class AdminClient {
 public:
  /// Where the daemon listens by its settings; for "all addresses" the loopback one is asked.
  AdminClient(std::string host, std::uint16_t port);

  /// The body of `/status`. Retry: nobody answers, or not with 200.
  Result<std::string> status() const;
  /// The body of any path. Retry: nobody answers. Reject: not with 200; the message is what it says then.
  Result<std::string> get(const std::string& path, const std::multimap<std::string, std::string>& asked = {}) const;
  /// Hands over an operator's consent to what this sub-command does. Reject: the daemon's own words why it does not
  /// take it.
  Result<Done> command(const std::string& name, const std::string& body) const;

 private:
  std::string host_;
  std::uint16_t port_;
};

}  // namespace tether
