#include "tether/http/reachability.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "raw_server.h"
#include "tether/tls/trust.h"
#include "tls_server.h"

namespace tether::http {

using Catch::Matchers::Contains;

namespace {

constexpr Duration kLimit = 60s;

Fault fault_of(const auto& outcome) {
  REQUIRE(std::holds_alternative<Problem>(outcome));
  return std::get<Problem>(outcome).fault;
}

/// A port that nobody listens on any more.
std::uint16_t free_port() {
  const test::RawServer gone([](test::RawConnection&, int) {});
  return gone.port();
}

}  // namespace

TEST_CASE("a name is looked up to its addresses, each once") {
  const auto found = look_up("127.0.0.1");
  CHECK(std::get<std::vector<std::string>>(found) == std::vector<std::string>{"127.0.0.1"});

  const auto local = std::get<std::vector<std::string>>(look_up("localhost"));
  CHECK(std::count(local.begin(), local.end(), "127.0.0.1") <= 1);
  CHECK_FALSE(local.empty());
  CHECK(fault_of(look_up("no such name")) == Fault::Dns);
}

TEST_CASE("somebody who listens is told from nobody, without a byte") {
  std::string received = "?";
  {
    const test::RawServer server([&received](test::RawConnection& connection, int) {
      connection.read_to_end();
      received = connection.received();
    });
    CHECK_FALSE(try_tcp({"127.0.0.1", server.port()}, kLimit));
  }
  CHECK((received.empty() || received == "?"));  // hung up before it was looked at

  const auto refused = try_tcp({"127.0.0.1", free_port()}, kLimit);
  REQUIRE(refused);
  CHECK(refused->fault == Fault::Refused);
  CHECK_THAT(refused->message, Contains("127.0.0.1:"));
}

TEST_CASE("a handshake tells version and end of the certificate, or which check failed") {
  const test::TemporaryFolder folder;
  const auto authority = test::make_authority("a test authority");
  const std::string ca_file = folder.path("ca.pem");
  test::write_certificate(authority, ca_file);
  tls::Trust trust({.ca_path = ca_file});
  const test::TlsServer server(test::make_server(authority, "DNS:localhost"), /*max_version=*/0);

  const auto shaken = try_tls({"localhost", server.port()}, trust, kLimit);
  REQUIRE(std::holds_alternative<TlsFacts>(shaken));
  CHECK(std::get<TlsFacts>(shaken).version == "TLSv1.3");
  const Instant now{
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count()};
  CHECK(std::get<TlsFacts>(shaken).valid_until.ns > now.ns);
  CHECK(server.requests() == 0);

  CHECK(fault_of(try_tls({"127.0.0.1", server.port()}, trust, kLimit)) == Fault::Tls);
  const test::TlsServer expired(test::make_server(authority, "DNS:localhost", /*expired=*/true), /*max_version=*/0);
  const auto refused = try_tls({"localhost", expired.port()}, trust, kLimit);
  CHECK(fault_of(refused) == Fault::Tls);
  CHECK_THAT(std::get<Problem>(refused).message, Contains("certificate has expired"));
  CHECK(fault_of(try_tls({"127.0.0.1", free_port()}, trust, kLimit)) == Fault::Refused);
}

}  // namespace tether::http
