#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>

#include "client.h"
#include "test_server.h"

using namespace tether;
using namespace tether::net;
using namespace tether::net::testing;

namespace {

constexpr const char* kOurNames = "DNS:localhost,IP:127.0.0.1";

void upgrade_and_wait(Peer& peer) {
  peer.upgrade();
  peer.read_frame();
}

std::unique_ptr<TestServer> serve(Identity identity, int max_version = 0) {
  return std::make_unique<TestServer>(TestServer::Tls{std::move(identity), max_version}, upgrade_and_wait);
}

/// Dials and says how it failed; nothing if it opened.
std::optional<DialProblem> dial(tls::Trust& trust, DialTarget target) {
  Loop loop;
  Client client(loop, trust, std::move(target));
  REQUIRE(run_until(loop, [&] { return client.failure || client.opened > 0; }));
  return client.failure;
}

}  // namespace

TEST_CASE("a server with a certificate of our authority and its name is dialled over TLS") {
  const auto [host, expected_server_name] = GENERATE(table<std::string, std::string>(
      {{"localhost", "localhost"}, {"127.0.0.1", ""}}));  // An address is no server name.
  CAPTURE(host);
  Authority authority;
  const auto server = serve(authority.issue(kOurNames));
  tls::Trust trust({.ca_path = authority.ca_file()});

  CHECK_FALSE(dial(trust, secure(server->port(), host)));

  server->finish();
  CHECK(server->server_name() == expected_server_name);
}

TEST_CASE("a name that cannot be verified is not talked to") {
  TestServer proxy([](Peer& peer) {
    peer.read_request();
    peer.write("HTTP/1.1 200 OK\r\n\r\n");
    peer.wait_for_end();
  });
  Authority authority;
  tls::Trust trust({.ca_path = authority.ca_file()});
  DialTarget target = secure(443, std::string(300, 'a'));
  target.proxy = proxy::Proxy{"127.0.0.1", proxy.port()};

  const auto problem = dial(trust, target);

  REQUIRE(problem);
  CHECK(problem->error == SocketError::Tls);
  CHECK(problem->message == std::string(300, 'a') + ": TLS: this name cannot be verified");
}

TEST_CASE("http/1.1 is all that is offered by ALPN") {
  Authority authority;
  const auto server = serve(authority.issue(kOurNames));
  tls::Trust trust({.ca_path = authority.ca_file()});

  CHECK_FALSE(dial(trust, secure(server->port())));

  server->finish();
  CHECK(server->offered_alpn() == "\x08http/1.1");
}

TEST_CASE("a certificate of an unknown authority is refused, and the message says why") {
  Authority ours;
  Authority theirs;
  const auto server = serve(theirs.issue(kOurNames));

  SECTION("with a CA file") {
    tls::Trust trust({.ca_path = ours.ca_file()});
    const auto problem = dial(trust, secure(server->port()));
    REQUIRE(problem);
    CHECK(problem->error == SocketError::Tls);
    CHECK(problem->message.find("not accepted") != std::string::npos);
  }
  SECTION("with the system's authorities") {
    tls::Trust trust({});
    const auto problem = dial(trust, secure(server->port()));
    REQUIRE(problem);
    CHECK(problem->error == SocketError::Tls);
  }
}

TEST_CASE("a certificate for another name or address is refused") {
  const auto [names, host, reason] = GENERATE(table<std::string, std::string, std::string>({
      {"DNS:other.example", "localhost", "hostname mismatch"},
      {"DNS:localhost", "127.0.0.1", "IP address mismatch"},
      {"DNS:local*", "localhost", "hostname mismatch"},
  }));
  CAPTURE(names, host);
  Authority authority;
  const auto server = serve(authority.issue(names));
  tls::Trust trust({.ca_path = authority.ca_file()});

  const auto problem = dial(trust, secure(server->port(), host));

  REQUIRE(problem);
  CHECK(problem->error == SocketError::Tls);
  CHECK_THAT(problem->message, Catch::Contains(reason, Catch::CaseSensitive::No));
}

TEST_CASE("an expired certificate is refused by that name") {
  Authority authority;
  const auto server = serve(authority.issue(kOurNames, /*valid_for_s=*/-60));
  tls::Trust trust({.ca_path = authority.ca_file()});

  const auto problem = dial(trust, secure(server->port()));

  REQUIRE(problem);
  CHECK(problem->error == SocketError::Tls);
  CHECK(problem->message.find("expired") != std::string::npos);
}

TEST_CASE("TLS 1.2 is enough and TLS 1.1 is not") {
  Authority authority;
  tls::Trust trust({.ca_path = authority.ca_file()});

  const auto newer = serve(authority.issue(kOurNames), TLS1_2_VERSION);
  CHECK_FALSE(dial(trust, secure(newer->port())));

  const auto older = serve(authority.issue(kOurNames), TLS1_1_VERSION);
  const auto problem = dial(trust, secure(older->port()));
  REQUIRE(problem);
  CHECK(problem->error == SocketError::Tls);
  // OpenSSL's own policy may forbid it besides; ours is not left to that.
  const auto context = trust.context();
  REQUIRE(context);
  CHECK(SSL_CTX_get_min_proto_version(context->get()) == TLS1_2_VERSION);
}

