#include "tether/peers/admin_client.h"

#include <httplib.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace tether::peers {
namespace {

constexpr int kAskEveryMs = 25;

}  // namespace

AdminAnswer admin_get(const std::string& address, const std::string& path) {
  httplib::Client client("http://" + address);
  client.set_connection_timeout(2s);
  client.set_read_timeout(5s);
  const auto answer = client.Get(path);
  return answer ? AdminAnswer{answer->status, answer->body} : AdminAnswer{};
}

nlohmann::json admin_status(const std::string& address) {
  const AdminAnswer answer = admin_get(address, "/status");
  if (answer.status == 0) return nullptr;
  return nlohmann::json::parse(answer.body, nullptr, /*allow_exceptions=*/false);
}

std::optional<nlohmann::json> wait_for_status(const std::string& address,
                                              const std::function<bool(const nlohmann::json&)>& holds, Duration limit) {
  const TimePoint deadline = Clock::now() + limit;
  while (true) {
    nlohmann::json status = admin_status(address);
    try {
      if (status.is_object() && holds(status)) return status;
    } catch (const nlohmann::json::exception&) {
      // A member that is not there yet: as good as false.
    }
    if (Clock::now() >= deadline) return std::nullopt;
    ::poll(nullptr, 0, kAskEveryMs);
  }
}

std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ::bind(fd, reinterpret_cast<const sockaddr*>(&address), size);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(fd);
  return ntohs(address.sin_port);
}

}  // namespace tether::peers
