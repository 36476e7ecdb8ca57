#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tether/admin/accept.h"
#include "tether/admin/endpoint.h"
#include "tether/admin/metrics.h"
#include "tether/admin/release.h"
#include "tether/admin/resources.h"
#include "tether/admin/status.h"
#include "tether/base/result.h"
#include "tether/base/secret.h"

namespace tether {

/// What the endpoint asks for. Called on the endpoint's threads, several at once, and never after stop(): quick copies
/// of what the loop thread has left there, never a wait for it.
struct AdminSources {
  std::function<Status()> status;
  std::function<bool()> is_alive;  ///< True while the loop turns (see Heartbeat).
  /// Takes known secret values out of every body: a last net under the rule that nobody puts one in. May be unset.
  std::function<std::string(std::string_view)> redact = {};
  /// Leave an operator's consent for the state thread: to what is held, to the staged identity. May be unset.
  std::function<void(const AgreedRelease&)> release = {};
  std::function<void(const AgreedIdentity&)> accept = {};
  /// A page of what is stored, as JSON. May read the disk for some milliseconds. May be unset.
  std::function<Result<std::string>(const ResourcesAsked&)> resources = {};
  /// The events that have come or changed after this count, as JSON. May be unset.
  std::function<std::string(std::uint64_t after)> events = {};
  /// What a client must bring as `Authorization: Bearer`, asked for at each request; nullopt: nobody gets in. Unset:
  /// nothing is asked of clients.
  std::function<std::optional<Secret>()> token = {};
};

/// `/livez`, `/readyz`, `/status` and `/metrics` over HTTP/1.1, one request a connection. GET and HEAD only (405),
/// other paths are 404. Who has sent nothing after a second, no whole request after two or has not taken the answer
/// after five is hung up on, and so is whoever connects while 32 wait. A head ends at 32 KiB. Where a token is asked
/// for, `/livez` and `/readyz` alone are answered without (else 401).
///
/// Where none is, `/status` and `/metrics` are 403 over TCP for a `Host` that is not this machine's: a page in a
/// browser may have brought its name here.
///
/// `/resources` and `/events` name what is stored and what comes, which concerns nobody but who is on this machine, and
/// no page in a browser, and by no proxy that says so: to others it is 403. 400: it cannot be asked so; 503: the store
/// cannot be read now.
///
/// POST is for `/release-deletions` and `/accept-identity` alone, from this machine alone, and never for a page in a
/// browser: without the header of the command, with an `Origin`, or for a `Host` that is not this machine's, or by a
/// proxy, it is 403, before its body is read. 202: the consent was left for the state thread; 400: it cannot be read;
/// 409: it cannot be asked for now, with the reason in one line.
class AdminServer {
 public:
  /// Binds and serves from threads of its own. A Unix socket has mode 0660, and is gone after the end. Reject: the
  /// address is taken or is none, in one sentence. `metrics` outlives the server.
  static Result<std::unique_ptr<AdminServer>> start(const AdminEndpoint& at, AdminSources sources, Metrics& metrics);
  /// Stops.
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  /// The port that it really listens on.
  std::uint16_t port() const;

  /// What a connection from that address gets that sends these bytes and ends, without one: for tests that make many,
  /// or would have to be elsewhere. It was made to 192.0.2.1. Any thread.
  std::string answer_to(std::string_view request, const std::string& from = "127.0.0.1");

  /// Returns within a second, whatever clients do. After it nothing of the sources or the metrics is used.
  void stop();

 private:
  struct Impl;
  explicit AdminServer(std::shared_ptr<Impl> impl);

  /// Shared with the serving thread, which a client that never finishes its request may hold past stop().
  std::shared_ptr<Impl> impl_;
};

}  // namespace tether
