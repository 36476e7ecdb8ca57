#include "tether/peers/stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace tether::peers {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;

int choose_protocol(SSL* /*tls*/, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                    unsigned offered_size, void* /*unused*/) {
  const std::string_view protocols(reinterpret_cast<const char*>(offered), offered_size);
  const auto offers = [protocols](std::string_view name) {
    for (std::size_t at = 0; at < protocols.size(); at += 1U + static_cast<unsigned char>(protocols[at])) {
      if (protocols.substr(at + 1, static_cast<unsigned char>(protocols[at])) == name) return true;
    }
    return false;
  };
  static constexpr std::string_view kH2 = "h2";
  static constexpr std::string_view kHttp1 = "http/1.1";
  const bool take_h2 = offers(kH2);
  if (!take_h2 && !offers(kHttp1)) return SSL_TLSEXT_ERR_NOACK;
  const std::string_view chosen = take_h2 ? kH2 : kHttp1;
  *out = reinterpret_cast<const unsigned char*>(chosen.data());
  *out_size = static_cast<unsigned char>(chosen.size());
  return SSL_TLSEXT_ERR_OK;
}

int wait_ms(TimePoint deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

}  // namespace

Result<TlsContext> make_tls_context(const std::string& certificate_file, const std::string& key_file,
                                    const std::string& client_ca_file) {
  TlsContext context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!context) return fail(ErrorKind::Retry, "TLS: no context");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate_file.c_str()) != 1) {
    return fail(ErrorKind::Reject, "TLS: certificate unusable: " + certificate_file);
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    return fail(ErrorKind::Reject, "TLS: key unusable: " + key_file);
  }
  if (!client_ca_file.empty()) {
    if (SSL_CTX_load_verify_file(context.get(), client_ca_file.c_str()) != 1) {
      return fail(ErrorKind::Reject, "TLS: authority of clients unusable: " + client_ca_file);
    }
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
  return context;
}

Stream::Stream(int fd) : fd_(fd), waker_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)), tls_(nullptr, SSL_free) {}

Stream::~Stream() {
  close();
  ::close(waker_);
}

Io Stream::wait(short events, TimePoint deadline, bool wakeable) {
  while (true) {
    if (aborted_ || fd_ < 0) return Io::Closed;
    std::array<pollfd, 2> fds{{{fd_, events, 0}, {waker_, POLLIN, 0}}};
    const int ready = ::poll(fds.data(), fds.size(), wait_ms(deadline));
    if (ready < 0 && errno != EINTR) return Io::Closed;
    if ((fds[1].revents & POLLIN) != 0) {
      if (aborted_) return Io::Closed;
      if (wakeable) {
        std::uint64_t count = 0;
        [[maybe_unused]] const auto drained = ::read(waker_, &count, sizeof count);
        return Io::Woken;
      }
      // Left readable for the next wait that may be woken: only this socket is of interest now.
      pollfd only{fd_, events, 0};
      constexpr int kLookForAbortMs = 20;
      if (::poll(&only, 1, std::min(kLookForAbortMs, wait_ms(deadline))) > 0) return Io::Ok;
    } else if (fds[0].revents != 0) {
      return Io::Ok;
    }
    if (Clock::now() >= deadline) return Io::TimedOut;
  }
}

Io Stream::after_tls(int result, TimePoint deadline, bool wakeable) {
  switch (SSL_get_error(tls_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return wait(POLLIN, deadline, wakeable);
    case SSL_ERROR_WANT_WRITE:
      return wait(POLLOUT, deadline, wakeable);
    default:
      ERR_clear_error();
      return Io::Closed;
  }
}

Io Stream::accept_tls(const TlsContext& context, TimePoint deadline) {
  tls_.reset(SSL_new(context.get()));
  SSL_set_fd(tls_.get(), fd_);
  while (true) {
    const int result = SSL_accept(tls_.get());
    if (result == 1) return Io::Ok;
    if (const Io io = after_tls(result, deadline, /*wakeable=*/false); io != Io::Ok) return io;
  }
}

bool Stream::chose_h2() const {
  if (!tls_) return false;
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(tls_.get(), &name, &size);
  return size == 2;
}

Io Stream::read_some(std::string& into, TimePoint deadline) {
  std::array<char, kReadBytes> bytes;  // NOLINT: filled by the read
  while (true) {
    if (aborted_ || fd_ < 0) return Io::Closed;
    if (tls_) {
      const int got = SSL_read(tls_.get(), bytes.data(), static_cast<int>(bytes.size()));
      if (got > 0) {
        into.append(bytes.data(), static_cast<std::size_t>(got));
        return Io::Ok;
      }
      if (const Io io = after_tls(got, deadline, /*wakeable=*/true); io != Io::Ok) return io;
    } else {
      const ssize_t got = ::recv(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT);
      if (got > 0) {
        into.append(bytes.data(), static_cast<std::size_t>(got));
        return Io::Ok;
      }
      if (got == 0 || (errno != EAGAIN && errno != EINTR)) return Io::Closed;
      if (const Io io = wait(POLLIN, deadline, /*wakeable=*/true); io != Io::Ok) return io;
    }
  }
}

Io Stream::write_all(std::string_view data, TimePoint deadline) {
  while (!data.empty()) {
    if (aborted_ || fd_ < 0) return Io::Closed;
    if (tls_) {
      const int chunk = static_cast<int>(std::min<std::size_t>(data.size(), 1U << 20U));
      const int sent = SSL_write(tls_.get(), data.data(), chunk);
      if (sent > 0) {
        data.remove_prefix(static_cast<std::size_t>(sent));
      } else if (const Io io = after_tls(sent, deadline, /*wakeable=*/false); io != Io::Ok) {
        return io;
      }
    } else {
      const ssize_t sent = ::send(fd_, data.data(), data.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent >= 0) {
        data.remove_prefix(static_cast<std::size_t>(sent));
      } else if (errno != EAGAIN && errno != EINTR) {
        return Io::Closed;
      } else if (const Io io = wait(POLLOUT, deadline, /*wakeable=*/false); io != Io::Ok) {
        return io;
      }
    }
  }
  return Io::Ok;
}

Io Stream::pause(TimePoint deadline) {
  const Io io = wait(POLLRDHUP, deadline, /*wakeable=*/true);
  return io == Io::Ok ? Io::Closed : io;
}

void Stream::close() {
  if (fd_ < 0) return;
  if (tls_ && !aborted_) SSL_shutdown(tls_.get());
  tls_.reset();
  ERR_clear_error();
  // What is left unread would turn the close into a reset, and that can overtake what was written last.
  ::shutdown(fd_, SHUT_WR);
  std::array<char, 4096> rest;  // NOLINT: filled by the read
  while (::recv(fd_, rest.data(), rest.size(), MSG_DONTWAIT) > 0) {
  }
  ::close(std::exchange(fd_, -1));
}

void Stream::reset() {
  if (fd_ < 0) return;
  const linger at_once{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  tls_.reset();
  ::close(std::exchange(fd_, -1));
}

void Stream::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(waker_, &one, sizeof one);
}

void Stream::abort() {
  aborted_ = true;
  wake();
}

}  // namespace tether::peers
