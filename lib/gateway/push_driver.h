#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>

#include "tether/base/time.h"
#include "tether/gateway/driver.h"

namespace tether::gateway {

struct PushDriverOptions {
  std::string socket_path;
  std::optional<uid_t> user = {};   ///< Who may be behind the socket,
  std::optional<gid_t> group = {};  ///< or of which group it may be. Both unset: our own user or root.
  Duration connect_timeout = 2s;    ///< A Unix socket connects at once or its queue is full.
  Duration answer_timeout = 30s;    ///< For the whole answer, from the last byte sent.
  Duration body_timeout = 120s;     ///< For sending the whole body; it keeps a snapshot of the store open so long.
};

/// Tells a gateway over HTTP/1.1 on a Unix socket that it listens on (docs/gateway-protocol.md). The connection is kept
/// and made anew when the gateway has closed it. The socket's folder, and on the connection itself (SO_PEERCRED)
/// who listens, are checked before
/// a byte is sent on it.
class PushDriver : public Driver {
 public:
  explicit PushDriver(const PushDriverOptions& options);
  ~PushDriver() override;

  delivery::StateOutcome state() override;
  delivery::PushOutcome replace(PushSource& source) override;
  delivery::PushOutcome apply(PushSource& source) override;
  void cancel() override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tether::gateway
