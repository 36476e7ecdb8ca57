#pragma once

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>

#include "tether/net/loop.h"

namespace tether::net {

/// For the sources of this library only: what the public header hides.
struct Loop::Impl {
  asio::io_context io{/*concurrency_hint=*/1};
  asio::signal_set terminate{io};
  asio::signal_set reload{io};
  asio::signal_set user{io};
};

}  // namespace tether::net
