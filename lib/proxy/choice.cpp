#include "tether/proxy/choice.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "tether/base/authority.h"

namespace tether::proxy {
namespace {

constexpr std::uint16_t kUsualPort = 80;
constexpr std::size_t kMaxUrlBytes = 2048;

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char small = static_cast<char>(c | 0x20);
  if (small >= 'a' && small <= 'f') return small - 'a' + 10;
  return std::nullopt;
}

std::optional<std::string> decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const auto high = i + 1 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
    const auto low = i + 2 < text.size() ? hex_digit(text[i + 2]) : std::nullopt;
    if (!high || !low) return std::nullopt;
    out += static_cast<char>(*high * 16 + *low);
    i += 2;
  }
  return out;
}

bool is_host(std::string_view host) {
  const auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == '_';
  };
  return !host.empty() && host.size() <= 253 && std::ranges::all_of(host, fits);
}

struct HostPort {
  std::string host;
  std::optional<std::uint16_t> port;
};

/// `host`, `host:port`, `[v6]`, `[v6]:port`. nullopt: none of these.
std::optional<HostPort> parse_host_port(std::string_view text) {
  HostPort out;
  std::string_view rest;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    out.host = lower(text.substr(1, end - 1));
    in6_addr address{};
    if (::inet_pton(AF_INET6, out.host.c_str(), &address) != 1) return std::nullopt;
    rest = text.substr(end + 1);
  } else {
    const auto colon = text.find(':');
    out.host = lower(text.substr(0, colon));
    if (!is_host(out.host)) return std::nullopt;
    rest = colon == std::string_view::npos ? "" : text.substr(colon);
  }
  if (rest.empty()) return out;
  out.port = rest.front() == ':' ? parse_number<std::uint16_t>(rest.substr(1)) : std::nullopt;
  if (!out.port || *out.port == 0) return std::nullopt;
  return out;
}

/// The bytes of an IP address, 4 or 16; nullopt: it is a name.
std::optional<std::string> address_bytes(const std::string& host) {
  std::array<char, sizeof(in6_addr)> bytes{};
  if (host.find('\0') != std::string::npos) return std::nullopt;
  if (::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1) return std::string(bytes.data(), sizeof(in_addr));
  if (::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1) return std::string(bytes.data(), bytes.size());
  return std::nullopt;
}

bool is_in_block(const std::string& address, std::string_view block) {
  const auto slash = block.find('/');
  const auto network = address_bytes(std::string(block.substr(0, slash)));
  const auto bits = parse_number<unsigned>(block.substr(slash + 1));
  if (!network || !bits || network->size() != address.size() || *bits > address.size() * 8) return false;
  for (unsigned bit = 0; bit < *bits; ++bit) {
    const unsigned mask = 0x80U >> (bit % 8);
    const auto differs = static_cast<unsigned char>(address[bit / 8]) ^ static_cast<unsigned char>((*network)[bit / 8]);
    if ((static_cast<unsigned>(differs) & mask) != 0) return false;
  }
  return true;
}

bool names(std::string_view entry, const std::string& host, std::uint16_t port) {
  if (entry == "*") return true;
  const auto address = address_bytes(host);
  if (entry.find('/') != std::string_view::npos) return address && is_in_block(*address, entry);
  if (const auto bytes = address_bytes(std::string(entry))) return address == bytes;
  while (entry.starts_with('.') || entry.starts_with('*')) entry.remove_prefix(1);
  const auto named = parse_host_port(entry);
  if (!named || (named->port && *named->port != port)) return false;
  if (address || address_bytes(named->host)) return address && address == address_bytes(named->host);
  return host == named->host || host.ends_with("." + named->host);
}

tl::unexpected<Error> malformed(const char* why) {
  return fail(ErrorKind::Reject, why);
}

}  // namespace

std::string Proxy::authority() const {
  return tether::authority(host, port);
}

Result<Proxy> parse_proxy_url(std::string_view url) {
  if (url.size() > kMaxUrlBytes) return malformed("it is longer than 2048 bytes");
  if (std::ranges::any_of(url, [](char c) { return c <= ' ' || c > '~'; })) {
    return malformed("it has a space or a character that is not ASCII in it");
  }
  if (const auto colon = url.find("://"); colon != std::string_view::npos) {
    if (lower(url.substr(0, colon)) != "http") return malformed("its scheme is not http");
    url.remove_prefix(colon + 3);
  }
  Proxy out;
  if (const auto at = url.rfind('@'); at != std::string_view::npos) {
    auto credentials = decode(url.substr(0, at));
    if (!credentials || credentials->empty()) return malformed("what stands before its @ is no user and password");
    if (credentials->find(':') == std::string::npos) *credentials += ':';
    out.credentials = Secret(std::move(*credentials));
    url.remove_prefix(at + 1);
  }
  if (url.ends_with('/')) url.remove_suffix(1);
  const auto named = parse_host_port(url);
  if (!named) return malformed("it names no host and port");
  out.host = named->host;
  out.port = named->port.value_or(kUsualPort);
  return out;
}

bool is_excepted(std::string_view no_proxy, const std::string& host, std::uint16_t port) {
  while (!no_proxy.empty()) {
    const auto end = no_proxy.find_first_of(", ");
    const std::string entry = lower(no_proxy.substr(0, end));
    if (!entry.empty() && names(entry, host, port)) return true;
    if (end == std::string_view::npos) return false;
    no_proxy.remove_prefix(end + 1);
  }
  return false;
}

}  // namespace tether::proxy
