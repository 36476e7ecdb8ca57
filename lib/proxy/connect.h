#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tether/proxy/choice.h"

namespace tether::proxy {

/// Longest head of a proxy's answer that is read.
inline constexpr std::size_t kMaxHeadBytes = std::size_t{16} * 1024;

/// The request that opens a tunnel to `target` (`host:port`, IPv6 in brackets). It holds the credentials.
Secret connect_request(const Proxy& proxy, const std::string& target);

/// What of the credentials must not be shown: as they are, the password alone, and in base64.
std::vector<Secret> secrets_of(const Proxy& proxy);

/// Reads the answer to it, piece by piece.
class ConnectAnswer {
 public:
  explicit ConnectAnswer(const Proxy& proxy) : proxy_(proxy.authority()), setting_(proxy.setting) {}

  /// The next bytes. True: the tunnel is open. False: more is to come. Retry: the proxy
  /// has no way there now. Reject: it wants credentials, or is no proxy. In one sentence that names proxy and setting.
  /// Nothing may follow the head, since it is on us to speak first.
  Result<bool> feed(std::string_view bytes);

 private:
  std::string proxy_;
  std::string setting_;
  std::string head_;
};

}  // namespace tether::proxy
