#include "tether/http/transport.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace tether::http {

namespace {

/// Column in `HTTP/1.1 200 OK` at which the status begins.
constexpr std::size_t kStatusColumn = 9;

}  // namespace

Transport::Transport(int fd, TlsSession tls, std::string where, int cancel_fd)
    : fd_(fd), cancel_fd_(cancel_fd), where_(std::move(where)), tls_(std::move(tls)) {}

void Transport::begin_request(const TransportLimits& limits) {
  limits_ = limits;
  deadline_ = limits.send_deadline;
  sending_ = true;
  answered_early_ = false;
  answer_bytes_ = 0;
  problem_.reset();
  in_head_ = true;
  interim_ = false;
  line_ = column_ = head_bytes_ = 0;
}

void Transport::fail(Fault fault, const std::string& what) {
  if (!problem_) problem_ = Problem{fault, where_ + ": " + what};
}

bool Transport::await(Direction direction) {
  const TimePoint limit = std::min(deadline_, Clock::now() + limits_.silence);
  switch (wait_for(fd_, direction == Direction::In ? POLLIN : POLLOUT, {limit, cancel_fd_})) {
    case Ready::Yes:
      return true;
    case Ready::Cancelled:
      fail(Fault::Cancelled, "cancelled");
      return false;
    case Ready::TimedOut:
      fail(Fault::Timeout, sending_ ? "the request was not taken within the limit" : "no answer within the limit");
      return false;
  }
  return false;
}

ssize_t Transport::read(char* data, std::size_t size) {
  if (problem_) return -1;
  if (sending_) {
    sending_ = false;
    deadline_ = limits_.answer_deadline;
    if (limits_.answer_within > 0s) deadline_ = std::min(deadline_, Clock::now() + limits_.answer_within);
  }
  if (begin_ == end_) {
    const ssize_t received = receive(buffer_.data(), buffer_.size());
    if (received <= 0) return received;
    begin_ = 0;
    end_ = static_cast<std::size_t>(received);
    answer_bytes_ += end_;
    if (answer_bytes_ > limits_.max_answer_bytes) {
      fail(Fault::Http, "an answer over " + std::to_string(limits_.max_answer_bytes) + " bytes");
      return -1;
    }
  }
  const std::size_t given = std::min(size, end_ - begin_);
  std::memcpy(data, buffer_.data() + begin_, given);
  begin_ += given;
  if (in_head_ && !watch_head({data, given})) return -1;
  return static_cast<ssize_t>(given);
}

bool Transport::watch_head(std::string_view bytes) {
  const auto too_long = [this] {
    fail(Fault::Http, "an answer with too long a head");
    return false;
  };
  for (const char c : bytes) {
    if (++head_bytes_ > kMaxHeadBytes) return too_long();
    if (line_ == 0 && column_ == kStatusColumn) interim_ = c == '1';
    if (c != '\n') {
      if (c != '\r') ++column_;
    } else if (column_ == 0) {
      in_head_ = interim_;
      line_ = 0;
      if (!in_head_) return true;
    } else {
      ++line_;
      column_ = 0;
    }
    if (line_ == 0 && column_ > kMaxStatusLineBytes) return too_long();
  }
  return true;
}

ssize_t Transport::receive(char* data, std::size_t size) {
  for (;;) {
    if (tls_) {
      ERR_clear_error();
      const int result = SSL_read(tls_.get(), data, static_cast<int>(size));
      if (result > 0) return result;
      const int error = SSL_get_error(tls_.get(), result);
      if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) return give_up_tls(result);
      if (!await(error == SSL_ERROR_WANT_READ ? Direction::In : Direction::Out)) return -1;
      continue;
    }
    const ssize_t received = ::recv(fd_, data, size, 0);
    if (received > 0) return received;
    if (received == 0) {
      fail(Fault::Closed, "the connection was closed");
      return 0;
    }
    if (errno == EAGAIN || errno == EINTR) {
      if (!await(Direction::In)) return -1;
      continue;
    }
    fail(Fault::Reset, std::generic_category().message(errno));
    return -1;
  }
}

ssize_t Transport::write(std::string_view data) {
  if (problem_) return -1;
  const auto size = static_cast<ssize_t>(data.size());
  while (!data.empty()) {
    if (limits_.heed_early_answer && (answered_early_ || peer_has_spoken())) {
      answered_early_ = true;
      return size;
    }
    const ssize_t sent = send_some(data);
    if (sent < 0) return -1;
    data.remove_prefix(static_cast<std::size_t>(sent));
  }
  return size;
}

ssize_t Transport::send_some(std::string_view data) {
  for (;;) {
    if (Clock::now() >= deadline_) {
      fail(Fault::Timeout, "the request was not taken within the limit");
      return -1;
    }
    if (tls_) {
      ERR_clear_error();
      const int size = static_cast<int>(std::min<std::size_t>(data.size(), 1U << 20U));
      const int result = SSL_write(tls_.get(), data.data(), size);
      if (result > 0) return result;
      const int error = SSL_get_error(tls_.get(), result);
      if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) return give_up_tls(result);
      if (!await(error == SSL_ERROR_WANT_READ ? Direction::In : Direction::Out)) return -1;
      continue;
    }
    const ssize_t sent = ::send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
    if (sent >= 0) return sent;
    if (errno == EAGAIN || errno == EINTR) {
      if (!await(Direction::Out)) return -1;
      // Woken because the other side has answered and closed: the caller looks.
      return 0;
    }
    const int error_number = errno;
    if (limits_.heed_early_answer && peer_has_spoken()) return 0;
    fail(Fault::Reset, std::generic_category().message(error_number));
    return -1;
  }
}

/// Whether there are bytes to read, and not only the end of the stream.
bool Transport::peer_has_spoken() const {
  char byte = 0;
  return ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

ssize_t Transport::give_up_tls(int result) {
  const int error = SSL_get_error(tls_.get(), result);
  const bool ended =
      error == SSL_ERROR_ZERO_RETURN || ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
  if (ended) {
    ERR_clear_error();
    fail(Fault::Closed, "the connection was closed");
    // Only an announced end is the end of a body without a length; a cut is not.
    return error == SSL_ERROR_ZERO_RETURN ? 0 : -1;
  }
  if (error == SSL_ERROR_SYSCALL) {
    fail(Fault::Reset, std::generic_category().message(errno));
  } else {
    fail(Fault::Tls, "TLS: " + tls_error_text());
  }
  return -1;
}

void Transport::close_tls() {
  if (tls_ && !problem_) {
    ERR_clear_error();
    SSL_shutdown(tls_.get());
    ERR_clear_error();
  }
  tls_.reset();
}

}  // namespace tether::http
