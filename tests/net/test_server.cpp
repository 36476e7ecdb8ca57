#include "test_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/sha.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <stdexcept>

namespace tether::net::testing {
namespace {

constexpr std::string_view kKeyHeader = "Sec-WebSocket-Key: ";
constexpr std::string_view kMagic = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 section 1.3

int bind_loopback(std::uint16_t& port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  const bool bound = fd >= 0 && ::bind(fd, generic, size) == 0 && ::getsockname(fd, generic, &size) == 0;
  if (!bound) throw std::runtime_error("test server: no port");
  port = ntohs(address.sin_port);
  return fd;
}

}  // namespace

std::uint16_t unused_port() {
  std::uint16_t port = 0;
  ::close(bind_loopback(port));
  return port;
}

// ---- Peer

std::size_t Peer::read_some(char* to, std::size_t limit) {
  if (tls_ != nullptr) {
    const int count = SSL_read(tls_, to, static_cast<int>(limit));
    return count > 0 ? static_cast<std::size_t>(count) : 0;
  }
  const ssize_t count = ::recv(fd_, to, limit, 0);
  return count > 0 ? static_cast<std::size_t>(count) : 0;
}

bool Peer::read_exactly(char* to, std::size_t count) {
  for (std::size_t done = 0; done < count;) {
    const std::size_t now = read_some(to + done, count - done);
    if (now == 0) return false;
    done += now;
  }
  return true;
}

std::string Peer::read_request() {
  std::string head;
  char byte = 0;
  while (head.size() < 16'000 && !head.ends_with("\r\n\r\n") && read_exactly(&byte, 1)) head += byte;
  return head;
}

void Peer::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = tls_ != nullptr ? SSL_write(tls_, bytes.data(), static_cast<int>(bytes.size()))
                                          : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

std::string Peer::upgrade() {
  std::string head = read_request();
  const auto at = head.find(kKeyHeader);
  if (at == std::string::npos) return head;
  const auto start = at + kKeyHeader.size();
  const std::string key = head.substr(start, head.find("\r\n", start) - start) + std::string(kMagic);
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
  SHA1(reinterpret_cast<const unsigned char*>(key.data()), key.size(), digest.data());
  std::array<unsigned char, 32> accept{};
  EVP_EncodeBlock(accept.data(), digest.data(), static_cast<int>(digest.size()));
  write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
        std::string(reinterpret_cast<const char*>(accept.data())) + "\r\n\r\n");
  return head;
}

std::optional<Frame> Peer::read_frame() {
  std::array<unsigned char, 8> head{};
  const auto read = [this, &head](std::size_t count) {
    return read_exactly(reinterpret_cast<char*>(head.data()), count);
  };
  if (!read(2)) return std::nullopt;
  Frame frame;
  frame.opcode = head[0] & 0x0f;
  frame.masked = (head[1] & 0x80) != 0;
  std::size_t size = head[1] & 0x7f;
  const std::size_t size_bytes = size == 126 ? 2 : size == 127 ? 8 : 0;
  if (size_bytes > 0) {
    if (!read(size_bytes)) return std::nullopt;
    size = 0;
    for (std::size_t i = 0; i < size_bytes; ++i) size = size << 8U | head.at(i);
  }
  std::array<char, 4> mask{};
  if (frame.masked && !read_exactly(mask.data(), mask.size())) return std::nullopt;
  frame.payload.resize(size);
  if (!read_exactly(frame.payload.data(), size)) return std::nullopt;
  for (std::size_t i = 0; i < size; ++i) frame.payload[i] = static_cast<char>(frame.payload[i] ^ mask.at(i % 4));
  return frame;
}

void Peer::write_frame(int opcode, std::string_view payload) {
  std::string frame(1, static_cast<char>(0x80 | opcode));
  if (payload.size() < 126) {
    frame += static_cast<char>(payload.size());
  } else {
    const bool is_short = payload.size() <= 0xffff;
    frame += static_cast<char>(is_short ? 126 : 127);
    for (int shift = is_short ? 8 : 56; shift >= 0; shift -= 8)
      frame += static_cast<char>(payload.size() >> shift & 0xffU);
  }
  write(frame + std::string(payload));
}

void Peer::reset() {
  const linger at_once{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void Peer::wait_for_end() {
  std::array<char, 4096> ignored{};
  while (::recv(fd_, ignored.data(), ignored.size(), 0) > 0) {
  }
}

// ---- TestServer

TestServer::TestServer(Script script) : script_(std::move(script)) {
  listen();
}

TestServer::TestServer(Tls tls, Script script) : script_(std::move(script)), tls_(std::move(tls)) {
  context_.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* const context = context_.get();
  SSL_CTX_use_certificate(context, tls_.identity.certificate.get());
  SSL_CTX_use_PrivateKey(context, tls_.identity.key.get());
  SSL_CTX_set_alpn_select_cb(context, &TestServer::select_alpn, this);
  if (tls_.max_version != 0) {
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context, tls_.max_version);
    SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0");
  }
  listen();
}

TestServer::~TestServer() {
  finish();
  ::close(listener_);
}

void TestServer::finish() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  thread_.join();
}

void TestServer::listen() {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL.
  listener_ = bind_loopback(port_);
  ::listen(listener_, 16);
  thread_ = std::thread([this] { serve(); });
}

void TestServer::serve() {
  while (!stopping_) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    const timeval limit{10, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    ++connections_;
    serve_one(fd);
    ::close(fd);
  }
}

void TestServer::serve_one(int fd) {
  const std::unique_ptr<SSL, void (*)(SSL*)> tls(context_ ? SSL_new(context_.get()) : nullptr, SSL_free);
  if (tls) {
    SSL_set_fd(tls.get(), fd);
    if (SSL_accept(tls.get()) != 1) return;
    const char* name = SSL_get_servername(tls.get(), TLSEXT_NAMETYPE_host_name);
    server_name_ = name != nullptr ? name : "";
  }
  Peer peer(fd, tls.get());
  script_(peer);
}

int TestServer::select_alpn(SSL* /*tls*/, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                            unsigned int in_size, void* server) {
  static constexpr std::array<unsigned char, 12> kOurs = {2,   'h', '2', 8,   'h', 't', 't',
                                                          'p', '/', '1', '.', '1'};  // As the control plane: h2 first.
  static_cast<TestServer*>(server)->offered_alpn_.assign(reinterpret_cast<const char*>(in), in_size);
  unsigned char* chosen = nullptr;
  const int verdict = SSL_select_next_proto(&chosen, out_size, kOurs.data(), kOurs.size(), in, in_size);
  *out = chosen;
  return verdict == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

}  // namespace tether::net::testing
