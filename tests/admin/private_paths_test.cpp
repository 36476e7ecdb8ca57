#include <catch2/catch.hpp>

#include "tether/admin/admin_server.h"

namespace tether {
namespace {

struct Answered {
  int code = 0;
  std::string body;
};

/// A server that is asked past its socket, as from this machine.
class Server {
 public:
  explicit Server(AdminSources sources) {
    sources.status = [] { return Status(); };
    sources.is_alive = [] { return true; };
    auto started = AdminServer::start({"127.0.0.1", 0}, std::move(sources), metrics_);
    REQUIRE(started);
    server_ = std::move(*started);
  }

  Answered get(const std::string& path, const std::string& host = "localhost", const std::string& headers = "") const {
    return ask("GET", path, host, headers);
  }
  Answered ask(const std::string& method, const std::string& path, const std::string& host = "localhost",
               const std::string& headers = "", const std::string& from = "127.0.0.1") const {
    const std::string all =
        server_->answer_to(method + " " + path + " HTTP/1.1\r\nHost: " + host + "\r\n" + headers + "\r\n", from);
    CAPTURE(all);
    REQUIRE(all.starts_with("HTTP/1.1 "));
    return {std::stoi(all.substr(9, 3)), all.substr(all.find("\r\n\r\n") + 4)};
  }

 private:
  Metrics metrics_{"1.2.3", {{"api.deployed"}, {"RestApi"}, {"deployments"}}};
  std::unique_ptr<AdminServer> server_;
};

AdminSources both() {
  AdminSources sources;
  sources.resources = [](const ResourcesAsked&) -> Result<std::string> { return std::string("{}\n"); };
  sources.events = [](std::uint64_t after) { return std::to_string(after) + "\n"; };
  return sources;
}

}  // namespace

TEST_CASE("what is stored and what comes is for who is on this machine, and for no page in a browser") {
  const Server server(both());

  for (const char* path : {"/resources", "/events"}) {
    CAPTURE(path);
    CHECK(server.get(path).code == 200);
    CHECK(server.get(path, "localhost:9469").code == 200);
    CHECK(server.get(path, "[::1]:9469").code == 200);
    CHECK(server.get(path, "evil.example.com").code == 403);
    CHECK(server.get(path, "localhost", "Origin: http://localhost\r\n").code == 403);
    CHECK(server.get(path, "localhost", "Sec-Fetch-Site: same-origin\r\n").code == 403);
    CHECK(server.ask("POST", path).code == 405);
  }
}

TEST_CASE("from another machine nothing is shown or agreed to, nor from where the address is not known any more") {
  AdminSources sources = both();
  bool agreed = false;
  sources.release = [&agreed](const AgreedRelease&) { agreed = true; };
  const Server server(sources);
  const std::string consent =
      "X-Tetherd-Command: release-deletions\r\nContent-Type: application/json\r\n"
      "Content-Length: 0\r\n";

  // Empty: whoever resets the connection behind his request.
  for (const char* from : {"192.0.2.7", "10.0.0.1", "2001:db8::1", "::ffff:192.0.2.7", ""}) {
    CAPTURE(from);
    for (const char* path : {"/resources", "/events"}) {
      CHECK(server.ask("GET", path, "localhost", "", from).code == 403);
    }
    CHECK(server.ask("POST", "/release-deletions", "localhost", consent, from).code == 403);
    CHECK(server.ask("GET", "/livez", "localhost", "", from).code == 200);
  }
  // The last one: a sub-command where the endpoint is bound to no other address than that of this machine.
  for (const char* from : {"127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", "192.0.2.1"}) {
    CAPTURE(from);
    CHECK(server.ask("GET", "/events", "localhost", "", from).code == 200);
    CHECK(server.ask("POST", "/release-deletions", "localhost", consent, from).code != 403);
  }
  CHECK_FALSE(agreed);
}

TEST_CASE("by a proxy on this machine nothing is shown or agreed to that is for this machine alone") {
  const Server server(both());
  const std::string consent =
      "X-Tetherd-Command: release-deletions\r\nContent-Type: application/json\r\n"
      "Content-Length: 0\r\n";
  for (const std::string header : {"X-Forwarded-For: 192.0.2.7", "x-forwarded-proto: https", "Forwarded: for=192.0.2.7",
                                   "Via: 1.1 proxy", "X-Real-IP: 192.0.2.7"}) {
    CAPTURE(header);
    for (const char* path : {"/resources", "/events"}) {
      CHECK(server.get(path, "localhost", header + "\r\n").code == 403);
    }
    CHECK(server.ask("POST", "/release-deletions", "localhost", header + "\r\n" + consent).code == 403);
    CHECK(server.get("/status", "localhost", header + "\r\n").code == 200);
  }
}

TEST_CASE("what is asked of the stored is handed on, and what cannot be answered has its status") {
  std::string asked;
  Result<std::string> page = std::string("{}\n");
  AdminSources sources;
  sources.resources = [&asked, &page](const ResourcesAsked& with) {
    asked = with.name + "|" + with.kind + "|" + with.state + "|" + with.after;
    return page;
  };
  const Server server(sources);

  CHECK(server.get("/resources?name=a%2Fb&kind=Mcp&state=held&after=r%2Fk%2Fi").body == "{}\n");
  CHECK(asked == "a/b|Mcp|held|r/k/i");
  page = fail(ErrorKind::Reject, "there is no state of that name");
  CHECK(server.get("/resources").code == 400);
  page = fail(ErrorKind::Retry, "disk I/O error");
  CHECK(server.get("/resources").code == 503);
  CHECK(server.get("/resources").body == "disk I/O error\n");
}

TEST_CASE("what has come is told after what was asked before") {
  const Server server(both());

  CHECK(server.get("/events").body == "0\n");
  CHECK(server.get("/events?after=18446744073709551615").body == "18446744073709551615\n");
  for (const char* wrong : {"-1", "x", "", "1x", "18446744073709551616"}) {
    CHECK(server.get("/events?after=" + std::string(wrong)).code == 400);
  }
}
}  // namespace tether
