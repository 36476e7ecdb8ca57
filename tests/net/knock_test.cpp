#include "tether/net/knock.h"

#include <catch2/catch.hpp>
#include <optional>

#include "client.h"
#include "test_server.h"

using namespace tether;
using namespace tether::net;
using namespace tether::net::testing;

namespace {

/// What comes of a knock within `limit`.
std::optional<KnockResult> knock(const KnockTarget& target, Duration limit = 10s) {
  Loop loop;
  tls::Trust trust({});
  std::optional<KnockResult> result;
  const Knock knock(loop, trust, target, [&result](const KnockResult& told) {
    CHECK_FALSE(result);
    result = told;
  });
  run_until(
      loop, [&result] { return result.has_value(); }, limit);
  return result;
}

KnockTarget door(std::uint16_t port, bool tls, bool wants_words) {
  return {"127.0.0.1", port, tls, wants_words};
}

}  // namespace

TEST_CASE("a bare knock is answered by an accepted connection, on which nothing is said (R23)") {
  const bool tls = GENERATE(false, true);
  std::string heard = "nothing yet";
  TestServer server([&heard](Peer& peer) { heard = peer.read_request(); });

  const auto result = knock(door(server.port(), tls, /*wants_words=*/false));

  REQUIRE(result);
  CHECK(result->is_answered);
  CHECK(result->addresses == std::vector<std::string>{"127.0.0.1"});
  Loop loop;
  REQUIRE(run_until(loop, [&server] { return server.connections() == 1; }));
  server.finish();
  CHECK(heard.empty());
}

TEST_CASE("nobody there is a failed knock, and tells why") {
  const auto refused = knock(door(unused_port(), /*tls=*/true, GENERATE(false, true)));
  REQUIRE(refused);
  CHECK_FALSE(refused->is_answered);
  CHECK(refused->error == SocketError::Refused);
  CHECK(refused->message.find("127.0.0.1") != std::string::npos);

  KnockTarget target = door(443, /*tls=*/true, /*wants_words=*/false);
  target.host = std::string(64, 'a') + ".invalid";  // A label has at most 63 characters, so nobody is asked.
  const auto unknown = knock(target);
  REQUIRE(unknown);
  CHECK_FALSE(unknown->is_answered);
  CHECK(unknown->error == SocketError::Dns);
  CHECK(unknown->addresses.empty());
}

TEST_CASE("a knock that wants words is not answered by a server that has none") {
  const bool tls = GENERATE(false, true);
  TestServer server([](Peer& peer) { peer.wait_for_end(); });

  CHECK_FALSE(knock(door(server.port(), tls, /*wants_words=*/true), 300ms));
}

TEST_CASE("a TLS handshake is an answer, also with a certificate that is not ours to accept") {
  const Authority nobody_knows;
  TestServer server({nobody_knows.issue("IP:127.0.0.1")}, [](Peer&) {});

  const auto result = knock(door(server.port(), /*tls=*/true, /*wants_words=*/true));

  REQUIRE(result);
  CHECK(result->is_answered);
}

TEST_CASE("without TLS any answer to a HEAD request is one, and so is a hang-up; the token is not sent") {
  const bool hangs_up = GENERATE(false, true);
  std::string heard;
  TestServer server([&heard, hangs_up](Peer& peer) {
    heard = peer.read_request();
    if (!hangs_up) peer.write("HTTP/1.1 401 Unauthorized\r\n\r\n");
  });

  const auto result = knock(door(server.port(), /*tls=*/false, /*wants_words=*/true));

  REQUIRE(result);
  CHECK(result->is_answered);
  server.finish();
  CHECK(heard.starts_with("HEAD / HTTP/1.1\r\n"));
  CHECK(heard.find("api-key") == std::string::npos);
}

TEST_CASE("a knock that is let go says nothing") {
  TestServer server([](Peer& peer) { peer.wait_for_end(); });
  Loop loop;
  tls::Trust trust({});
  int told = 0;
  std::optional<Knock> knock(std::in_place, loop, trust, door(server.port(), true, true),
                             [&told](const KnockResult&) { ++told; });
  run_for(loop, 20ms);

  knock.reset();
  run_for(loop, 50ms);

  CHECK(told == 0);
}
