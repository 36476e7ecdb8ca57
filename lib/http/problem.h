#pragma once

#include <string>

namespace tether::http {

/// Why a request got no answer.
enum class Fault {
  Dns,       ///< The name did not resolve.
  Refused,   ///< Nobody listens there, or no way there.
  Timeout,   ///< No connection, no byte or no end within the limit.
  Tls,       ///< Handshake or certificate; the message says which check failed.
  Reset,     ///< The connection broke.
  Closed,    ///< The other side ended the connection before its answer was whole.
  Http,      ///< What came is no HTTP answer, or larger than allowed.
  Peer,      ///< Somebody else than allowed is behind the Unix socket.
  Folder,    ///< The Unix socket's folder, or one above it, lets others put a socket there.
  Receiver,  ///< Our own side gave up: the receiver of the answer, or the source of the body.
  Cancelled,
};

struct Problem {
  Fault fault = Fault::Closed;
  std::string message;  ///< One sentence that names the address, without secrets.
};

}  // namespace tether::http
