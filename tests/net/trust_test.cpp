#include "tether/tls/trust.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

#include "client.h"
#include "test_server.h"

using namespace tether;
using namespace tether::net;
using namespace tether::net::testing;

namespace {

/// A variable of the process, as long as this lives.
class EnvironmentVariable {
 public:
  EnvironmentVariable(const char* name, const std::string& value) : name_(name) {
    REQUIRE(::setenv(name, value.c_str(), 1) == 0);  // NOLINT(concurrency-mt-unsafe): servers do not look.
  }
  ~EnvironmentVariable() { ::unsetenv(name_); }  // NOLINT(concurrency-mt-unsafe)
  EnvironmentVariable(const EnvironmentVariable&) = delete;
  EnvironmentVariable& operator=(const EnvironmentVariable&) = delete;

 private:
  const char* name_;
};

bool is_trusted(std::uint16_t port) {
  tls::Trust trust({});
  Loop loop;
  Client client(loop, trust, secure(port));
  REQUIRE(run_until(loop, [&] { return client.failure || client.opened > 0; }));
  return client.opened > 0;
}

}  // namespace

TEST_CASE("without a CA file the system's authorities are trusted, a bundle too where no folder is hashed") {
  Authority authority;
  TestServer server(TestServer::Tls{authority.issue("DNS:localhost"), 0}, [](Peer& peer) {
    peer.upgrade();
    peer.read_frame();
  });
  const std::string empty = authority.ca_file() + ".certs";
  std::filesystem::create_directory(empty);
  const EnvironmentVariable folder("SSL_CERT_DIR", empty);
  CHECK_FALSE(is_trusted(server.port()));

  const EnvironmentVariable bundle("SSL_CERT_FILE", authority.ca_file());
  CHECK(is_trusted(server.port()));
}
