#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "tether/admin/endpoint.h"
#include "tether/base/result.h"
#include "tether/base/secret.h"

namespace tether {

/// Asks the admin endpoint of a daemon on this machine, for its sub-commands. Blocks, for some seconds at most.
class AdminClient {
 public:
  /// Where the daemon listens by its settings; for "all addresses" the loopback one is asked.
  /// `token`: what it asks for, if that is so.
  explicit AdminClient(AdminEndpoint at, std::optional<Secret> token = std::nullopt);

  /// The body of `/status`. Retry: nobody answers, or not with 200. Reject: a token is wanted.
  Result<std::string> status() const;
  /// The body of any path. Retry: nobody answers. Reject: not with 200; the message is what it says then.
  Result<std::string> get(const std::string& path, const std::multimap<std::string, std::string>& asked = {}) const;
  /// Hands over an operator's consent to what this sub-command does. Reject: the daemon's own words why it does not
  /// take it.
  Result<Done> command(const std::string& name, const std::string& body) const;

 private:
  AdminEndpoint at_;
  std::optional<Secret> token_;
};

/// What a person is told of such an error, to which more may be added: that nobody answers, or that somebody does and
/// does not say what was asked.
std::string no_answer(const Error& error);

}  // namespace tether
