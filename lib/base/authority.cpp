#include "tether/base/authority.h"

namespace tether {

std::string bracketed(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

std::string authority(const std::string& host, std::uint16_t port) {
  return bracketed(host) + ":" + std::to_string(port);
}

}  // namespace tether
