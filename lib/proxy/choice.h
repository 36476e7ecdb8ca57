#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tether/base/result.h"
#include "tether/base/secret.h"

namespace tether::proxy {

/// An HTTP proxy that is asked to CONNECT.
struct Proxy {
  std::string host;  ///< A name or an IP address, IPv6 without brackets.
  std::uint16_t port = 0;
  Secret credentials = {};   ///< `user:password`; empty: none.
  std::string setting = {};  ///< Where it comes from, for messages: `control_plane.proxy`, `HTTPS_PROXY`.
  /// Not empty: what is named there is no proxy of this kind, so that there is no way by it, in one sentence for
  /// people; host and port are nothing then.
  std::string why_unusable = {};

  /// `host:port`, without the credentials.
  std::string authority() const;
  /// Wherever it comes from.
  friend bool operator==(const Proxy& a, const Proxy& b) {
    return a.host == b.host && a.port == b.port && a.credentials == b.credentials && a.why_unusable == b.why_unusable;
  }
};

/// `http://[USER[:PASSWORD]@]HOST[:PORT][/]`, the scheme being optional; without a port it is 80. User and password may
/// be percent-encoded. Reject: anything else, without the text in the message, which may hold a password.
Result<Proxy> parse_proxy_url(std::string_view url);

/// Whether a list as NO_PROXY holds it names this host: names with commas between them, each standing for itself and
/// what ends in a dot and it, with or without a dot before it; IP addresses; and CIDR blocks (`10.0.0.0/8`). A port
/// after a name restricts it to that; `*` is every host.
bool is_excepted(std::string_view no_proxy, const std::string& host, std::uint16_t port);

}  // namespace tether::proxy
