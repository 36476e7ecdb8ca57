#include "tether/proxy/connect.h"

#include <openssl/evp.h>

#include <algorithm>
#include <utility>

#include "tether/base/controls.h"

namespace tether::proxy {
namespace {

constexpr std::size_t kMaxShownBytes = 100;
constexpr int kNeedsCredentials = 407;

Secret in_base64(const Secret& secret) {
  const std::string& value = secret.reveal();
  std::string out((value.size() + 2) / 3 * 4 + 1, '\0');  // with the zero that OpenSSL ends it with
  // NOLINTBEGIN(cppcoreguidelines-pro-type-reinterpret-cast): OpenSSL's bytes are unsigned.
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<const unsigned char*>(value.data()),
                  static_cast<int>(value.size()));
  // NOLINTEND(cppcoreguidelines-pro-type-reinterpret-cast)
  out.pop_back();
  return Secret(std::move(out));
}

/// The status of `HTTP/1.x NNN …`; nullopt: it is no such line.
std::optional<int> status_of(std::string_view line) {
  if (!line.starts_with("HTTP/1.") || line.size() < 12 || line[8] != ' ') return std::nullopt;
  int status = 0;
  for (const char c : line.substr(9, 3)) {
    if (c < '0' || c > '9') return std::nullopt;
    status = status * 10 + (c - '0');
  }
  return status;
}

}  // namespace

Secret connect_request(const Proxy& proxy, const std::string& target) {
  const std::string head = "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\nUser-Agent: tetherd\r\n";
  const std::string_view name = "Proxy-Authorization: Basic ";
  const std::string_view end = "\r\n";
  const Secret credentials = in_base64(proxy.credentials);
  std::string request;
  // Room for all of it at once: one that grew would leave its beginnings behind.
  request.reserve(head.size() + name.size() + credentials.reveal().size() + 2 * end.size());
  request += head;
  if (!credentials.empty()) request.append(name).append(credentials.reveal()).append(end);
  request += end;
  return Secret(std::move(request));
}

std::vector<Secret> secrets_of(const Proxy& proxy) {
  const std::string& all = proxy.credentials.reveal();
  if (all.empty()) return {};
  std::vector<Secret> out{proxy.credentials, in_base64(proxy.credentials)};
  if (const auto colon = all.find(':'); colon + 1 < all.size()) out.emplace_back(all.substr(colon + 1));
  return out;
}

Result<bool> ConnectAnswer::feed(std::string_view bytes) {
  const auto refuse = [this](const std::string& why, ErrorKind kind = ErrorKind::Reject) {
    return fail(kind, "the proxy " + proxy_ + " (" + setting_ + ") " + why);
  };
  head_.append(bytes.substr(0, kMaxHeadBytes + 1 - std::min(head_.size(), kMaxHeadBytes)));
  const auto line_end = head_.find('\n');
  constexpr std::string_view kBegins = "HTTP/1.";
  const bool is_http =
      head_.compare(0, std::min(head_.size(), kBegins.size()), kBegins, 0, std::min(head_.size(), kBegins.size())) == 0;
  if (!is_http) return refuse("does not answer in HTTP");
  if (line_end != std::string::npos) {
    const std::string_view line = std::string_view(head_).substr(0, line_end);
    const auto status = status_of(line);
    if (!status) return refuse("does not answer in HTTP");
    if (*status == kNeedsCredentials) {
      return refuse("wants credentials, or refuses those that it got (407): see control_plane.proxy_credentials_file");
    }
    if (*status < 200 || *status > 299) {
      return refuse("answered CONNECT with " + without_controls(line.substr(9, kMaxShownBytes)), ErrorKind::Retry);
    }
  }
  const auto end = head_.find("\r\n\r\n");
  if (end == std::string::npos) {
    if (head_.size() > kMaxHeadBytes) return refuse("sends a head without an end");
    return false;
  }
  if (end + 4 != head_.size()) return refuse("speaks before it was spoken to");
  return true;
}

}  // namespace tether::proxy
