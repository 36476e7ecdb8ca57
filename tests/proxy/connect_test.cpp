#include "tether/proxy/connect.h"

#include <catch2/catch.hpp>

using namespace tether;
using namespace tether::proxy;
using Catch::Matchers::Contains;

namespace {

const Proxy kProxy{"proxy.example", 3128, Secret("me:secret"), "control_plane.proxy"};

/// What comes of an answer, given byte by byte.
Result<bool> read(const std::string& answer) {
  ConnectAnswer reader(kProxy);
  for (const char c : answer) {
    auto fed = reader.feed({&c, 1});
    if (!fed || *fed) return fed;
  }
  return false;
}

}  // namespace

TEST_CASE("the request names the target twice, and carries the credentials in base64") {
  CHECK(connect_request({"proxy", 1}, "cp.example:443").reveal() ==
        "CONNECT cp.example:443 HTTP/1.1\r\nHost: cp.example:443\r\nUser-Agent: tetherd\r\n\r\n");
  const auto encoded = [](const char* credentials) {
    const std::string text = connect_request({"proxy", 1, Secret(credentials)}, "h:1").reveal();
    const std::string begin = "Proxy-Authorization: Basic ";
    const auto at = text.find(begin) + begin.size();
    return text.substr(at, text.find('\r', at) - at);
  };
  CHECK(encoded("Aladdin:open sesame") == "QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  CHECK(encoded("a:bc") == "YTpiYw==");
  CHECK(encoded("a:bcd") == "YTpiY2Q=");
  CHECK(encoded("a:bcde") == "YTpiY2Rl");
  const std::string three_times_forty(120, 'a');
  std::string in_base64;
  for (int i = 0; i < 40; ++i) in_base64 += "YWFh";
  CHECK(encoded(three_times_forty.c_str()) == in_base64);
}

TEST_CASE("a 2xx opens the tunnel once its head has ended") {
  CHECK(*read("HTTP/1.1 200 Connection established\r\n\r\n"));
  CHECK(*read("HTTP/1.0 299 x\r\nVia: 1.1 proxy\r\n\r\n"));
  CHECK_FALSE(*read("HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy\r\n"));
  CHECK(*ConnectAnswer(kProxy).feed("HTTP/1.1 200 OK\r\n\r\n"));
}

TEST_CASE("a refusal names the proxy, its setting and its status") {
  const auto bad = read("HTTP/1.1 502 Bad Gateway\r\n");
  REQUIRE_FALSE(bad);
  CHECK(bad.error().kind == ErrorKind::Retry);
  CHECK_THAT(bad.error().message,
             Contains("proxy.example:3128") && Contains("control_plane.proxy") && Contains("502 Bad Gateway"));
}

TEST_CASE("407 is a matter of credentials, whose setting is named and not their value") {
  const auto bad = read("HTTP/1.1 407 Proxy Authentication Required\r\n");
  REQUIRE_FALSE(bad);
  CHECK(bad.error().kind == ErrorKind::Reject);
  CHECK_THAT(bad.error().message, Contains("control_plane.proxy_credentials_file") && !Contains("secret"));
}

TEST_CASE("what is no answer of a proxy is refused at once") {
  for (const char* bad : {"SSH-2.0-x\r\n", "x", "HTTP/2.0 200\r\n", "HTTP/1.1 2x0 OK\r\n", "HTTP/1.1\r\n", "\r\n"}) {
    CAPTURE(bad);
    const auto refused = read(bad);
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().message, Contains("does not answer in HTTP"));
  }
  CHECK_FALSE(ConnectAnswer(kProxy).feed("HTTP/1.1 200 OK\r\n\r\nhello"));
  const std::string endless = "HTTP/1.1 200 OK\r\nX: " + std::string(kMaxHeadBytes, 'x');
  CHECK_FALSE(ConnectAnswer(kProxy).feed(endless));
  CHECK(ConnectAnswer(kProxy).feed(endless.substr(0, kMaxHeadBytes)));
}
