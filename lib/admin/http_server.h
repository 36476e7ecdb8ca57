#pragma once

// httplib.h as the sources of this library see it.
#include <httplib.h>

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "tether/base/time.h"

namespace tether {

/// Where such a connection was made to.
inline constexpr const char* kMemoryAddress = "192.0.2.1";

/// What a request may have, of which httplib limits no more than the body that says how long it is.
struct RequestLimits {
  std::size_t head_bytes = std::size_t{32} * 1024;
  std::size_t body_bytes = 0;
};

/// A connection with one request, of which no more is read than it may have.
class RequestStream : public httplib::Stream {
 public:
  explicit RequestStream(RequestLimits limits) : left_(limits.head_bytes), body_bytes_(limits.body_bytes) {}
  ssize_t read(char* data, std::size_t size) final;

 private:
  virtual ssize_t receive(char* data, std::size_t size) = 0;
  void look_for_end_of_head(std::string_view bytes);

  std::size_t left_;
  std::size_t body_bytes_;
  bool in_head_ = true;
  bool is_line_empty_ = true;
};

/// A connection in memory: the other side, at the address `from`, has sent all it will ever send.
class MemoryStream : public RequestStream {
 public:
  MemoryStream(std::string_view sent, std::string from, RequestLimits limits)
      : RequestStream(limits), rest_(sent), from_(std::move(from)) {}

  bool is_readable() const override { return true; }
  bool is_writable() const override { return true; }
  ssize_t write(const char* data, std::size_t size) override {
    written_.append(data, size);
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string& ip, int& /*port*/) const override { ip = from_; }
  void get_local_ip_and_port(std::string& ip, int& /*port*/) const override { ip = kMemoryAddress; }
  socket_t socket() const override { return INVALID_SOCKET; }

  std::string take_written() { return std::move(written_); }

 private:
  ssize_t receive(char* data, std::size_t size) override {
    const std::string_view given = rest_.substr(0, size);
    if (!given.empty()) std::memcpy(data, given.data(), given.size());
    rest_.remove_prefix(given.size());
    return static_cast<ssize_t>(given.size());
  }

  std::string_view rest_;
  std::string from_;
  std::string written_;
};

/// cpp-httplib's server, which also answers requests that come over no socket, and in which nobody who connects can
/// take memory, files or threads without end: httplib itself waits 5 s for a first byte, and for each next one anew,
/// reads a head of any length, and keeps as many connections waiting as come.
///
/// A connection has one request. Its limits count from when it came, also while it waits for its turn: so those who say
/// nothing, however many, are all gone at the same time, and nobody waits for one after the other.
class HttpServer : public httplib::Server {
 public:
  explicit HttpServer(std::size_t max_body_bytes);

  /// Takes a listening socket over, to be served by listen_after_bind().
  void adopt(int fd) { svr_sock_ = fd; }

  /// After a bind: httplib lets the system keep 5 connections, and whoever is one too many tries again after a second.
  void keep_more_for_accept();

  /// What a connection from that address gets that sends these bytes and ends. Any thread.
  std::string answer(std::string_view sent, const std::string& from);

 private:
  class Turns;

  /// On the accepting thread.
  bool process_and_close_socket(socket_t socket) override;
  void serve(socket_t socket, TimePoint came);

  RequestLimits limits_;
  Turns* turns_ = nullptr;  ///< httplib's, while it listens.
};

}  // namespace tether
