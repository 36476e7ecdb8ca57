#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "tether/base/time.h"
#include "tether/http/dial.h"
#include "tether/http/problem.h"
#include "tether/http/tls.h"

namespace tether::http {

/// The longest first line of an answer, without its end, and the longest head with it.
inline constexpr std::size_t kMaxStatusLineBytes = 1024;
inline constexpr std::size_t kMaxHeadBytes = std::size_t{64} * 1024;

struct TransportLimits {
  Duration silence = 30s;       ///< Longest wait for a byte, either way.
  TimePoint send_deadline;      ///< The request must have gone out by then …
  TimePoint answer_deadline;    ///< … and the answer be there by then, at the latest, …
  Duration answer_within = 0s;  ///< … and so long after the last byte was sent, if not 0.
  std::size_t max_answer_bytes = 0;
  /// Stop sending as soon as the other side says something: it has refused the body and may not read on. Not for TLS,
  /// where something unasked may come at any time.
  bool heed_early_answer = false;
};

/// One connection and one request on it at a time: bytes in and out with limits, and the reason if it fails. It does
/// not own the socket. One thread.
class Transport {
 public:
  Transport(int fd, TlsSession tls, std::string where, int cancel_fd);

  void begin_request(const TransportLimits& limits);

  /// As the system's calls: bytes, 0 at the end of the stream, -1 after a problem.
  ssize_t read(char* data, std::size_t size);
  /// All of `data`, or -1 after a problem. Bytes after an early answer are dropped as if they were sent.
  ssize_t write(std::string_view data);

  int fd() const { return fd_; }
  bool answered_early() const { return answered_early_; }
  /// Whether a byte of this request's answer has come.
  bool has_answer() const { return answer_bytes_ > 0; }
  /// The first thing that went wrong in this request.
  const std::optional<Problem>& problem() const { return problem_; }
  void fail(Fault fault, const std::string& what);

  /// Says goodbye if the connection is still good, and frees the TLS session.
  void close_tls();

 private:
  enum class Direction { In, Out };

  bool await(Direction direction);
  ssize_t receive(char* data, std::size_t size);
  ssize_t send_some(std::string_view data);
  ssize_t give_up_tls(int result);
  bool peer_has_spoken() const;
  bool watch_head(std::string_view bytes);

  int fd_;
  int cancel_fd_;
  std::string where_;
  TlsSession tls_;
  TransportLimits limits_;

  TimePoint deadline_;
  bool sending_ = true;
  bool answered_early_ = false;
  std::size_t answer_bytes_ = 0;
  std::optional<Problem> problem_;

  // What came and was not asked for yet.
  std::array<char, 8192> buffer_{};
  std::size_t begin_ = 0;
  std::size_t end_ = 0;

  // Where in the answer's head we are: httplib puts no limit on it.
  bool in_head_ = true;
  bool interim_ = false;  ///< The first line says 1xx: another head follows.
  std::size_t line_ = 0;
  std::size_t column_ = 0;
  std::size_t head_bytes_ = 0;
};

}  // namespace tether::http
