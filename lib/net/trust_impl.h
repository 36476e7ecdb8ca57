#pragma once

#include <asio/ssl/context.hpp>

#include "tether/net/trust.h"

namespace tether::net {

/// For the sources of this library only: what the public header hides.
struct Trust::Context {
  asio::ssl::context tls{asio::ssl::context::tls_client};
};

}  // namespace tether::net
