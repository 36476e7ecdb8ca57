#include "tether/settings/address.h"

#include <catch2/catch.hpp>

namespace tether {

using Catch::Matchers::Contains;

namespace {

ControlPlaneAddress good(const std::string& url) {
  const auto address = parse_control_plane_url(url);
  CAPTURE(url);
  REQUIRE(address);
  return *address;
}

std::string why(const std::string& url) {
  const auto address = parse_control_plane_url(url);
  CAPTURE(url);
  REQUIRE_FALSE(address);
  return address.error().message;
}

}  // namespace

TEST_CASE("a URL is taken apart into what the dial and REST need") {
  const auto address = good("wss://CP.Example.com:9243/api/internal/v1/ws/gateways/connect");

  CHECK(address.tls);
  CHECK(address.host == "cp.example.com");
  CHECK(address.port == 9243);
  CHECK(address.ws_path == "/api/internal/v1/ws/gateways/connect");
  CHECK(address.rest_base == "/api/internal/v1");
  CHECK(address.url() == "wss://cp.example.com:9243/api/internal/v1/ws/gateways/connect");
}

TEST_CASE("the address of a default-made struct is the one that its URL says") {
  CHECK(good(ControlPlaneAddress{}.url()) == ControlPlaneAddress{});
  CHECK(ControlPlaneAddress{}.url() == "wss://localhost:8443/api/internal/v1/ws/gateways/connect");
}

TEST_CASE("a URL without a path gets the control plane's") {
  CHECK(good("wss://h:1").ws_path == kDefaultConnectPath);
  CHECK(good("wss://h:1/").ws_path == kDefaultConnectPath);
}

TEST_CASE("REST is the address with the connect suffix taken off") {
  CHECK(good("wss://h/internal/data/v1/ws/gateways/connect").rest_base == "/internal/data/v1");
  CHECK(good("wss://h/ws/gateways/connect").rest_base.empty());
}

TEST_CASE("https and http are read as wss and ws, in any case") {
  CHECK(good("https://h").tls);
  CHECK_FALSE(good("http://h").tls);
  CHECK(good("HTTPS://h").url() == good("wss://h").url());
}

TEST_CASE("a URL without a port gets its scheme's") {
  CHECK(good("wss://h").port == 443);
  CHECK(good("ws://h").port == 80);
}

TEST_CASE("IPv6 literals stand in brackets") {
  const auto address = good("wss://[2001:DB8::1]:9243");

  CHECK(address.host == "2001:db8::1");
  CHECK(address.authority() == "[2001:db8::1]:9243");
  CHECK(good("wss://[::1]").port == 443);
}

TEST_CASE("loopback is known by name and by address") {
  CHECK(good("ws://localhost").is_loopback());
  CHECK(good("ws://127.8.9.10:80").is_loopback());
  CHECK(good("ws://[::1]:80").is_loopback());
  CHECK_FALSE(good("ws://[::2]:80").is_loopback());
  CHECK_FALSE(good("ws://128.0.0.1").is_loopback());
  CHECK_FALSE(good("ws://localhost.example.com").is_loopback());
}

TEST_CASE("a malformed URL is refused with what is wrong with it (R11)") {
  CHECK_THAT(why("localhost:8443"), Contains("no scheme"));
  CHECK_THAT(why("wss:/h"), Contains("no scheme"));
  CHECK_THAT(why(""), Contains("no scheme"));
  CHECK_THAT(why("ftp://h"), Contains("scheme is not"));
  CHECK_THAT(why("wss://"), Contains("no host"));
  CHECK_THAT(why("wss:///path"), Contains("no host"));
  CHECK_THAT(why("wss://:443"), Contains("no host"));
  CHECK_THAT(why("wss://a b"), Contains("space"));
  CHECK_THAT(why("wss://h\n"), Contains("space"));
  CHECK_THAT(why("wss://h\xC3\xBC"), Contains("not ASCII"));
  CHECK_THAT(why("wss://-h"), Contains("host"));
  CHECK_THAT(why("wss://a..b"), Contains("host"));
  CHECK_THAT(why("wss://h!"), Contains("host"));
  CHECK_THAT(why("wss://1.2.3.400"), Contains("host"));
  CHECK_THAT(why("wss://" + std::string(64, 'a')), Contains("host"));
  CHECK_THAT(why("wss://::1:443"), Contains("brackets"));
  CHECK_THAT(why("wss://[::1"), Contains("closing bracket"));
  CHECK_THAT(why("wss://[1.2.3.4]"), Contains("not an IPv6"));
  CHECK_THAT(why("wss://[::1]x"), Contains("only a port"));
  CHECK_THAT(why("wss://h:"), Contains("port"));
  CHECK_THAT(why("wss://h:0"), Contains("port"));
  CHECK_THAT(why("wss://h:65536"), Contains("port"));
  CHECK_THAT(why("wss://h:99999999999"), Contains("port"));
  CHECK_THAT(why("wss://h:8x"), Contains("port"));
  CHECK_THAT(why("wss://h:-1"), Contains("port"));
  CHECK_THAT(why("wss://h/api"), Contains("/ws/gateways/connect"));
  CHECK_THAT(why("wss://h/ws/gateways/connect/"), Contains("/ws/gateways/connect"));
  CHECK_THAT(why("wss://h/a\"b/ws/gateways/connect"), Contains("path"));
}

TEST_CASE("what can hold a secret has no place in the URL") {
  CHECK_THAT(why("wss://user:pass@h"), Contains("user"));
  CHECK_THAT(why("wss://h?token=x"), Contains("query"));
  CHECK_THAT(why("wss://h/ws/gateways/connect?token=x"), Contains("query"));
  CHECK_THAT(why("wss://h/ws/gateways/connect#x"), Contains("fragment"));
}

TEST_CASE("a URL has a longest length, and one past it is refused") {
  const std::string around = "wss://h" + std::string(kConnectSuffix);
  const std::string longest =
      "wss://h/" + std::string(kMaxUrlBytes - around.size() - 1, 'a') + std::string(kConnectSuffix);
  REQUIRE(longest.size() == kMaxUrlBytes);

  CHECK(parse_control_plane_url(longest));
  CHECK_THAT(why(longest + "x"), Contains("longer"));
}

TEST_CASE("a listen address is a host and a port") {
  const auto v4 = parse_listen_address("127.0.0.1:9469");
  REQUIRE(v4);
  CHECK(v4->host == "127.0.0.1");
  CHECK(v4->port == 9469);

  const auto v6 = parse_listen_address("[::1]:0");
  REQUIRE(v6);
  CHECK(v6->host == "::1");
  CHECK(v6->port == 0);

  for (const char* bad : {"", "127.0.0.1", ":9469", "::1:9469", "[::1]", "h:70000", "http://h:1", "h:1/x"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_listen_address(bad));
  }
}

TEST_CASE("an address ends where its text ends, not at a NUL") {
  using namespace std::string_literals;
  CHECK_FALSE(parse_listen_address("[::1\0[]:9469"s));
  CHECK_FALSE(parse_listen_address("h\0x:9469"s));
}

}  // namespace tether
