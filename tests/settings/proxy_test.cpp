#include <sys/stat.h>

#include "fixture.h"

using namespace tether;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

/// With a control plane that is not on this machine.
Variables with(Variables variables) {
  variables.emplace("TETHER_CONTROL_PLANE_URL", "wss://cp.example.com:9243");
  return variables;
}

std::optional<proxy::Proxy> through(const Variables& variables) {
  return load_good(with(variables)).control_plane.proxy.through;
}

std::string write_credentials(const Folder& folder, const std::string& content, mode_t mode = 0600) {
  const std::string path = folder.write("credentials", content);
  ::chmod(path.c_str(), mode);
  return path;
}

}  // namespace

TEST_CASE("the proxy is the setting's, else the environment's for all programs") {
  CHECK_FALSE(through({}));
  CHECK(through({{"HTTPS_PROXY", "http://a:1"}})->authority() == "a:1");
  CHECK(through({{"https_proxy", "http://b:1"}})->authority() == "b:1");
  CHECK(through({{"HTTPS_PROXY", "http://a:1"}})->setting == "HTTPS_PROXY");
  CHECK(through({{"HTTPS_PROXY", "http://a:1"}, {"TETHER_CONTROL_PLANE_PROXY", "http://c:1"}})->authority() == "c:1");
  CHECK_FALSE(through({{"HTTPS_PROXY", "http://a:1"}, {"TETHER_CONTROL_PLANE_PROXY", "none"}}));
  CHECK_FALSE(through({{"HTTP_PROXY", "http://a:1"}}));
  CHECK(through({{"HTTPS_PROXY", "http://me:pa55word@a:1"}})->credentials == Secret("me:pa55word"));
}

TEST_CASE("exceptions are the setting's, and for the environment's proxy the environment's") {
  CHECK_FALSE(through({{"HTTPS_PROXY", "http://a:1"}, {"NO_PROXY", "example.com"}}));
  CHECK_FALSE(through({{"HTTPS_PROXY", "http://a:1"}, {"no_proxy", "other,cp.example.com"}}));
  CHECK(through({{"HTTPS_PROXY", "http://a:1"}, {"NO_PROXY", "other"}}));
  CHECK(through({{"TETHER_CONTROL_PLANE_PROXY", "http://a:1"}, {"NO_PROXY", "example.com"}}));
  CHECK_FALSE(
      through({{"TETHER_CONTROL_PLANE_PROXY", "http://a:1"}, {"TETHER_CONTROL_PLANE_NO_PROXY", "example.com"}}));

  // A control plane on this machine is asked by the way that it was told for it, and by no other.
  CHECK_FALSE(load_good({{"HTTPS_PROXY", "http://a:1"}}).control_plane.proxy.through);
  CHECK(load_good({{"TETHER_CONTROL_PLANE_PROXY", "http://a:1"}}).control_plane.proxy.through);
}

TEST_CASE("why a proxy that is named is not used can be told") {
  const auto why = [](const Variables& variables) { return load_good(variables).control_plane.proxy.why_direct; };
  const Variables of_all = {{"HTTPS_PROXY", "http://a:1"}};
  CHECK(why({}).empty());
  CHECK(why(with(of_all)).empty());
  CHECK(why(of_all) == "HTTPS_PROXY does not count for this machine itself");
  CHECK(why(with({{"HTTPS_PROXY", "http://a:1"}, {"no_proxy", "cp.example.com"}})) ==
        "no_proxy excepts it from HTTPS_PROXY");
  CHECK(why(with({{"TETHER_CONTROL_PLANE_PROXY", "none"}})) == "TETHER_CONTROL_PLANE_PROXY is none");
  CHECK(why(with({{"HTTPS_PROXY", "http://a:1"}, {"TETHER_CONTROL_PLANE_NO_PROXY", "example.com"}})) ==
        "control_plane.no_proxy excepts it from HTTPS_PROXY");
  CHECK(why(with({{"TETHER_CONTROL_PLANE_NO_PROXY", "example.com"}})).empty());
}

TEST_CASE("credentials of a proxy stand in a file of their own, and are never shown") {
  const Folder folder;
  const std::string file = write_credentials(folder, "me:pa55word\n");
  const auto settings = load_good(
      with({{"TETHER_CONTROL_PLANE_PROXY", "http://a:1"}, {"TETHER_CONTROL_PLANE_PROXY_CREDENTIALS_FILE", file}}));
  CHECK(settings.control_plane.proxy.through->credentials == Secret("me:pa55word"));
  CHECK_THAT(print_effective(settings), Contains("proxy: http://a:1") && Contains(file) && !Contains("pa55word"));
  const auto of_environment = load_good(with({{"HTTPS_PROXY", "http://me:pa55word@a:1"}}));
  CHECK_THAT(print_effective(of_environment), Contains("http://a:1") && !Contains("pa55word"));

  CHECK_THAT(load_bad(with({{"TETHER_CONTROL_PLANE_PROXY", "http://me:pa55word@a:1"}})),
             StartsWith("TETHER_CONTROL_PLANE_PROXY: ") && Contains("control_plane.proxy_credentials_file") &&
                 !Contains("pa55word"));
  CHECK_THAT(load_bad(with({{"TETHER_CONTROL_PLANE_PROXY", "ftp://pa55word:1"}})),
             StartsWith("TETHER_CONTROL_PLANE_PROXY: ") && !Contains("pa55word"));
  const auto bad = [](const std::string& path) {
    return load_bad(with({{"TETHER_CONTROL_PLANE_PROXY_CREDENTIALS_FILE", path}}));
  };
  CHECK_THAT(bad("me:pa55word"), !Contains("pa55word"));
  CHECK_THAT(bad(folder.path("none")), Contains("No such file"));
  for (const char* content : {"pa55word", ":pa55word", "", "\n", "me:pa55word\nme:pa55word"}) {
    CAPTURE(content);
    CHECK_THAT(bad(write_credentials(folder, content)), Contains("USER:PASSWORD") && !Contains("pa55word"));
  }
  CHECK_THAT(bad(write_credentials(folder, "me:pa55word", 0644)), Contains("chmod"));
}

TEST_CASE("a proxy of the environment that is of no use is no mistake, and no way past it either") {
  const auto unusable = through({{"HTTPS_PROXY", "socks5://me:pa55word@a:1"}});
  REQUIRE(unusable);
  CHECK(unusable->why_unusable ==
        "HTTPS_PROXY: holds a proxy that is not shown: its scheme is not http; should be http://HOST:PORT, or "
        "TETHER_CONTROL_PLANE_PROXY say which proxy is used in its place, or none");
  CHECK_THAT(through({{"https_proxy", "https://a:1"}})->why_unusable, StartsWith("https_proxy: "));
  CHECK(through({{"HTTPS_PROXY", "http://a:1"}})->why_unusable.empty());

  CHECK_FALSE(through({{"HTTPS_PROXY", "socks5://a:1"}, {"TETHER_CONTROL_PLANE_PROXY", "none"}}));
  CHECK_FALSE(through({{"HTTPS_PROXY", "socks5://a:1"}, {"NO_PROXY", "example.com"}}));
  CHECK_FALSE(load_good({{"HTTPS_PROXY", "socks5://a:1"}}).control_plane.proxy.through);
  CHECK_THAT(load_bad(with({{"TETHER_CONTROL_PLANE_PROXY", "socks5://a:1"}})),
             StartsWith("TETHER_CONTROL_PLANE_PROXY: ") && Contains("its scheme is not http"));
}
