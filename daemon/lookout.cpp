#include "lookout.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace tether::daemon {

link::NetworkError network_error_of(net::SocketError error) {
  switch (error) {
    case net::SocketError::Dns:
      return link::NetworkError::Dns;
    case net::SocketError::Refused:
      return link::NetworkError::Refused;
    case net::SocketError::Timeout:
      return link::NetworkError::Timeout;
    case net::SocketError::Tls:
      return link::NetworkError::Tls;
    case net::SocketError::Reset:
      return link::NetworkError::Reset;
    case net::SocketError::Closed:
      return link::NetworkError::Closed;
    case net::SocketError::Http:
      break;
  }
  return link::NetworkError::Http;
}

Lookout::Lookout(net::Loop& loop, tls::Trust& trust, const ControlPlaneSettings& settings, Tell tell)
    : loop_(loop), trust_(trust), settings_(settings), tell_(std::move(tell)) {}

void Lookout::watch() {
  network_.emplace(loop_, [this] { tell_([](link::Link& link, TimePoint now) { link.on_network_changed(now); }); });
}

void Lookout::unwatch() {
  knock_.reset();
  // We may be in one of its callbacks, which it survives.
  network_.reset();
}

void Lookout::knock(const link::Knock& knock) {
  const ControlPlaneAddress& address = settings_.address;
  knock_ = std::make_unique<net::Knock>(
      loop_, trust_,
      net::KnockTarget{address.host, address.port, address.tls, knock.wants_words, settings_.proxy.through},
      [this](const net::KnockResult& result) { on_knocked(result); });
}

bool has_moved(const std::vector<std::string>& before, const std::vector<std::string>& after) {
  std::vector<std::string> common;
  std::set_intersection(before.begin(), before.end(), after.begin(), after.end(), std::back_inserter(common));
  return !before.empty() && !after.empty() && common.empty();
}

void Lookout::on_knocked(const net::KnockResult& result) {
  const bool moved = has_moved(addresses_, result.addresses);
  if (!result.addresses.empty()) addresses_ = result.addresses;
  tell_([&result, moved](link::Link& link, TimePoint now) {
    if (moved) link.on_addresses_changed(now);
    if (result.is_answered) return link.on_knock_answered(now);
    link.on_knock_failed(network_error_of(result.error), result.message, now);
  });
}

}  // namespace tether::daemon