TEST_CASE("a server that speaks no TLS fails as a TLS failure") {
  TestServer server([](Peer& peer) {
    peer.write("HTTP/1.1 400 Bad Request\r\n\r\n");
    peer.wait_for_end();
  });
  tls::Trust trust({});

  const auto problem = dial(trust, secure(server.port()));

  REQUIRE(problem);
  CHECK(problem->error == SocketError::Tls);
}

TEST_CASE("a CA file that cannot be read or holds no certificate fails the dial by its name, until it is repaired") {
  Authority authority;
  const auto server = serve(authority.issue(kOurNames));
  const std::string path = authority.ca_file() + ".late";
  tls::Trust trust({.ca_path = path});

  auto problem = dial(trust, secure(server->port()));
  REQUIRE(problem);
  CHECK(problem->error == SocketError::Tls);
  CHECK(problem->message.find(path) != std::string::npos);

  std::ofstream(path) << "not a certificate\n";
  problem = dial(trust, secure(server->port()));
  REQUIRE(problem);
  CHECK(problem->message.find(path) != std::string::npos);

  std::filesystem::remove(path);
  std::filesystem::copy_file(authority.ca_file(), path);
  CHECK_FALSE(dial(trust, secure(server->port())));
}

TEST_CASE("a CA file that is replaced is used for the next dial") {
  Authority first;
  Authority second;
  const auto server = serve(second.issue(kOurNames));
  const std::string path = first.ca_file();
  tls::Trust trust({.ca_path = path});
  REQUIRE(dial(trust, secure(server->port())));

  const std::string fresh = path + ".new";
  std::filesystem::copy_file(second.ca_file(), fresh);
  std::filesystem::rename(fresh, path);

  CHECK_FALSE(dial(trust, secure(server->port())));
}

TEST_CASE("one TLS context serves many connections") {
  Authority authority;
  tls::Trust trust({.ca_path = authority.ca_file()});

  const auto first = trust.context();
  const auto second = trust.context();

  REQUIRE(first);
  REQUIRE(second);
  CHECK(*first == *second);
}

TEST_CASE("a server with TLS 1.2 is dialled unless 1.3 is asked for") {
  Authority authority;
  const auto server = serve(authority.issue(kOurNames), TLS1_2_VERSION);
  tls::Trust any({.ca_path = authority.ca_file()});
  CHECK_FALSE(dial(any, secure(server->port())));

  tls::Trust newer({.ca_path = authority.ca_file(), .tls13 = true});
  const auto problem = dial(newer, secure(server->port()));
  REQUIRE(problem);
  CHECK(problem->error == SocketError::Tls);
  CHECK(problem->message.find("control_plane.tls_min_version") != std::string::npos);
}

TEST_CASE("a server whose key is pinned is dialled, also as one of several, and any other is not") {
  Authority authority;
  const auto pin_of = [](const Identity& identity) {
    unsigned char* der = nullptr;
    const int size = i2d_PUBKEY(identity.key.get(), &der);
    tls::Pin pin{};
    SHA256(der, static_cast<std::size_t>(size), pin.data());
    OPENSSL_free(der);
    return pin;
  };
  const tls::Pin next = pin_of(authority.issue(kOurNames));
  Identity identity = authority.issue(kOurNames);
  const tls::Pin present = pin_of(identity);
  const auto server = serve(std::move(identity));

  tls::Trust both({.ca_path = authority.ca_file(), .pins = {next, present}});
  CHECK_FALSE(dial(both, secure(server->port())));

  tls::Trust another({.ca_path = authority.ca_file(), .pins = {next}});
  const auto problem = dial(another, secure(server->port()));
  REQUIRE(problem);
  CHECK(problem->error == SocketError::Tls);
  CHECK(problem->message.find("control_plane.server_key_pins") != std::string::npos);

  // A pin takes nothing off what is verified.
  Authority unknown;
  tls::Trust pinned_only({.ca_path = unknown.ca_file(), .pins = {present}});
  CHECK(dial(pinned_only, secure(server->port())));
}

TEST_CASE("the server's certificate tells when it ends") {
  Authority authority;
  const auto server = serve(authority.issue(kOurNames, /*valid_for_s=*/1800));
  tls::Trust trust({.ca_path = authority.ca_file()});
  Loop loop;
  Client client(loop, trust, secure(server->port()));
  REQUIRE(run_until(loop, [&] { return client.failure || client.opened > 0; }));

  const auto ends = client.socket->server_expiry();
  REQUIRE(ends);
  const auto in_s =
      ends->ns / 1'000'000'000 -
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  CHECK(in_s > 1000);
  CHECK(in_s <= 1800);
}
