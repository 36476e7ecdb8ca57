#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "tether/base/result.h"
#include "tether/peers/stream.h"

namespace tether::peers {

struct ServerOptions {
  std::string host;  ///< A numeric address; empty with `unix_path`.
  std::uint16_t port = 0;
  std::string unix_path;         ///< A Unix socket instead; a stale file there is replaced.
  std::string certificate_file;  ///< Empty: no TLS.
  std::string key_file;
  std::string client_ca_file;    ///< Not empty: clients must have a certificate of this authority.
  std::function<bool()> stalls;  ///< Asked at each accept: true leaves the connection open and unanswered.
};

/// One accepted connection, served by a thread of its own.
class Connection {
 public:
  Connection(std::uint64_t number, int fd) : number_(number), stream_(fd) {}

  std::uint64_t number() const { return number_; }
  Stream& stream() { return stream_; }

 private:
  const std::uint64_t number_;
  Stream stream_;
};

/// Accepts connections and gives each to `serve` on its own thread. Small numbers of connections only.
class Server {
 public:
  using Serve = std::function<void(Connection&)>;

  /// Retry: the address is taken. Reject: certificate or key unusable.
  static Result<std::unique_ptr<Server>> listen(const ServerOptions& options, Serve serve);
  /// Closes all connections, as the death of a process would, and waits for their threads.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t port() const { return port_; }

 private:
  struct Served;
  Server(const ServerOptions& options, Serve serve);
  Result<Done> open();
  Result<Done> open_tcp();
  Result<Done> open_unix();
  void accept_loop();
  void serve_one(Served& served);
  void reap(bool all);

  const ServerOptions options_;
  const Serve serve_;
  std::uint16_t port_ = 0;
  int listener_ = -1;
  int stop_ = -1;  ///< An eventfd: readable once the server goes.
  TlsContext tls_;
  std::uint64_t next_number_ = 1;
  std::mutex mutex_;
  std::list<std::unique_ptr<Served>> served_;
  std::thread thread_;
};

}  // namespace tether::peers
