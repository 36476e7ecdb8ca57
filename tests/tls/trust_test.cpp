#include "tether/tls/trust.h"

#include <fcntl.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include <array>
#include <catch2/catch.hpp>
#include <filesystem>
#include <memory>

#include "tether/peers/temp_dir.h"
#include "tether/peers/test_ca.h"

using namespace tether;
using Catch::Matchers::Contains;

namespace {

struct Files {
  peers::TempDir folder;
  peers::TestCa authority;
  tls::TrustOptions options;

  Files() {
    options.ca_path = folder.write("ca.pem", authority.certificate());
    const auto pair = authority.issue({"gateway-1"});
    put_certificate(pair);
    put_key(pair);
    options.client_cert_file = folder.file("client.pem");
    options.client_key_file = folder.file("client.key");
  }
  // Each a new file, so that it is told from the one before whatever the clock says.
  void put_certificate(const peers::PemPair& pair) const {
    std::filesystem::rename(folder.write("new", pair.certificate), folder.file("client.pem"));
  }
  void put_key(const peers::PemPair& pair) const {
    const std::string file = folder.write("new", pair.key);
    ::chmod(file.c_str(), 0600);
    std::filesystem::rename(file, folder.file("client.key"));
  }
};

}  // namespace

TEST_CASE("the same context serves until a file changes") {
  Files files;
  tls::Trust trust(files.options);
  const auto first = *trust.context();
  CHECK(*trust.context() == first);

  const auto pair = files.authority.issue({"gateway-1"}, /*hours=*/48);
  files.put_certificate(pair);
  files.put_key(pair);
  CHECK(*trust.context() != first);
  CHECK(trust.complaint().empty());
}

TEST_CASE("a file that is rewritten in place is read again, though its size and time are kept") {
  Files files;
  struct stat before {};
  REQUIRE(::stat(files.options.ca_path.c_str(), &before) == 0);
  tls::Trust trust(files.options);
  const auto first = *trust.context();

  struct stat after = before;
  while (after.st_ctim.tv_sec == before.st_ctim.tv_sec && after.st_ctim.tv_nsec == before.st_ctim.tv_nsec) {
    files.folder.write("ca.pem", files.authority.certificate());
    const std::array<timespec, 2> times = {before.st_atim, before.st_mtim};
    REQUIRE(::utimensat(AT_FDCWD, files.options.ca_path.c_str(), times.data(), 0) == 0);
    REQUIRE(::stat(files.options.ca_path.c_str(), &after) == 0);
  }
  REQUIRE(after.st_ino == before.st_ino);
  REQUIRE(after.st_size == before.st_size);
  REQUIRE(after.st_mtim.tv_nsec == before.st_mtim.tv_nsec);

  CHECK(*trust.context() != first);
}

TEST_CASE(
    "a certificate and key that are replaced one after the other are used together, and the old pair until then") {
  Files files;
  tls::Trust trust(files.options);
  REQUIRE(trust.context());
  const auto before = trust.client_expiry();
  REQUIRE(before);

  const auto next = files.authority.issue({"gateway-1"}, /*hours=*/24 * 365);
  files.put_certificate(next);
  CHECK(trust.context());
  CHECK_THAT(trust.complaint(), Contains("control_plane.client_key_file") && Contains("does not fit"));
  CHECK(trust.client_expiry() == before);

  files.put_key(next);
  CHECK(trust.context());
  CHECK(trust.complaint().empty());
  CHECK(*trust.client_expiry() > *before);
}

TEST_CASE("authorities that cannot be read any more make no context, and neither does a pair that was never good") {
  Files files;
  tls::Trust trust(files.options);
  REQUIRE(trust.context());
  std::filesystem::remove(files.options.ca_path);
  const auto none = trust.context();
  REQUIRE_FALSE(none);
  CHECK_THAT(none.error().message, Contains("control_plane.ca_file") && Contains("No such file"));

  Files others;
  others.put_key(others.authority.issue({"gateway-2"}));
  tls::Trust bad(others.options);
  const auto refused = bad.context();
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().message, Contains("control_plane.client_key_file"));
  CHECK_FALSE(bad.client_expiry());
}

TEST_CASE("a name that cannot be verified is not taken, and an address is no name") {
  Files files;
  tls::Trust trust(files.options);
  const auto context = *trust.context();
  const auto is_taken = [&context](const std::string& host) {
    const std::unique_ptr<SSL, decltype(&SSL_free)> session(SSL_new(context.get()), &SSL_free);
    return tls::expect_host(session.get(), host);
  };

  for (const char* host : {"cp.example.com", "192.0.2.1", "2001:db8::1"}) CHECK(is_taken(host));
  CHECK_FALSE(is_taken(""));
  CHECK_FALSE(is_taken(std::string(300, 'a')));
}
