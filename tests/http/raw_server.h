#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "tether/base/time.h"

namespace tether::test {

/// One accepted connection, for servers that behave as no library's would.
class RawConnection {
 public:
  explicit RawConnection(int fd) : fd_(fd) {}
  ~RawConnection();
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  /// Reads until the text ends so (kept in received()); false at the end of the stream or after 10 s.
  bool read_until(std::string_view ending);
  /// Reads what is there, or waits for it; false at the end of the stream or after 10 s.
  bool read_more();
  /// Reads until the other side closes, at most 10 s.
  void read_to_end();
  /// False once the other side is gone.
  bool send(std::string_view text);
  /// Waits until something can be read or the other side is gone; false after `limit`.
  bool wait_readable(Duration limit) const;

  const std::string& received() const { return received_; }
  void forget() { received_.clear(); }

 private:
  int fd_;
  std::string received_;
};

/// Listens on a Unix socket or on loopback and hands each connection, one after the other, to the handler, on a thread
/// of its own.
class RawServer {
 public:
  using Handler = std::function<void(RawConnection&, int number)>;

  /// On a free port of 127.0.0.1.
  explicit RawServer(Handler handler);
  RawServer(const std::string& socket_path, Handler handler);
  ~RawServer();
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  std::uint16_t port() const { return port_; }

 private:
  void serve(const Handler& handler) const;

  int listener_;
  int stop_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

inline constexpr std::string_view kHeadEnd = "\r\n\r\n";

/// Answers every request of a connection that has no body with `answer`.
RawServer::Handler answering(const std::string& answer);

/// A folder that goes with the test, for sockets and certificates.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string path(const std::string& name) const { return folder_ + "/" + name; }

 private:
  std::string folder_;
};

}  // namespace tether::test
