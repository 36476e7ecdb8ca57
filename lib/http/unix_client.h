#pragma once

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "tether/base/result.h"
#include "tether/base/time.h"
#include "tether/http/peer_policy.h"
#include "tether/http/problem.h"

namespace tether::http {

struct UnixClientOptions {
  std::string socket_path;
  PeerPolicy peer = {};  ///< Who may listen.
  Duration connect_timeout = 2s;
  Duration answer_timeout = 30s;  ///< For the whole answer, from the last byte sent.
  Duration body_timeout = 120s;   ///< For sending the whole body.
  std::size_t max_answer_bytes = std::size_t{16} * 1024 * 1024;
};

struct UnixCall {
  std::string method;
  std::string path;
  std::string content_type = {};
  /// The body, if set: appends its next piece to `out`, which is empty, and answers false after the last. An error cuts
  /// the body short, so that no server can take it for whole.
  std::function<Result<bool>(std::string& out)> next_piece = {};
};

struct UnixAnswer {
  int status = 0;
  std::string body;
  /// It came before the last byte of the body was sent; the rest was not. The mark of the body's end is no part of it:
  /// who knows how much there is need not wait for that.
  bool early = false;
};

using UnixOutcome = std::variant<UnixAnswer, Problem>;

/// HTTP/1.1 requests to a server on a Unix socket, over one connection that is kept, with `Host: localhost` and chunked
/// bodies. The socket's folder (Fault::Folder) and who listens (Fault::Peer) are checked on each connection before a
/// byte is sent. Blocking, one thread; cancel() from any.
class UnixClient {
 public:
  explicit UnixClient(UnixClientOptions options);
  ~UnixClient();
  UnixClient(const UnixClient&) = delete;
  UnixClient& operator=(const UnixClient&) = delete;

  UnixOutcome call(const UnixCall& call);

  /// Ends the call under way, and every later one at once, with Fault::Cancelled.
  void cancel();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tether::http
