#pragma once

#include <cstdint>
#include <string>

namespace tether {

/// The host as it stands in a URL, a Host header or before a port: an IPv6 address in brackets, all else as it is.
/// `host`: a name or an IP address, without brackets.
std::string bracketed(const std::string& host);

/// `host:port`, with the host as above (RFC 3986 section 3.2).
std::string authority(const std::string& host, std::uint16_t port);

}  // namespace tether
