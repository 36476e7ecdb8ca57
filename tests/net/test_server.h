#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "certificates.h"

namespace tether::net::testing {

struct Frame {
  int opcode = 0;
  bool masked = false;
  std::string payload;
};

inline constexpr int kText = 1;
inline constexpr int kClose = 8;
inline constexpr int kPing = 9;
inline constexpr int kPong = 10;

/// The server's end of one connection, blocking, on the server's thread. Every wait ends after ten seconds.
class Peer {
 public:
  Peer(int fd, SSL* tls) : fd_(fd), tls_(tls) {}

  /// The head of the request, blank line included; empty if the client hung up.
  std::string read_request();
  void write(std::string_view bytes);
  /// Reads a request and answers it with a proper upgrade. Gives the head back.
  std::string upgrade();
  /// A client's frame, unmasked; nothing once the client is gone.
  std::optional<Frame> read_frame();
  void write_frame(int opcode, std::string_view payload);
  /// Ends the connection so that the client sees a reset.
  void reset();
  /// Waits until the client hangs up, without answering anything.
  void wait_for_end();

 private:
  std::size_t read_some(char* to, std::size_t limit);
  bool read_exactly(char* to, std::size_t count);

  int fd_;
  SSL* tls_;
};

/// A loopback server on a free port that plays one script per connection, one connection after the other. It knows
/// nothing of websocketpp, so that client and test cannot share a mistake.
class TestServer {
 public:
  using Script = std::function<void(Peer&)>;

  struct Tls {
    Identity identity;
    int max_version = 0;  ///< 0: whatever the library offers.
  };

  explicit TestServer(Script script);
  TestServer(Tls tls, Script script);
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  std::uint16_t port() const { return port_; }
  int connections() const { return connections_; }
  /// Takes no more connections and waits until the script under way has ended: let go of the client first. What the
  /// script has written down can be read after this.
  void finish();
  /// What the last TLS client asked for. Read them after `finish`.
  const std::string& server_name() const { return server_name_; }
  const std::string& offered_alpn() const { return offered_alpn_; }

 private:
  void listen();
  void serve();
  void serve_one(int fd);
  static int select_alpn(SSL* tls, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                         unsigned int in_size, void* server);

  Script script_;
  Tls tls_;
  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_{nullptr, SSL_CTX_free};
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_ = 0;
  std::atomic<bool> stopping_ = false;
  std::string server_name_;
  std::string offered_alpn_;
  std::thread thread_;
};

/// A port on which nobody listens.
std::uint16_t unused_port();

}  // namespace tether::net::testing
