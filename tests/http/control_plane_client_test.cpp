#include "tether/http/control_plane_client.h"

#include <openssl/ssl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <thread>

#include "certificates.h"
#include "raw_server.h"
#include "tether/http/transport.h"
#include "tether/tls/trust.h"
#include "tls_server.h"

namespace tether::test {

namespace {

using http::ControlPlaneClient;
using http::ControlPlaneOptions;
using http::Fault;
using http::Problem;
using http::RestAnswer;

/// What a call brought: its outcome, and the body that was handed over.
struct Brought {
  http::RestOutcome outcome;
  std::string body;

  const RestAnswer& answer() const {
    if (const auto* problem = std::get_if<Problem>(&outcome)) FAIL(problem->message);
    return std::get<RestAnswer>(outcome);
  }
  Fault fault() const {
    REQUIRE(std::holds_alternative<Problem>(outcome));
    return std::get<Problem>(outcome).fault;
  }
};

Brought call(ControlPlaneClient& client, const http::RestCall& request) {
  std::string body;
  auto outcome = client.call(request, Secret("token-1"), [&body](std::string_view chunk) -> Result<Done> {
    body += chunk;
    return Done{};
  });
  return {std::move(outcome), std::move(body)};
}

ControlPlaneOptions plain(const RawServer& server) {
  ControlPlaneOptions options;
  options.host = "127.0.0.1";
  options.port = server.port();
  options.tls = false;
  options.rest_base = "/api/internal/v1";
  options.read_timeout = 10s;
  return options;
}

/// An authority, a server with a certificate of it, and the options to reach that by `host`.
struct TlsScene {
  TemporaryFolder folder;
  Identity authority = make_authority("test authority");
  TlsServer server;
  ControlPlaneOptions options;

  explicit TlsScene(const std::string& names, const std::string& host = "localhost", bool expired = false,
                    int max_version = 0)
      : server(make_server(authority, names, expired), max_version) {
    write_certificate(authority, folder.path("ca.pem"));
    options.host = host;
    options.port = server.port();
    trust("ca.pem");
    options.rest_base = "/api/internal/v1";
  }

  /// An authority's file in our folder; empty: the system's authorities.
  void trust(const std::string& name) {
    tls::TrustOptions trusted;
    if (!name.empty()) trusted.ca_path = folder.path(name);
    options.trust = std::make_shared<tls::Trust>(trusted);
  }
};

/// A variable of the process, as long as this lives.
class EnvironmentVariable {
 public:
  EnvironmentVariable(const char* name, const std::string& value) : name_(name) {
    REQUIRE(::setenv(name, value.c_str(), 1) == 0);  // NOLINT(concurrency-mt-unsafe): servers do not look.
  }
  ~EnvironmentVariable() { ::unsetenv(name_); }  // NOLINT(concurrency-mt-unsafe)
  EnvironmentVariable(const EnvironmentVariable&) = delete;
  EnvironmentVariable& operator=(const EnvironmentVariable&) = delete;

