#pragma once

#include <cstdint>
#include <string>

namespace tether {

/// Where the admin endpoint is: a TCP address, or a Unix socket.
struct AdminEndpoint {
  std::string host;            ///< An address or a name, without brackets.
  std::uint16_t port = 0;      ///< 0: any free one.
  std::string unix_path = {};  ///< Not empty: this socket, and neither of the above.
};

}  // namespace tether
