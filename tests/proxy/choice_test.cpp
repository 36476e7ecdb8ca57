#include "tether/proxy/choice.h"

#include <catch2/catch.hpp>

using namespace tether;
using namespace tether::proxy;

TEST_CASE("a proxy is a host and a port, with or without a scheme and credentials") {
  CHECK(*parse_proxy_url("http://proxy.example:3128") == Proxy{"proxy.example", 3128});
  CHECK(*parse_proxy_url("proxy.example:3128/") == Proxy{"proxy.example", 3128});
  CHECK(*parse_proxy_url("HTTP://Proxy.Example") == Proxy{"proxy.example", 80});
  CHECK(*parse_proxy_url("http://[::1]:8080") == Proxy{"::1", 8080});
  CHECK(*parse_proxy_url("http://me:p%40ss:word@proxy:1") == Proxy{"proxy", 1, Secret("me:p@ss:word")});
  CHECK(*parse_proxy_url("me@proxy:1") == Proxy{"proxy", 1, Secret("me:")});
  CHECK(parse_proxy_url("http://[::1]:8080")->authority() == "[::1]:8080");
}

TEST_CASE("what is no proxy is refused, and none of it is in the message") {
  for (const char* bad :
       {"", "http://", "https://secret-host:1", "socks5://secret-host:1", "http://secret-host:0",
        "http://secret-host:65536", "http://secret-host:x", "http://secret host:1", "http://secret-host/path",
        "http://@secret-host:1", "http://me:secret%4@host:1", "http://[::secret]:1", "http://[::1]secret:1", "[::1"}) {
    CAPTURE(bad);
    const auto parsed = parse_proxy_url(bad);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().message.find("secret") == std::string::npos);
  }
}

TEST_CASE("a list of exceptions names hosts, domains, addresses and blocks") {
  const auto excepted = [](const char* list, const char* host) { return is_excepted(list, host, 443); };
  CHECK(excepted("cp.example.com", "cp.example.com"));
  CHECK(excepted("other, EXAMPLE.com", "cp.example.com"));
  CHECK(excepted(".example.com", "cp.example.com"));
  CHECK(excepted("*.example.com", "cp.example.com"));
  CHECK(excepted("*", "cp.example.com"));
  CHECK(excepted("cp.example.com:443", "cp.example.com"));
  CHECK(excepted("10.0.0.0/8", "10.1.2.3"));
  CHECK(excepted("10.1.2.3", "10.1.2.3"));
  CHECK(excepted("10.1.2.3:443", "10.1.2.3"));
  CHECK(excepted("fd00::/8", "fd12::1"));
  CHECK(excepted("::1", "::1"));

  CHECK_FALSE(excepted("", "cp.example.com"));
  CHECK_FALSE(excepted(",", "cp.example.com"));
  CHECK_FALSE(excepted("ample.com", "cp.example.com"));
  CHECK_FALSE(excepted("cp.example.com:8443", "cp.example.com"));
  CHECK_FALSE(excepted("cp.example.com.evil", "cp.example.com"));
  CHECK_FALSE(excepted("10.0.0.0/8", "11.1.2.3"));
  CHECK_FALSE(excepted("10.0.0.0/33", "10.1.2.3"));
  CHECK_FALSE(excepted("10.0.0.0/x", "10.1.2.3"));
  CHECK_FALSE(excepted("2.3", "10.1.2.3"));
  CHECK_FALSE(excepted("10.0.0.0/8", "cp.example.com"));
}
