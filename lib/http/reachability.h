#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "tether/base/time.h"
#include "tether/http/problem.h"
#include "tether/proxy/choice.h"

/// The way to a server, a step at a time, for who looks for the one that fails. Each blocks, and says nothing to the
/// server that is more than its name.
namespace tether::tls {
class Trust;
}

namespace tether::http {

struct Server {
  std::string host;  ///< A name or an IP address, IPv6 without brackets.
  std::uint16_t port = 0;
  std::optional<proxy::Proxy> proxy = {};  ///< The way there; nullopt: directly.
};

/// The addresses of a name as the system's resolver gives them, in its order, each once. It takes as long as that does.
std::variant<std::vector<std::string>, Problem> look_up(const std::string& host);

/// Connects and hangs up; nullopt: somebody listens. The limit is for all addresses together.
std::optional<Problem> try_tcp(const Server& server, Duration limit);

struct TlsFacts {
  std::string version;  ///< `TLSv1.3`
  Instant valid_until;  ///< Of the server's own certificate.
};
/// Shakes hands as ControlPlaneClient does, everything verified, and hangs up.
std::variant<TlsFacts, Problem> try_tls(const Server& server, tls::Trust& trust, Duration limit);

}  // namespace tether::http
