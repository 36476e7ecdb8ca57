#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tether/base/result.h"

namespace tether {

/// The path of a control plane whose URL names none.
inline constexpr std::string_view kDefaultConnectPath = "/api/internal/v1/ws/gateways/connect";
/// What every path ends in. REST is the same address with this taken off.
inline constexpr std::string_view kConnectSuffix = "/ws/gateways/connect";
inline constexpr std::size_t kMaxUrlBytes = 2048;

/// A control plane's address, taken apart. It never holds a user, a password, a query or a fragment.
struct ControlPlaneAddress {
  bool tls = true;
  std::string host = "localhost";  ///< A name, or an IP literal without brackets.
  std::uint16_t port = 8443;
  std::string ws_path{kDefaultConnectPath};
  std::string rest_base = "/api/internal/v1";  ///< The path before kConnectSuffix, without a slash at its end; or "".

  /// `wss://host:port/path`: for people, and to tell one control plane from another. The port is always in it.
  std::string url() const;
  /// `host:port` as it stands in a `Host` header or a URL: an IPv6 literal in brackets.
  std::string authority() const;
  /// True for `localhost`, 127.0.0.0/8 and ::1.
  bool is_loopback() const;

  friend bool operator==(const ControlPlaneAddress&, const ControlPlaneAddress&) = default;
};

/// Reads `wss://`, `ws://`, `https://` or `http://` URLs; the last two are read as the first two. Without a port it is
/// 443 or 80. Reject: anything malformed, with what is wrong but without the text itself, which may hold a secret.
Result<ControlPlaneAddress> parse_control_plane_url(std::string_view url);

/// True for `localhost`, 127.0.0.0/8 and ::1, without brackets.
bool is_loopback(const std::string& host);

/// A `host:port` or `[v6]:port` to listen on. Port 0 means any free one.
struct HostAndPort {
  std::string host;
  std::uint16_t port = 0;
};
Result<HostAndPort> parse_listen_address(std::string_view text);

}  // namespace tether
