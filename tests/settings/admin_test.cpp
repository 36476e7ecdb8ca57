#include <sys/stat.h>

#include "fixture.h"

using namespace tether;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

std::string token_file(const Folder& folder, const std::string& content, mode_t mode = 0600) {
  const std::string path = folder.write("admin-token", content);
  ::chmod(path.c_str(), mode);
  return path;
}

}  // namespace

TEST_CASE("the admin endpoint listens on loopback or a Unix socket, or has a token") {
  const Folder folder;
  for (const char* local :
       {"127.0.0.1:9469", "127.8.0.1:1", "localhost:9469", "[::1]:9469", "unix:/run/t/admin.sock"}) {
    CAPTURE(local);
    load_good({{"TETHER_ADMIN_LISTEN", local}});
  }
  CHECK(load_good({{"TETHER_ADMIN_LISTEN", "unix:/run/t/admin.sock"}}).admin.unix_path == "/run/t/admin.sock");

  for (const char* open : {"0.0.0.0:9469", "[::]:9469", "192.0.2.1:9469", "host.example:9469"}) {
    CAPTURE(open);
    CHECK_THAT(load_bad({{"TETHER_ADMIN_LISTEN", open}}),
               StartsWith("TETHER_ADMIN_LISTEN: holds ") && Contains("loopback") && Contains("admin.token_file"));
    const auto settings = load_good(
        {{"TETHER_ADMIN_LISTEN", open}, {"TETHER_ADMIN_TOKEN_FILE", token_file(folder, "0123456789abcdef\n")}});
    CHECK(settings.admin.token.read() == Secret("0123456789abcdef"));
  }
}

TEST_CASE("a Unix socket of the admin endpoint has an absolute path") {
  for (const std::string& bad :
       {std::string("unix:"), std::string("unix:admin.sock"), "unix:/" + std::string(107, 'x')}) {
    CAPTURE(bad);
    CHECK_THAT(load_bad({{"TETHER_ADMIN_LISTEN", bad}}), Contains("an absolute path"));
  }
  load_good({{"TETHER_ADMIN_LISTEN", "unix:/" + std::string(106, 'x')}});
}

TEST_CASE("a token of the admin endpoint that cannot be used is told by its setting, and not shown") {
  const Folder folder;
  const auto bad = [](const std::string& value) { return load_bad({{"TETHER_ADMIN_TOKEN_FILE", value}}); };

  CHECK_THAT(bad("the-token-itself-in-here"), StartsWith("TETHER_ADMIN_TOKEN_FILE: ") && !Contains("the-token-itself"));
  CHECK_THAT(bad(folder.path("none")), Contains("No such file"));
  CHECK_THAT(bad(token_file(folder, "\n")), Contains("is empty"));
  CHECK_THAT(bad(token_file(folder, "0123456789abcde")), Contains("at least 16 bytes") && !Contains("0123456789"));
  CHECK_THAT(bad(token_file(folder, "0123456789abcdef", 0644)), Contains("chmod"));
  load_good({{"TETHER_ADMIN_TOKEN_FILE", token_file(folder, "0123456789abcdef", 0640)}});
}
