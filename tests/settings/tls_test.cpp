#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "fixture.h"
#include "tether/peers/test_ca.h"

using namespace tether;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

/// A client certificate with its key, in files of a folder, and the variables that name them.
struct Client {
  Folder folder;
  peers::TestCa authority;
  std::string cert;
  std::string key;

  Client() {
    const auto pair = authority.issue({"gateway-1"});
    cert = folder.write("client.pem", pair.certificate);
    key = write_key("client.key", pair.key);
  }
  std::string write_key(const std::string& name, const std::string& content, mode_t mode = 0600) const {
    const std::string path = folder.write(name, content);
    ::chmod(path.c_str(), mode);
    return path;
  }
  Variables variables() const {
    return {{"TETHER_CONTROL_PLANE_CLIENT_CERT_FILE", cert}, {"TETHER_CONTROL_PLANE_CLIENT_KEY_FILE", key}};
  }
};

/// Of nobody: made for this test, with a passphrase.
constexpr const char* kEncryptedKey =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
    "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhKyH9D0bJuvQICCAAw\n"
    "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEENg5mcO426auhxHKVqmXB78EgZBx\n"
    "eGA3qESWtZfin+MSTfjwlIjZb4VKkbQwt68uxDfmZBlTN6McxevVTzRmpLZ0jhuS\n"
    "SkemE8dF9Qx9SDGEsAJjApwFhfJJ8y5SqP0RT86hXDujl1E1RJ/i7K8UI68eggqp\n"
    "HPPExr0ozVu3BuOUSNewYDKJoPQMc1ur1UrnJhOdZo7gV4SFJQHutTYVHNTwsCc=\n"
    "-----END ENCRYPTED PRIVATE KEY-----\n";

}  // namespace

TEST_CASE("a client certificate and its key are settings that belong together") {
  Client client;

  const auto settings = load_good(client.variables());
  CHECK(settings.control_plane.tls.client_cert_file == client.cert);
  CHECK(settings.control_plane.tls.client_key_file == client.key);

  CHECK_THAT(
      load_bad({{"TETHER_CONTROL_PLANE_CLIENT_CERT_FILE", client.cert}}),
      StartsWith("TETHER_CONTROL_PLANE_CLIENT_CERT_FILE: ") && Contains("set without control_plane.client_key_file"));
  CHECK_THAT(
      load_bad({{"TETHER_CONTROL_PLANE_CLIENT_KEY_FILE", client.key}}),
      StartsWith("TETHER_CONTROL_PLANE_CLIENT_KEY_FILE: ") && Contains("set without control_plane.client_cert_file"));
}

TEST_CASE("a client key that cannot be used is told by its setting, what is wrong, and what would be right") {
  Client client;
  const auto bad = [&client](const std::string& path) {
    client.key = path;
    return load_bad(client.variables());
  };

  CHECK_THAT(bad(client.folder.path("none")), StartsWith("TETHER_CONTROL_PLANE_CLIENT_KEY_FILE: holds ") &&
                                                  Contains("should be ") && Contains("No such file"));
  CHECK_THAT(bad(client.folder.path("")), StartsWith("TETHER_CONTROL_PLANE_CLIENT_KEY_FILE: holds ") &&
                                              Contains("should be ") && Contains("not a regular file"));
  CHECK_THAT(bad(client.write_key("text", "hello")), StartsWith("TETHER_CONTROL_PLANE_CLIENT_KEY_FILE: holds ") &&
                                                         Contains("should be ") && Contains("no private key in PEM"));
  CHECK_THAT(
      bad(client.write_key("locked", kEncryptedKey)),
      StartsWith("TETHER_CONTROL_PLANE_CLIENT_KEY_FILE: holds ") && Contains("should be ") && Contains("passphrase"));
  const auto other = client.authority.issue({"gateway-2"});
  CHECK_THAT(bad(client.write_key("other", other.key)), StartsWith("TETHER_CONTROL_PLANE_CLIENT_KEY_FILE: holds ") &&
                                                            Contains("should be ") &&
                                                            Contains("does not fit the certificate"));
}

TEST_CASE("a client key that every user of the machine can read is refused, one that a group can read is not") {
  Client client;

  for (const mode_t mode : {0644U, 0602U, 0601U}) {
    ::chmod(client.key.c_str(), mode);
    CHECK_THAT(load_bad(client.variables()), StartsWith("TETHER_CONTROL_PLANE_CLIENT_KEY_FILE: ") &&
                                                 Contains("open to every user") && Contains("chmod"));
  }
  ::chmod(client.key.c_str(), 0640);
  load_good(client.variables());
}

TEST_CASE("a client certificate that cannot be used is told by its setting, what is wrong, and what would be right") {
  Client client;
  const auto bad = [&client](const std::string& content) {
    client.folder.write("client.pem", content);
    return load_bad(client.variables());
  };

  CHECK_THAT(bad("hello"), StartsWith("TETHER_CONTROL_PLANE_CLIENT_CERT_FILE: holds ") && Contains("should be ") &&
                               Contains("no certificate in PEM"));
  CHECK_THAT(
      bad(client.authority.certificate() + "-----BEGIN CERTIFICATE-----\nAAAA\n"),
      StartsWith("TETHER_CONTROL_PLANE_CLIENT_CERT_FILE: holds ") && Contains("should be ") && Contains("damaged"));
  std::filesystem::remove(client.cert);
  CHECK_THAT(load_bad(client.variables()), StartsWith("TETHER_CONTROL_PLANE_CLIENT_CERT_FILE: holds ") &&
                                               Contains("should be ") && Contains("No such file"));
}

TEST_CASE("authorities may be a folder of files, of which one has to be a certificate") {
  const Folder folder;
  const std::string path = folder.path("cas");
  std::filesystem::create_directory(path);
  const Variables variables{{"TETHER_CONTROL_PLANE_CA_FILE", path}};
  CHECK_THAT(load_bad(variables), StartsWith("TETHER_CONTROL_PLANE_CA_FILE: ") && Contains("holds no certificate"));

  folder.write("cas/README", "what is here\n");
  folder.write("cas/one.crt", peers::TestCa().certificate());
  CHECK(load_good(variables).control_plane.tls.ca_path == path);

  folder.write("cas/two.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  CHECK_THAT(load_bad(variables), Contains("two.crt") && Contains("damaged"));
}

TEST_CASE("a pin is 32 bytes in base64, and there may be several") {
  const std::string good = "sha256//" + std::string(43, 'A') + "=";
  const auto pins = [](const std::string& text) { return Variables{{"TETHER_CONTROL_PLANE_SERVER_KEY_PINS", text}}; };

  CHECK(load_good(pins(good)).control_plane.tls.pins.size() == 1);
  std::string many = good;
  for (std::size_t i = 1; i < tls::kMaxPins; ++i) many += ";" + good;
  CHECK(load_good(pins(many)).control_plane.tls.pins.size() == tls::kMaxPins);

  for (const std::string& bad : {many + ";" + good, good + ";", "sha256//" + std::string(44, 'A'),
                                 "sha256//" + std::string(42, 'A') + "==", std::string(43, 'A') + "=",
                                 "sha256//" + std::string(42, 'A') + "?="}) {
    CAPTURE(bad);
    CHECK_THAT(load_bad(pins(bad)), StartsWith("TETHER_CONTROL_PLANE_SERVER_KEY_PINS: ") && Contains("sha256//BASE64"));
  }
}
