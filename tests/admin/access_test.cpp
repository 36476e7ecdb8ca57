#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tether/admin/admin_client.h"
#include "tether/admin/admin_server.h"
#include "tether/admin/unix_socket.h"

// Who is let at the admin endpoint, and over which ways.

using namespace tether;
using Catch::Matchers::Contains;

namespace {

class Folder {
 public:
  Folder() {
    std::string path = std::filesystem::temp_directory_path() / "tether-admin-XXXXXX";
    REQUIRE(::mkdtemp(path.data()) != nullptr);
    path_ = path;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string path(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

struct Endpoint {
  Metrics metrics{"1.2.3", {{"api.deployed"}, {"RestApi"}, {"deployments"}}};
  std::optional<Secret> token;
  std::unique_ptr<AdminServer> server;

  AdminSources sources() {
    return {[] { return Status(); }, [] { return true; }};
  }
  void start(const AdminEndpoint& at, bool asks_for_token) {
    auto given = sources();
    if (asks_for_token) given.token = [this] { return token; };
    auto started = AdminServer::start(at, given, metrics);
    REQUIRE(started);
    server = std::move(*started);
  }
  std::string ask(const std::string& path, const std::string& header = "") {
    return server->answer_to("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + header + "\r\n");
  }
};

/// Somebody else behind the Unix socket: gives one answer to so many requests.
class Stranger {
 public:
  Stranger(const std::string& path, std::string answer, int requests) : answer_(std::move(answer)) {
    const auto listening = listen_on_unix_socket(path);
    REQUIRE(listening);
    thread_ = std::thread([this, fd = *listening, requests] {
      for (int i = 0; i < requests; ++i) serve(fd);
      ::close(fd);
    });
  }
  ~Stranger() { thread_.join(); }
  Stranger(const Stranger&) = delete;
  Stranger& operator=(const Stranger&) = delete;

 private:
  void serve(int listening) const {
    const int fd = ::accept(listening, nullptr, nullptr);
    std::array<char, 4096> ignored{};
    static_cast<void>(::recv(fd, ignored.data(), ignored.size(), 0));
    static_cast<void>(::send(fd, answer_.data(), answer_.size(), MSG_NOSIGNAL));
    ::shutdown(fd, SHUT_WR);
    while (::recv(fd, ignored.data(), ignored.size(), 0) > 0) {
    }
    ::close(fd);
  }

  std::string answer_;
  std::thread thread_;
};

}  // namespace

TEST_CASE("what a refusal says moves no cursor of the terminal that it is shown on") {
  const Folder folder;
  const AdminEndpoint at{"", 0, folder.path("admin.sock")};
  const Stranger stranger(at.unix_path, "HTTP/1.1 401 No\r\nContent-Length: 6\r\n\r\nno\x1b[2J", 3);
  const AdminClient client(at);

  CHECK(client.command("release-deletions", "{}").error().message == "no?[2J");
  CHECK(client.get("/resources").error().message == "no?[2J");
  CHECK(client.status().error().message == at.unix_path + ": no?[2J");
}

TEST_CASE("without a token a name that somebody else's DNS has brought here is told nothing") {
  Endpoint endpoint;
  const auto ask = [&endpoint](const std::string& path, const std::string& host) {
    return endpoint.server->answer_to("GET " + path + " HTTP/1.1\r\n" + host + "\r\n").substr(9, 3);
  };
  endpoint.start({"127.0.0.1", 0}, /*asks_for_token=*/false);
  for (const char* path : {"/status", "/metrics"}) {
    CAPTURE(path);
    CHECK(ask(path, "Host: evil.example:9469\r\n") == "403");
    CHECK(ask(path, "Host: 127.0.0.1.evil.example\r\n") == "403");
    CHECK(ask(path, "Host: localhost:9469\r\n") == "200");
    CHECK(ask(path, "Host: 127.0.0.1\r\n") == "200");
    CHECK(ask(path, "") == "200");  // no browser
  }
  CHECK(ask("/livez", "Host: evil.example\r\n") == "200");

  // A page does not know the token, and whoever scrapes from elsewhere names the machine as he likes.
  endpoint.server.reset();
  endpoint.token = Secret("0123456789abcdef");
  endpoint.start({"127.0.0.1", 0}, /*asks_for_token=*/true);
  const std::string token = "Authorization: Bearer 0123456789abcdef\r\n";
  CHECK(ask("/status", "Host: gateway.example\r\n" + token) == "200");

  // And no browser gets to a Unix socket.
  endpoint.server.reset();
  const Folder folder;
  endpoint.start({"", 0, folder.path("admin.sock")}, /*asks_for_token=*/false);
  CHECK(ask("/status", "Host: tetherd\r\n") == "200");
}

TEST_CASE("with a token nothing but livez and readyz is answered to who does not bring it") {
  Endpoint endpoint;
  endpoint.token = Secret("0123456789abcdef");
  endpoint.start({"127.0.0.1", 0}, /*asks_for_token=*/true);

  for (const char* path : {"/status", "/metrics", "/", "/livez/", "/livez?x", "//livez"}) {
    CAPTURE(path);
    const std::string bare = std::string(path).substr(0, std::string(path).find('?'));
    if (bare != "/livez")
      CHECK_THAT(endpoint.ask(path), Contains("HTTP/1.1 401") && Contains("WWW-Authenticate: Bearer"));
  }
  CHECK_THAT(endpoint.ask("/livez"), Contains("HTTP/1.1 200"));
  CHECK_THAT(endpoint.ask("/readyz"), Contains("HTTP/1.1 503"));
  CHECK_THAT(endpoint.ask("/status", "Authorization: Bearer 0123456789abcdef\r\n"), Contains("HTTP/1.1 200"));
  for (const char* wrong : {"Bearer 0123456789abcdeF", "Bearer 0123456789abcde", "Bearer ", "0123456789abcdef",
                            "Basic 0123456789abcdef", "Bearer 0123456789abcdef0"}) {
    CAPTURE(wrong);
    CHECK_THAT(endpoint.ask("/status", "Authorization: " + std::string(wrong) + "\r\n"), Contains("HTTP/1.1 401"));
  }
}

TEST_CASE("a command is asked for the token before anything else") {
  Endpoint endpoint;
  endpoint.token = Secret("0123456789abcdef");
  endpoint.start({"127.0.0.1", 0}, /*asks_for_token=*/true);

  CHECK_THAT(
      endpoint.server->answer_to("POST /release-deletions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"),
      Contains("HTTP/1.1 401"));
}

TEST_CASE("a token whose file has gone lets nobody in, and another one counts at once") {
  Endpoint endpoint;
  endpoint.start({"127.0.0.1", 0}, /*asks_for_token=*/true);
  const AdminEndpoint at{"127.0.0.1", endpoint.server->port()};

  CHECK_THAT(endpoint.ask("/status", "Authorization: Bearer \r\n"), Contains("HTTP/1.1 401"));

  endpoint.token = Secret("another-one-of-16");
  CHECK(AdminClient(at, Secret("another-one-of-16")).status());
  const auto refused = AdminClient(at).status();
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().message, Contains("admin.token_file"));
}

TEST_CASE("over a Unix socket the endpoint answers to its user and group, and the socket goes with it") {
  const Folder folder;
  const AdminEndpoint at{"", 0, folder.path("admin.sock")};
  Endpoint endpoint;
  endpoint.start(at, /*asks_for_token=*/false);

  struct stat about {};
  REQUIRE(::stat(at.unix_path.c_str(), &about) == 0);
  CHECK((about.st_mode & 0777U) == 0660U);
  const AdminClient client(at);
  REQUIRE(client.status());
  CHECK_THAT(*client.status(), Contains("\"version\""));
  const auto command = client.command("release-deletions", "{}");
  REQUIRE_FALSE(command);
  CHECK_THAT(command.error().message, !Contains("only from this machine"));

  endpoint.server->stop();
  CHECK_FALSE(std::filesystem::exists(at.unix_path));
  CHECK_FALSE(client.status());
}

TEST_CASE("who may not connect to the Unix socket is told so, and not that nobody listens") {
  const Folder folder;
  const AdminEndpoint at{"", 0, folder.path("admin.sock")};
  Endpoint endpoint;
  endpoint.start(at, /*asks_for_token=*/false);
  REQUIRE(::chmod(at.unix_path.c_str(), 0) == 0);
  constexpr uid_t kNobody = 65534;
  const uid_t before = ::geteuid();
  if (before == 0) REQUIRE(::seteuid(kNobody) == 0);  // root may connect to anything

  const auto closed = AdminClient(at).status();
  if (before == 0) REQUIRE(::seteuid(before) == 0);

  REQUIRE_FALSE(closed);
  CHECK_THAT(no_answer(closed.error()),
             Contains("the daemon does not answer: " + at.unix_path + ": this user may not connect to it"));
  endpoint.server.reset();
  CHECK_THAT(AdminClient(at).status().error().message, Contains("nobody listens there"));
}

TEST_CASE("a Unix socket takes the place of one that nobody listens on, and of nothing else") {
  const Folder folder;
  const std::string path = folder.path("admin.sock");
  Endpoint endpoint;
  endpoint.start({"", 0, path}, /*asks_for_token=*/false);

  const auto second = AdminServer::start({"", 0, path}, endpoint.sources(), endpoint.metrics);
  REQUIRE_FALSE(second);
  CHECK_THAT(second.error().message, Contains(path) && Contains("in use"));
  endpoint.server.reset();

  const auto left = listen_on_unix_socket(path);
  REQUIRE(left);
  ::close(*left);
  endpoint.start({"", 0, path}, /*asks_for_token=*/false);
  CHECK(AdminClient({"", 0, path}).status());
  endpoint.server.reset();

  std::ofstream(path) << "precious";
  const auto file = AdminServer::start({"", 0, path}, endpoint.sources(), endpoint.metrics);
  REQUIRE_FALSE(file);
  CHECK_THAT(file.error().message, Contains("something else than a socket"));
  CHECK(std::filesystem::exists(path));
}
