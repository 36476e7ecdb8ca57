#include "tether/peers/admin_client.h"

#include <httplib.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <random>

namespace tether::peers {
namespace {

constexpr int kAskEveryMs = 25;
/// Of a GET that is hung up on without an answer.
constexpr int kAttempts = 3;
/// Free ports are drawn from these: above the well-known ones, below the usual `ip_local_port_range`.
constexpr std::uint16_t kFirstPort = 10'000;
constexpr std::uint16_t kLastPort = 32'767;

bool is_free(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  const bool bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return bound;
}

}  // namespace

AdminAnswer admin_get(const std::string& address, const std::string& path) {
  httplib::Client client("http://" + address);
  client.set_connection_timeout(2s);
  client.set_read_timeout(5s);
  for (int attempt = 1;; ++attempt) {
    const auto answer = client.Get(path);
    if (answer) return {answer->status, answer->body};
    if (answer.error() != httplib::Error::Read || attempt == kAttempts) return {};
  }
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
  std::random_device random;
  std::uniform_int_distribution<int> ports(kFirstPort, kLastPort);
  while (true) {
    const auto port = static_cast<std::uint16_t>(ports(random));
    if (is_free(port)) return port;
  }
}

}  // namespace tether::peers