 private:
  const char* name_;
};

/// While this is there, the process gets no other descriptor than those that it has.
class NoDescriptors {
 public:
  NoDescriptors() {
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
    const int lowest_free = ::dup(STDIN_FILENO);
    REQUIRE(lowest_free >= 0);
    ::close(lowest_free);
    const rlimit none{static_cast<rlim_t>(lowest_free), before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  }
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("a call goes over TLS with the token in its header, below the base") {
  TlsScene scene("DNS:localhost");
  ControlPlaneClient client(scene.options);

  const auto brought = call(client, {.path = "/echo?since=x%3A1"});

  CHECK(brought.answer().status == 200);
  CHECK(brought.answer().date == "Sat, 22 Aug 2026 11:02:03 GMT");
  CHECK(brought.body.starts_with("GET /api/internal/v1/echo?since=x%3A1\n"));
  CHECK(brought.body.find("api-key: token-1\n") != std::string::npos);
  CHECK(brought.body.find("Accept: application/json\n") != std::string::npos);
  CHECK(brought.body.find("Authorization") == std::string::npos);
}

TEST_CASE("calls share a TLS connection") {
  TlsScene scene("DNS:localhost");
  ControlPlaneClient client(scene.options);

  for (int n = 0; n < 3; ++n) CHECK(call(client, {.path = "/echo"}).answer().status == 200);

  CHECK(scene.server.connections() == 1);
}

TEST_CASE("a body is posted with its type") {
  TlsScene scene("DNS:localhost");
  ControlPlaneClient client(scene.options);

  const auto brought =
      call(client, {.method = "POST", .path = "/echo", .body = R"({"a":1})", .content_type = "application/json"});

  CHECK(brought.body.starts_with("POST /api/internal/v1/echo\n"));
  CHECK(brought.body.find("Content-Type: application/json\n") != std::string::npos);
  CHECK(brought.body.ends_with(R"({"a":1})"));
}

TEST_CASE("a large body is handed over in pieces") {
  TlsScene scene("DNS:localhost");
  ControlPlaneClient client(scene.options);
  std::size_t bytes = 0;
  std::size_t largest = 0;

  const auto outcome = client.call({.path = "/large", .max_answer_bytes = TlsServer::kLargeBytes}, Secret("t"),
                                   [&bytes, &largest](std::string_view chunk) {
                                     bytes += chunk.size();
                                     largest = std::max(largest, chunk.size());
                                     return Result<Done>(Done{});
                                   });

  REQUIRE(std::holds_alternative<RestAnswer>(outcome));
  CHECK(bytes == TlsServer::kLargeBytes);
  CHECK(largest <= 64UL * 1024);
}

TEST_CASE("an address is verified against the certificate's addresses") {
  TlsScene named("IP:127.0.0.1", "127.0.0.1");
  ControlPlaneClient good(named.options);
  CHECK(call(good, {.path = "/echo"}).answer().status == 200);

  TlsScene unnamed("DNS:localhost", "127.0.0.1");
  ControlPlaneClient bad(unnamed.options);
  CHECK(call(bad, {.path = "/echo"}).fault() == Fault::Tls);
}

TEST_CASE("a certificate that does not hold is refused before anything is sent") {
  SECTION("of another name") {
    TlsScene scene("DNS:elsewhere.example");
    ControlPlaneClient client(scene.options);
    const auto brought = call(client, {.path = "/echo"});
    CHECK(brought.fault() == Fault::Tls);
    CHECK(std::get<Problem>(brought.outcome).message.find("hostname mismatch") != std::string::npos);
    CHECK(scene.server.requests() == 0);
  }
  SECTION("of an unknown authority") {
    TlsScene scene("DNS:localhost");
    write_certificate(make_authority("another"), scene.folder.path("ca.pem"));
    ControlPlaneClient client(scene.options);
    CHECK(call(client, {.path = "/echo"}).fault() == Fault::Tls);
  }
  SECTION("of the system's unknown authority") {
    TlsScene scene("DNS:localhost");
    scene.trust("");
    ControlPlaneClient client(scene.options);
    CHECK(call(client, {.path = "/echo"}).fault() == Fault::Tls);
  }
  SECTION("expired") {
    TlsScene scene("DNS:localhost", "localhost", /*expired=*/true);
    ControlPlaneClient client(scene.options);
    const auto brought = call(client, {.path = "/echo"});
    CHECK(brought.fault() == Fault::Tls);
    CHECK(std::get<Problem>(brought.outcome).message.find("expired") != std::string::npos);
  }
  SECTION("with TLS 1.1") {
    TlsScene scene("DNS:localhost", "localhost", /*expired=*/false, TLS1_1_VERSION);
    ControlPlaneClient client(scene.options);
    CHECK(call(client, {.path = "/echo"}).fault() == Fault::Tls);
  }
  SECTION("with an authority's file that is not there") {
    TlsScene scene("DNS:localhost");
    scene.trust("none.pem");
    ControlPlaneClient client(scene.options);
    CHECK(call(client, {.path = "/echo"}).fault() == Fault::Tls);
  }
}

TEST_CASE("without a CA file the system's authorities are trusted, a bundle too where no folder is hashed") {
  TlsScene scene("DNS:localhost");
  scene.trust("");
  std::filesystem::create_directory(scene.folder.path("certs"));
  const EnvironmentVariable folder("SSL_CERT_DIR", scene.folder.path("certs"));
  {
    ControlPlaneClient client(scene.options);
    CHECK(call(client, {.path = "/echo"}).fault() == Fault::Tls);
  }

  const EnvironmentVariable bundle("SSL_CERT_FILE", scene.folder.path("ca.pem"));
  scene.trust("");
  ControlPlaneClient client(scene.options);
  CHECK(call(client, {.path = "/echo"}).answer().status == 200);
}

TEST_CASE("a changed authority's file counts from the next connection on") {
  TlsScene scene("DNS:localhost");
  const std::string changing = scene.folder.path("changing.pem");
  scene.trust("changing.pem");
  write_certificate(make_authority("another"), changing);
  ControlPlaneClient client(scene.options);
  REQUIRE(call(client, {.path = "/echo"}).fault() == Fault::Tls);

  write_certificate(scene.authority, changing);

  CHECK(call(client, {.path = "/echo"}).answer().status == 200);
}

TEST_CASE("an answer without content is an answer") {
  RawServer server(answering("HTTP/1.1 204 No Content\r\nDate: Sat, 22 Aug 2026 11:02:03 GMT\r\n\r\n"));
  ControlPlaneClient client(plain(server));

  const auto brought = call(client, {.method = "POST", .path = "/gateways/g/manifest", .body = "{}"});

  CHECK(brought.answer().status == 204);
  CHECK(brought.answer().date == "Sat, 22 Aug 2026 11:02:03 GMT");
  CHECK(brought.body.empty());
}

TEST_CASE("a redirect is an answer, and not followed") {
  const RawServer server(answering("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"));
  ControlPlaneClient client(plain(server));

  CHECK(call(client, {.path = "/a"}).answer().status == 302);
}

TEST_CASE("of an answer that is no success the beginning becomes the message") {
  const std::size_t size = GENERATE(10U, 4096U, 100'000U);
  const std::string body(size, 'e');
  const RawServer server(answering("HTTP/1.1 500 Oh\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" + body));
  ControlPlaneClient client(plain(server));

  const auto brought = call(client, {.path = "/a"});

  CHECK(brought.answer().status == 500);
  CHECK(brought.answer().message == body.substr(0, http::kMaxMessageBytes));
  CHECK(brought.body.empty());
  CHECK(call(client, {.path = "/a"}).answer().status == 500);
}

TEST_CASE("a wait that the server asks for is read in seconds and as a date") {
  struct Case {
    std::string header;
    std::optional<Duration> expected;
  };
  const auto given = GENERATE(Case{"Retry-After: 120", 120s}, Case{"Retry-After: Sat, 22 Aug 2026 11:03:03 GMT", 60s},
                              Case{"Retry-After: Sat, 22 Aug 2026 10:00:00 GMT", 0s},
                              Case{"Retry-After: soon", std::nullopt}, Case{"Retry-After: -5", std::nullopt},
                              Case{"Retry-After: 99999999999", kMaxRetryAfter}, Case{"X: y", std::nullopt});
  CAPTURE(given.header);
  const RawServer server(answering("HTTP/1.1 429 Slow\r\nDate: Sat, 22 Aug 2026 11:02:03 GMT\r\n" + given.header +
                                   "\r\nContent-Length: 0\r\n\r\n"));
  ControlPlaneClient client(plain(server));

  CHECK(call(client, {.path = "/a"}).answer().retry_after == given.expected);
}

TEST_CASE("a kept connection that the server closed is replaced once, unseen") {
  std::atomic<int> connections = 0;
  const RawServer server([&connections](RawConnection& connection, int number) {
    ++connections;
    if (!connection.read_until(kHeadEnd)) return;
    connection.forget();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    // The second request meets the end.
    connection.read_until(kHeadEnd);
    if (number > 0) connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]");
  });
  ControlPlaneClient client(plain(server));
  REQUIRE(call(client, {.path = "/a"}).body == "{}");

  CHECK(call(client, {.path = "/b"}).body == "{}");

  CHECK(connections == 2);
}

TEST_CASE("a fresh connection that is closed without an answer is not tried again") {
  std::atomic<int> connections = 0;
  const RawServer server([&connections](RawConnection& connection, int) {
    ++connections;
    connection.read_until(kHeadEnd);
  });
  ControlPlaneClient client(plain(server));

  CHECK(call(client, {.path = "/a"}).fault() == Fault::Closed);
  CHECK(connections == 1);
}

TEST_CASE("a body that is cut short is no answer") {
  const auto answer = GENERATE(std::string("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n[1,"),
                               std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n"));
  const RawServer server([answer](RawConnection& connection, int) {
    connection.read_until(kHeadEnd);
    connection.send(answer);
  });
  ControlPlaneClient client(plain(server));

  const auto brought = call(client, {.path = "/a"});

  CHECK(brought.fault() == Fault::Closed);
  CHECK(brought.body == "[1,");
}

TEST_CASE("a body over the limit is given up") {
  const RawServer server(answering("HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n" + std::string(101, 'x')));
  ControlPlaneClient client(plain(server));

  CHECK(call(client, {.path = "/a", .max_answer_bytes = 101}).answer().status == 200);
  CHECK(call(client, {.path = "/a", .max_answer_bytes = 100}).fault() == Fault::Http);
}

TEST_CASE("an answer's first line and head may be as long as their limits, and not a byte more") {
  const std::string line = "HTTP/1.1 200 ";
  const auto first_line = [&line](std::size_t bytes) {
    return line + std::string(bytes - line.size(), 'r') + "\r\nContent-Length: 2\r\n\r\n{}";
  };
  const auto head = [&line](std::size_t bytes) {
    std::string text = line + "OK\r\nContent-Length: 2\r\n";
    const std::string header = "X-Long: ";
    while (text.size() + 2 < bytes) {
      const std::size_t rest = bytes - text.size() - 2;
      // No header is so short that it would have no value.
      const std::size_t next = rest < 2000 ? rest : 1000;
      text += header + std::string(next - header.size() - 2, 'x') + "\r\n";
    }
    return text + "\r\n{}";
  };
  struct Case {
    std::string answer;
    bool taken;
  };
  const auto given = GENERATE_COPY(Case{first_line(http::kMaxStatusLineBytes), true},
                                   Case{first_line(http::kMaxStatusLineBytes + 1), false},
                                   Case{head(http::kMaxHeadBytes), true}, Case{head(http::kMaxHeadBytes + 1), false});
  const RawServer server(answering(given.answer));
  ControlPlaneClient client(plain(server));

  const auto brought = call(client, {.path = "/a"});

  if (given.taken) {
    CHECK(brought.answer().status == 200);
    CHECK(brought.body == "{}");
  } else {
    CHECK(brought.fault() == Fault::Http);
  }
}

TEST_CASE("a receiver that fails ends the call with its message") {
  const RawServer server(answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"));
  ControlPlaneClient client(plain(server));

  // Its own words count, also for what is over the limit.
  const auto outcome =
      client.call({.path = "/a", .max_answer_bytes = GENERATE(1U, 2U)}, Secret("t"),
                  [](std::string_view) -> Result<Done> { return fail(ErrorKind::Reject, "row 3: no id"); });

  REQUIRE(std::holds_alternative<Problem>(outcome));
  CHECK(std::get<Problem>(outcome).fault == Fault::Receiver);
  CHECK(std::get<Problem>(outcome).message.find("row 3: no id") != std::string::npos);
}

TEST_CASE("a name that does not resolve, and a port where nobody listens, are told apart") {
  ControlPlaneOptions options;
  options.tls = false;
  {
    const RawServer server([](RawConnection&, int) {});
    options = plain(server);
  }
  ControlPlaneClient refused(options);
  CHECK(call(refused, {.path = "/a"}).fault() == Fault::Refused);

  options.host = "no-such-host.invalid";
  ControlPlaneClient unknown(options);
  CHECK(call(unknown, {.path = "/a"}).fault() == Fault::Dns);
}

TEST_CASE("a silent server is given up at the read limit, a trickling one at the total one") {
  const bool trickles = GENERATE(false, true);
  const RawServer server([trickles](RawConnection& connection, int) {
    connection.read_until(kHeadEnd);
    if (!trickles) return connection.read_to_end();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    while (!connection.wait_readable(10ms) && connection.send("x")) {
    }
  });
  auto options = plain(server);
  options.read_timeout = trickles ? Duration(10s) : Duration(200ms);
  options.total_limit = trickles ? Duration(300ms) : Duration(10s);
  ControlPlaneClient client(options);

  CHECK(call(client, {.path = "/a"}).fault() == Fault::Timeout);
}

TEST_CASE("a call to the control plane can be ended from another thread") {
  std::promise<void> asked;
  const RawServer server([&asked](RawConnection& connection, int) {
    connection.read_until(kHeadEnd);
    asked.set_value();
    connection.read_to_end();
  });
  ControlPlaneClient client(plain(server));
  std::thread canceller([&asked, &client] {
    asked.get_future().wait();
    client.cancel();
  });

  CHECK(call(client, {.path = "/a"}).fault() == Fault::Cancelled);
  canceller.join();
}

TEST_CASE("a client that is made when no descriptor is left says so, and works once there are some, cancelled or not") {
  const RawServer server(answering("HTTP/1.1 204 No Content\r\n\r\n"));
  std::optional<NoDescriptors> none(std::in_place);
  ControlPlaneClient client(plain(server));
  ControlPlaneClient cancelled(plain(server));
  const Brought brought = call(client, {.path = "/a"});
  CHECK(brought.fault() == Fault::Refused);
  CHECK(std::get<Problem>(brought.outcome).message == "127.0.0.1: nothing can be asked: Too many open files");
  cancelled.cancel();
  none.reset();

  CHECK(call(client, {.path = "/a"}).answer().status == 204);
  CHECK(call(cancelled, {.path = "/a"}).fault() == Fault::Cancelled);
}

}  // namespace tether::test
