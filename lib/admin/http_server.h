#pragma once

// httplib.h as the sources of this library see it.
#include <httplib.h>

#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace tether {

/// Where such a connection was made to.
inline constexpr const char* kMemoryAddress = "192.0.2.1";

/// A connection in memory: the other side, at the address `from`, has sent all it will ever send.
class MemoryStream : public httplib::Stream {
 public:
  MemoryStream(std::string_view sent, std::string from) : rest_(sent), from_(std::move(from)) {}

  bool is_readable() const override { return true; }
  bool is_writable() const override { return true; }
  ssize_t read(char* data, std::size_t size) override {
    const std::string_view given = rest_.substr(0, size);
    if (!given.empty()) std::memcpy(data, given.data(), given.size());
    rest_.remove_prefix(given.size());
    return static_cast<ssize_t>(given.size());
  }
  ssize_t write(const char* data, std::size_t size) override {
    written_.append(data, size);
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string& ip, int& /*port*/) const override { ip = from_; }
  void get_local_ip_and_port(std::string& ip, int& /*port*/) const override { ip = kMemoryAddress; }
  socket_t socket() const override { return INVALID_SOCKET; }

  std::string take_written() { return std::move(written_); }

 private:
  std::string_view rest_;
  std::string from_;
  std::string written_;
};

/// cpp-httplib's server, which also answers requests that come over no socket.
class HttpServer : public httplib::Server {
 public:
  /// Takes a listening socket over, to be served by listen_after_bind().
  void adopt(int fd) { svr_sock_ = fd; }

  /// What a connection from that address gets that sends these bytes and ends. Any thread.
  std::string answer(std::string_view sent, const std::string& from) {
    MemoryStream stream(sent, from);
    bool is_closed = false;
    process_request(stream, /*close_connection=*/true, is_closed, /*setup_request=*/nullptr);
    return stream.take_written();
  }
};

}  // namespace tether
