#include "tether/net/race.h"

#include <utility>
#include <vector>

#include "tether/base/interleave.h"
#include "tether/net/loop_impl.h"

namespace tether::net {

using asio::ip::tcp;

struct Race::Impl : std::enable_shared_from_this<Race::Impl> {
  Impl(Loop& l, const Lookup::Endpoints& all, Callbacks c)
      : loop(l),
        addresses(
            interleaved(all, [&all](const tcp::endpoint& one) { return one.protocol() == all.front().protocol(); })),
        callbacks(std::move(c)),
        timer(l, [this] { try_next(); }) {}  // a member, and cancelled with the race

  void try_next() {
    const tcp::endpoint address = addresses[sockets.size()];
    const auto socket = std::make_shared<tcp::socket>(loop.impl().io);
    sockets.push_back(socket);
    ++under_way;
    timer.cancel();
    if (sockets.size() < addresses.size()) timer.arm(Clock::now() + kAddressDelay);
    socket->async_connect(address, [self = shared_from_this(), socket, address](const asio::error_code& error) {
      if (!self->is_over) self->on_end(*socket, address, error);
    });
  }

  void on_end(tcp::socket& socket, const tcp::endpoint& address, const asio::error_code& error) {
    --under_way;
    if (!error) {
      tcp::socket winner = std::move(socket);
      const auto tell = callbacks.on_connected;
      end();
      return tell(std::move(winner));
    }
    asio::error_code ignored;
    socket.close(ignored);
    if (sockets.size() < addresses.size()) return try_next();
    if (under_way > 0) return;
    const auto tell = callbacks.on_failed;
    end();
    tell(address, error);
  }

  void end() {
    is_over = true;
    timer.cancel();
    for (const auto& socket : sockets) {
      asio::error_code ignored;
      socket->close(ignored);
    }
  }

  Loop& loop;
  Lookup::Endpoints addresses;
  Callbacks callbacks;
  Timer timer;
  std::vector<std::shared_ptr<tcp::socket>> sockets;  ///< Each shared with its connection under way.
  std::size_t under_way = 0;
  bool is_over = false;
};

Race::Race(Loop& loop, const Lookup::Endpoints& addresses, Callbacks callbacks)
    : impl_(std::make_shared<Impl>(loop, addresses, std::move(callbacks))) {
  impl_->try_next();
}

Race::~Race() {
  if (!impl_->is_over) impl_->end();
}

}  // namespace tether::net
