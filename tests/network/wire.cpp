#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <iostream>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

/// Carries Ethernet frames between two interfaces, as a wire does, and loses or
/// delays them as it is told on standard input, one order a line (kernels
/// without `tc netem` have nothing for that):
///
///     loss PERCENT   of the frames, each way
///     delay MS       each way
///     hole on|off    nothing passes
///     forget         of the TCP connections that there are now nothing passes
///     any more, as after a NAT box's restart
///
/// `tether-wire --plain NAME` makes an interface send whole frames with
/// checksums in them, which a wire needs.
namespace {

using Clock = std::chrono::steady_clock;
using Frame = std::vector<char>;

constexpr std::size_t kMaxFrame = 65536;
/// Where things are in an Ethernet frame with IPv4 in it.
constexpr std::size_t kEtherType = 12, kIp = 14, kProtocol = 23, kAddresses = 26;
constexpr char kTcp = 6;

[[noreturn]] void give_up(const std::string& what) {
  std::perror(what.c_str());
  std::exit(1);
}

void make_plain(const std::string& name) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  for (const std::uint32_t what :
       std::array<std::uint32_t, 4>{ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO}) {
    ethtool_value value{what, 0};
    ifreq request{};
    std::strncpy(static_cast<char*>(request.ifr_name), name.c_str(), IFNAMSIZ - 1);
    request.ifr_data = reinterpret_cast<char*>(&value);
    if (::ioctl(fd, SIOCETHTOOL, &request) != 0 && what == ETHTOOL_STXCSUM) give_up(name);
  }
  ::close(fd);
}

int open_interface(const std::string& name) {
  const int fd = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL));
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(::if_nametoindex(name.c_str()));
  const int on = 1;
  if (fd < 0 || address.sll_ifindex == 0 ||
      ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) != 0) {
    give_up(name);
  }
  return fd;
}

/// Addresses and ports, the same for both ways; empty: not TCP over IPv4.
std::string connection_of(const Frame& frame) {
  constexpr std::size_t kAddressBytes = 4, kPortBytes = 2;
  if (frame.size() < kAddresses + 2 * kAddressBytes || frame[kEtherType] != 8 || frame[kEtherType + 1] != 0 ||
      frame[kProtocol] != kTcp) {
    return {};
  }
  const std::size_t ports = kIp + static_cast<std::size_t>(frame[kIp] & 0x0f) * 4;
  if (frame.size() < ports + 2 * kPortBytes) return {};
  const auto part = [&frame](std::size_t at, std::size_t count) { return std::string(frame.data() + at, count); };
  std::string from = part(kAddresses, kAddressBytes) + part(ports, kPortBytes);
  std::string to = part(kAddresses + kAddressBytes, kAddressBytes) + part(ports + kPortBytes, kPortBytes);
  if (to < from) std::swap(from, to);
  return from + to;
}

class Wire {
 public:
  Wire(const std::string& one, const std::string& other) : ends_{open_interface(one), open_interface(other)} {}

  void run() {
    std::array<pollfd, 3> fds{{{ends_[0], POLLIN, 0}, {ends_[1], POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}}};
    for (;;) {
      ::poll(fds.data(), fds.size(), under_way_.empty() ? 1000 : 1);
      if (fds[2].revents != 0) {
        std::string order;
        if (!std::getline(std::cin, order)) return;
        obey(order);
      }
      for (std::size_t end = 0; end < ends_.size(); ++end) {
        if (fds[end].revents != 0) take_in(end);
      }
      send_due();
    }
  }

 private:
  struct Sent {
    Clock::time_point due;
    std::size_t to;
    Frame frame;
  };

  void obey(const std::string& order) {
    std::istringstream words(order);
    std::string what, value;
    words >> what >> value;
    if (what == "loss") loss_ = std::atoi(value.c_str());
    if (what == "delay") delay_ = std::chrono::milliseconds(std::atoi(value.c_str()));
    if (what == "hole") hole_ = value == "on";
    if (what == "forget") forgotten_ = seen_;
  }

  void take_in(std::size_t end) {
    Frame frame(kMaxFrame);
    for (;;) {
      const ssize_t size = ::recv(ends_.at(end), frame.data(), frame.size(), 0);
      if (size <= 0) return;
      const Frame taken(frame.begin(), frame.begin() + size);
      const std::string connection = connection_of(taken);
      if (!connection.empty()) seen_.insert(connection);
      if (hole_ || forgotten_.contains(connection) || std::uniform_int_distribution<>(0, 99)(random_) < loss_) continue;
      under_way_.push_back({Clock::now() + delay_, 1 - end, taken});
    }
  }

  void send_due() {
    while (!under_way_.empty() && under_way_.front().due <= Clock::now()) {
      const Sent& next = under_way_.front();
      // What an interface that is down does not take is lost, as it would be.
      static_cast<void>(::send(ends_.at(next.to), next.frame.data(), next.frame.size(), 0));
      under_way_.pop_front();
    }
  }

  std::array<int, 2> ends_;
  std::deque<Sent> under_way_;
  std::set<std::string> seen_, forgotten_;
  std::mt19937 random_{1};
  int loss_ = 0;
  std::chrono::milliseconds delay_{0};
  bool hole_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 2 && words[0] == "--plain") {
    make_plain(words[1]);
  } else if (words.size() == 2) {
    Wire(words[0], words[1]).run();
  } else {
    std::fputs("tether-wire INTERFACE INTERFACE, or tether-wire --plain INTERFACE\n", stderr);
    return 2;
  }
}
