#include "tls_server.h"

#include <httplib.h>

#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "tether/base/check.h"

namespace tether::test {

struct TlsServer::Impl {
  explicit Impl(Identity given) : identity(std::move(given)), server(identity.certificate.get(), identity.key.get()) {}

  void note(const httplib::Request& request) {
    const std::lock_guard lock(mutex);
    ++requests;
    ports.insert(request.remote_port);
  }

  void echo(const httplib::Request& request, httplib::Response& response) {
    note(request);
    std::string text = request.method + " " + request.target + "\n";
    for (const auto& [name, value] : request.headers) text += name + ": " + value + "\n";
    response.set_header("Date", "Sat, 22 Aug 2026 11:02:03 GMT");
    response.set_content(text + request.body, "text/plain");
  }

  Identity identity;
  httplib::SSLServer server;
  int port = 0;
  mutable std::mutex mutex;
  int requests = 0;
  std::set<int> ports;
  std::thread thread;
};

TlsServer::TlsServer(Identity identity, int max_version) : impl_(std::make_unique<Impl>(std::move(identity))) {
  Impl& impl = *impl_;
  check(impl.server.is_valid(), "the test's server has a certificate");
  if (max_version != 0) {
    SSL_CTX_set_min_proto_version(impl.server.ssl_context(), max_version);
    SSL_CTX_set_max_proto_version(impl.server.ssl_context(), max_version);
  }
  const auto echo = [&impl](const httplib::Request& request, httplib::Response& response) {
    impl.echo(request, response);
  };
  impl.server.Get("/api/internal/v1/echo", echo);
  impl.server.Post("/api/internal/v1/echo", echo);
  impl.server.Get("/api/internal/v1/large", [&impl](const httplib::Request& request, httplib::Response& response) {
    impl.note(request);
    response.set_content(std::string(kLargeBytes, 'x'), "application/json");
  });
  impl.port = impl.server.bind_to_any_port("127.0.0.1");
  impl.thread = std::thread([&impl] { impl.server.listen_after_bind(); });
  while (!impl.server.is_running()) std::this_thread::yield();
}

TlsServer::~TlsServer() {
  impl_->server.stop();
  impl_->thread.join();
}

std::uint16_t TlsServer::port() const {
  return static_cast<std::uint16_t>(impl_->port);
}

int TlsServer::requests() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->requests;
}

int TlsServer::connections() const {
  const std::lock_guard lock(impl_->mutex);
  return static_cast<int>(impl_->ports.size());
}

}  // namespace tether::test
