#include "tether/settings/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "tether/base/authority.h"

namespace tether {

namespace {

constexpr std::size_t kMaxHostBytes = 253;  // RFC 1035 section 2.3.4, without the root's dot.
constexpr std::size_t kMaxLabelBytes = 63;

tl::unexpected<Error> malformed(std::string why) {
  return fail(ErrorKind::Reject, std::move(why));
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_letter_or_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

// inet_pton() reads up to a NUL: what follows one would count as part of the address.
bool has_nul(const std::string& host) {
  return host.find('\0') != std::string::npos;
}

bool is_ipv4(const std::string& host) {
  in_addr address{};
  return !has_nul(host) && inet_pton(AF_INET, host.c_str(), &address) == 1;
}

bool is_ipv6(const std::string& host) {
  in6_addr address{};
  return !has_nul(host) && inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

bool is_label(std::string_view label) {
  const auto fits = [](char c) { return is_letter_or_digit(c) || c == '-' || c == '_'; };
  return !label.empty() && label.size() <= kMaxLabelBytes && label.front() != '-' && label.back() != '-' &&
         std::ranges::all_of(label, fits);
}

/// A name, or an IPv4 address. What looks like an address (its last label is a number) has to be one.
bool is_host(const std::string& host) {
  if (host.empty() || host.size() > kMaxHostBytes) return false;
  std::string_view rest = host;
  while (true) {
    const auto dot = rest.find('.');
    const std::string_view label = rest.substr(0, dot);
    if (!is_label(label)) return false;
    if (dot == std::string_view::npos) return !std::ranges::all_of(label, is_digit) || is_ipv4(host);
    rest.remove_prefix(dot + 1);
  }
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  if (text.empty() || text.size() > 5 || !std::ranges::all_of(text, is_digit)) return std::nullopt;
  std::uint32_t port = 0;
  std::from_chars(text.data(), text.data() + text.size(), port);
  if (port > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(port);
}

struct Authority {
  std::string host;
  std::optional<std::uint16_t> port;  ///< nullopt: none is given.
};

/// `host`, `host:port`, `[v6]` or `[v6]:port`.
Result<Authority> parse_authority(std::string_view text) {
  Authority out;
  std::string_view port_part;
  bool has_port = false;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return malformed("its IPv6 address has no closing bracket");
    out.host = lower(text.substr(1, end - 1));
    if (!is_ipv6(out.host)) return malformed("what stands in brackets is not an IPv6 address");
    const std::string_view rest = text.substr(end + 1);
    if (!rest.empty() && rest.front() != ':') return malformed("only a port can follow the brackets");
    has_port = !rest.empty();
    if (has_port) port_part = rest.substr(1);
  } else {
    const auto colon = text.find(':');
    has_port = colon != std::string_view::npos;
    if (has_port) port_part = text.substr(colon + 1);
    out.host = lower(text.substr(0, colon));
    if (has_port && port_part.find(':') != std::string_view::npos) {
      return malformed("an IPv6 address stands in brackets");
    }
    if (out.host.empty()) return malformed("it names no host");
    if (!is_host(out.host)) return malformed("its host is neither a host name nor an IP address");
  }
  if (has_port) {
    out.port = parse_port(port_part);
    if (!out.port) return malformed("its port is not a number from 0 to 65535");
  }
  return out;
}

bool is_path(std::string_view path) {
  constexpr std::string_view kAlsoAllowed = "/-._~!$&'()*+,;=:%";  // RFC 3986 section 3.3, without '@'.
  return std::ranges::all_of(
      path, [&](char c) { return is_letter_or_digit(c) || kAlsoAllowed.find(c) != std::string_view::npos; });
}

struct Scheme {
  std::string_view name;
  bool tls;
};
constexpr std::array<Scheme, 4> kSchemes = {{{"wss", true}, {"ws", false}, {"https", true}, {"http", false}}};

}  // namespace

std::string ControlPlaneAddress::authority() const {
  return tether::authority(host, port);
}

std::string ControlPlaneAddress::url() const {
  return (tls ? "wss://" : "ws://") + authority() + ws_path;
}

bool ControlPlaneAddress::is_loopback() const {
  return tether::is_loopback(host);
}

bool is_loopback(const std::string& host) {
  if (host == "localhost") return true;
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24U) == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6) != 0;
}

Result<ControlPlaneAddress> parse_control_plane_url(std::string_view url) {
  if (url.size() > kMaxUrlBytes) return malformed("it is longer than " + std::to_string(kMaxUrlBytes) + " bytes");
  const auto is_odd = [](char c) { return c <= ' ' || c > '~'; };
  if (std::ranges::any_of(url, is_odd)) return malformed("it has a space or a character that is not ASCII in it");
  if (url.find('@') != std::string_view::npos) return malformed("it has a user or an '@' in it");
  if (url.find('?') != std::string_view::npos) return malformed("it has a query in it");
  if (url.find('#') != std::string_view::npos) return malformed("it has a fragment in it");

  const auto colon = url.find("://");
  if (colon == std::string_view::npos) return malformed("it has no scheme");
  const std::string scheme_name = lower(url.substr(0, colon));
  const auto* scheme = std::ranges::find(kSchemes, scheme_name, &Scheme::name);
  if (scheme == kSchemes.end()) return malformed("its scheme is not wss, ws, https or http");

  const std::string_view rest = url.substr(colon + 3);
  const auto slash = rest.find('/');
  const std::string_view path = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash);
  const auto authority = parse_authority(rest.substr(0, slash));
  if (!authority) return tl::unexpected<Error>(authority.error());
  if (authority->port == 0) return malformed("its port is 0");

  ControlPlaneAddress out;
  out.tls = scheme->tls;
  out.host = authority->host;
  out.port = authority->port.value_or(scheme->tls ? 443 : 80);
  out.ws_path = path.empty() || path == "/" ? std::string(kDefaultConnectPath) : std::string(path);
  if (!out.ws_path.ends_with(kConnectSuffix)) {
    return malformed("its path does not end in " + std::string(kConnectSuffix));
  }
  if (!is_path(out.ws_path)) return malformed("its path has a character that no path may have");
  out.rest_base = out.ws_path.substr(0, out.ws_path.size() - kConnectSuffix.size());
  return out;
}

Result<HostAndPort> parse_listen_address(std::string_view text) {
  const auto authority = parse_authority(text);
  if (!authority) return tl::unexpected<Error>(authority.error());
  if (!authority->port) return malformed("it names no port");
  return HostAndPort{authority->host, *authority->port};
}

}  // namespace tether
