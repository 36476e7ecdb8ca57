#include "tether/http/peer_policy.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "raw_server.h"

using namespace tether::http;
using Catch::Matchers::Contains;
using tether::test::TemporaryFolder;

namespace {

constexpr uid_t kOwn = 1000;

}  // namespace

TEST_CASE("behind the socket may be our own user or root, unless a user or a group is named") {
  CHECK_FALSE(why_not_peer({}, {kOwn, 5}, kOwn));
  CHECK_FALSE(why_not_peer({}, {0, 0}, kOwn));
  CHECK(why_not_peer({}, {1001, kOwn}, kOwn));

  const PeerPolicy user{.user = 1001};
  CHECK_FALSE(why_not_peer(user, {1001, 1}, kOwn));
  CHECK(why_not_peer(user, {kOwn, 1}, kOwn));
  CHECK(why_not_peer(user, {0, 0}, kOwn));

  const PeerPolicy group{.group = 50};
  CHECK_FALSE(why_not_peer(group, {1001, 50}, kOwn));
  CHECK(why_not_peer(group, {kOwn, 51}, kOwn));

  const PeerPolicy both{.user = 1001, .group = 50};
  CHECK_FALSE(why_not_peer(both, {1001, 1}, kOwn));
  CHECK_FALSE(why_not_peer(both, {1002, 50}, kOwn));
  CHECK_THAT(*why_not_peer(both, {1002, 51}, kOwn),
             Contains("user 1002 of group 51") && Contains("user 1001 (gateway.user) or group 50 (gateway.group)"));
}

TEST_CASE("a folder that others may write to is no place for the socket, nor one of somebody else") {
  CHECK_FALSE(why_not_folder({}, {kOwn, 5}, 0755, kOwn, /*above=*/false));
  CHECK_FALSE(why_not_folder({}, {0, 5}, 0775, kOwn, /*above=*/false));
  CHECK_THAT(*why_not_folder({}, {0, 0}, 0777, kOwn, /*above=*/false), Contains("mode 0777") && Contains("chmod o-w"));
  CHECK_THAT(*why_not_folder({}, {0, 0}, 01777, kOwn, /*above=*/false),
             Contains("mode 1777") && Contains("a folder of its own") && !Contains("chmod"));
  CHECK_FALSE(why_not_folder({}, {0, 0}, 01777, kOwn, /*above=*/true));
  CHECK(why_not_folder({}, {0, 0}, 0777, kOwn, /*above=*/true));

  CHECK_THAT(*why_not_folder({}, {1001, 5}, 0755, kOwn, /*above=*/false),
             Contains("user 1001 owns it") && Contains("gateway.user"));
  CHECK_FALSE(why_not_folder({.user = 1001}, {1001, 5}, 0755, kOwn, /*above=*/false));
  CHECK_FALSE(why_not_folder({.group = 5}, {1001, 5}, 0755, kOwn, /*above=*/false));
  CHECK(why_not_folder({.group = 6}, {1001, 5}, 0755, kOwn, /*above=*/false));
}

TEST_CASE("the folders of a socket are looked at as they are, up to the root") {
  const TemporaryFolder folder;
  const std::string inner = folder.path("run");
  std::filesystem::create_directory(inner);
  const std::string path = inner + "/config.sock";
  CHECK_FALSE(why_not_socket_folder({}, path));
  CHECK_FALSE(why_not_socket_folder({}, folder.path("none") + "/config.sock"));

  ::chmod(inner.c_str(), 0777);
  CHECK_THAT(*why_not_socket_folder({}, path), Contains("the folder") && Contains("/run is not safe"));
  ::chmod(inner.c_str(), 0755);
  const std::string above = std::filesystem::path(inner).parent_path().string();
  ::chmod(above.c_str(), 0777);
  CHECK(why_not_socket_folder({}, path));
  ::chmod(above.c_str(), 0700);
  CHECK_FALSE(why_not_socket_folder({}, path));
}
