#include "tether/admin/http_server.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <functional>
#include <memory>

namespace tether {
namespace {

constexpr std::size_t kThreads = 2;      // A probe must not wait for a scrape.
constexpr std::size_t kMaxWaiting = 32;  // Of the 1024 files that the service may have.
// From when it came. All of them are well below the 10 s that a health check of a container waits.
constexpr Duration kFirstByteWithin = 1s;
constexpr Duration kRequestWithin = 2s;
constexpr Duration kAnswerWithin = 5s;

/// Until it is readable or writable (`events`), or no later than that. What is so already is never too late.
bool await(int fd, short events, TimePoint until) {
  while (true) {
    const auto left = std::max(Duration(0), until - Clock::now());
    pollfd wanted{fd, events, 0};
    const int ready = ::poll(&wanted, 1, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count()));
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

using NameOf = int (*)(int, sockaddr*, socklen_t*);

/// What `name_of` says of this end of the connection, or of the other; nothing if it has none.
void read_address(int fd, NameOf name_of, std::string& ip) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (name_of(fd, generic, &size) != 0) return;
  std::array<char, NI_MAXHOST> text{};
  if (::getnameinfo(generic, size, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) == 0) ip = text.data();
}

/// One that was accepted. Does not own the socket.
class SocketStream : public RequestStream {
 public:
  SocketStream(int fd, TimePoint came, RequestLimits limits) : RequestStream(limits), fd_(fd), came_(came) {}

  bool is_readable() const override { return begin_ < end_ || await(fd_, POLLIN, read_until()); }
  bool is_writable() const override { return await(fd_, POLLOUT, came_ + kAnswerWithin); }
  ssize_t write(const char* data, std::size_t size) override {
    std::size_t sent = 0;
    while (sent < size) {
      if (!is_writable()) return -1;
      const ssize_t part = ::send(fd_, data + sent, size - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (part >= 0) sent += static_cast<std::size_t>(part);
      if (part < 0 && !is_passing(errno)) return -1;
    }
    return static_cast<ssize_t>(sent);
  }
  void get_remote_ip_and_port(std::string& ip, int& /*port*/) const override { read_address(fd_, ::getpeername, ip); }
  void get_local_ip_and_port(std::string& ip, int& /*port*/) const override { read_address(fd_, ::getsockname, ip); }
  socket_t socket() const override { return fd_; }

 private:
  static bool is_passing(int error) { return error == EINTR || error == EAGAIN || error == EWOULDBLOCK; }
  TimePoint read_until() const { return came_ + (has_begun_ ? kRequestWithin : kFirstByteWithin); }

  ssize_t receive(char* data, std::size_t size) override {
    if (begin_ == end_) {
      ssize_t got = -1;
      do {
        if (!await(fd_, POLLIN, read_until())) return -1;
        got = ::recv(fd_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
      } while (got < 0 && is_passing(errno));
      if (got <= 0) return got;
      has_begun_ = true;
      begin_ = 0;
      end_ = static_cast<std::size_t>(got);
    }
    const std::size_t given = std::min(size, end_ - begin_);
    std::memcpy(data, buffer_.data() + begin_, given);
    begin_ += given;
    return static_cast<ssize_t>(given);
  }

  int fd_;
  TimePoint came_;
  bool has_begun_ = false;
  // What came and was not asked for yet: httplib asks for a head byte by byte.
  std::array<char, 4096> buffer_{};
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

void hang_up(int fd) {
  ::shutdown(fd, SHUT_RDWR);
  ::close(fd);
}

}  // namespace

ssize_t RequestStream::read(char* data, std::size_t size) {
  if (left_ == 0) return -1;
  const ssize_t got = receive(data, std::min(size, left_));
  if (got <= 0) return got;
  left_ -= static_cast<std::size_t>(got);
  if (in_head_) look_for_end_of_head({data, static_cast<std::size_t>(got)});
  return got;
}

void RequestStream::look_for_end_of_head(std::string_view bytes) {
  for (const char c : bytes) {
    if (c == '\n' && is_line_empty_) {
      in_head_ = false;
      left_ += body_bytes_;
      return;
    }
    if (c != '\r') is_line_empty_ = c == '\n';
  }
}

/// Who is served at once, who waits, and who is turned away.
class HttpServer::Turns : public httplib::TaskQueue {
 public:
  /// What accepts a connection, which then takes a turn.
  void enqueue(std::function<void()> accept) override { accept(); }
  void shutdown() override { threads_.shutdown(); }

  /// False: too many wait already.
  bool take(std::function<void()> serve) {
    if (waiting_ >= kMaxWaiting) return false;
    ++waiting_;
    threads_.enqueue([this, serve = std::move(serve)] {
      --waiting_;
      serve();
    });
    return true;
  }

 private:
  std::atomic<std::size_t> waiting_ = 0;
  httplib::ThreadPool threads_{kThreads};
};

HttpServer::HttpServer(std::size_t max_body_bytes) : limits_{.body_bytes = max_body_bytes} {
  set_payload_max_length(max_body_bytes);
  new_task_queue = [this] {
    auto turns = std::make_unique<Turns>();
    turns_ = turns.get();
    return turns.release();
  };
}

void HttpServer::keep_more_for_accept() {
  ::listen(svr_sock_, SOMAXCONN);
}

bool HttpServer::process_and_close_socket(socket_t socket) {
  const bool is_taken = turns_->take([this, socket, came = Clock::now()] { serve(socket, came); });
  if (!is_taken) hang_up(socket);
  return is_taken;
}

void HttpServer::serve(socket_t socket, TimePoint came) {
  SocketStream stream(socket, came, limits_);
  bool is_closed = false;
  process_request(stream, /*close_connection=*/true, is_closed, /*setup_request=*/nullptr);
  hang_up(socket);
}

std::string HttpServer::answer(std::string_view sent, const std::string& from) {
  MemoryStream stream(sent, from, limits_);
  bool is_closed = false;
  process_request(stream, /*close_connection=*/true, is_closed, /*setup_request=*/nullptr);
  return stream.take_written();
}

}  // namespace tether
