#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "steps.h"

using namespace tether;
using namespace tether::test;

namespace {

/// A control plane that wants certificates of clients, and the files of a gateway's own one.
struct Mutual {
  Scene scene{/*certificate_hours=*/24};
  peers::TestCa authority;  ///< Of clients.
  std::unique_ptr<ControlPlane> control_plane;
  std::string cert = scene.file("client.pem");
  std::string key = scene.file("client.key");

  Mutual() {
    peers::ControlPlaneOptions options;
    options.certificate_file = scene.file("server.pem");
    options.key_file = scene.file("server.key");
    options.client_ca_file = scene.folder().write("clients.pem", authority.certificate());
    auto started = ControlPlane::start(options);
    REQUIRE(started);
    control_plane = std::move(*started);
    scene.start_gateway();
  }
  ~Mutual() { scene.kill_daemon(); }  // before its control plane

  /// Puts a certificate of this authority and its key where the daemon looks, each by a rename.
  void put_certificate(const peers::TestCa& signer, int hours = 24) const {
    const auto pair = signer.issue({"gateway-1"}, hours);
    const std::string new_key = scene.folder().write("key.new", pair.key);
    ::chmod(new_key.c_str(), 0600);
    std::filesystem::rename(scene.folder().write("cert.new", pair.certificate), cert);
    std::filesystem::rename(new_key, key);
  }
  void start_daemon(std::map<std::string, std::string> more = {}) {
    more["TETHER_CONTROL_PLANE_URL"] = control_plane->websocket_url();
    more["TETHER_REGISTRATION_TOKEN"] = control_plane->token();
    scene.start_daemon(more);
  }
  std::map<std::string, std::string> with_certificate() const {
    return {{"TETHER_CONTROL_PLANE_CLIENT_CERT_FILE", cert}, {"TETHER_CONTROL_PLANE_CLIENT_KEY_FILE", key}};
  }
};

bool says(const nlohmann::json& status, const std::string& part) {
  const auto& error = status["control_plane"]["last_error"];
  return error.is_string() && error.get<std::string>().find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a control plane that wants a client certificate gets it, for WebSocket and REST alike") {
  Mutual mutual;
  mutual.put_certificate(mutual.authority);
  const auto petstore = mutual.control_plane->deploy("RestApi", "petstore");

  mutual.start_daemon(mutual.with_certificate());

  CHECK(mutual.scene.gateway_comes_to_serve({{petstore.artifact_id, petstore.deployment_id}}));
  CHECK_FALSE(mutual.control_plane->observed().rest.empty());
}

TEST_CASE("without the certificate that the control plane wants, the status names the setting") {
  Mutual mutual;

  mutual.start_daemon();

  CHECK(mutual.scene.wait_for([](const auto& status) { return says(status, "control_plane.client_cert_file"); })
            .is_object());
  CHECK(mutual.control_plane->observed().dials.empty());
}

TEST_CASE("a client certificate that is replaced is dialled with at once, and one that is no use is told") {
  Mutual mutual;
  mutual.put_certificate(peers::TestCa());
  auto settings = mutual.with_certificate();
  settings["TETHER_RECONNECT_INITIAL_MS"] = "3600000";
  settings["TETHER_RECONNECT_MAX_MS"] = "3600000";
  mutual.start_daemon(settings);
  REQUIRE(mutual.scene.wait_for([](const auto& status) { return says(status, "our certificate"); }).is_object());

  std::filesystem::rename(mutual.scene.folder().write("key.bad", "hello"), mutual.key);
  CHECK(mutual.scene.daemon().wait_for_text("tls.files_not_taken", kPatience));

  mutual.put_certificate(mutual.authority);
  CHECK(mutual.scene.wait_until_in_sync().is_object());
}

TEST_CASE("authorities of a folder are added to the system's where that is asked for") {
  Scene scene;
  scene.start_control_plane();
  scene.start_gateway();
  std::filesystem::create_directory(scene.file("cas"));
  scene.folder().write("cas/other.pem", peers::TestCa().certificate());
  const std::map<std::string, std::string> settings = {{"TETHER_CONTROL_PLANE_CA_FILE", scene.file("cas")},
                                                       {"SSL_CERT_FILE", scene.file("ca.pem")}};

  scene.start_daemon(settings);
  CHECK(scene.wait_for([](const auto& status) { return says(status, "not accepted"); }).is_object());
  scene.kill_daemon();

  auto with_system = settings;
  with_system["TETHER_CONTROL_PLANE_CA_WITH_SYSTEM"] = "true";
  scene.start_daemon(with_system);
  CHECK(scene.wait_until_in_sync().is_object());
}

TEST_CASE("a control plane with another key than the pinned one is not talked to [D7]") {
  Scene scene;
  scene.start_control_plane();
  scene.start_gateway();

  scene.start_daemon({{"TETHER_CONTROL_PLANE_SERVER_KEY_PINS", "sha256//" + std::string(43, 'A') + "="}});

  CHECK(scene.wait_for([](const auto& status) { return says(status, "control_plane.server_key_pins"); }).is_object());
  CHECK(scene.control_plane().observed().dials.empty());
}

TEST_CASE("certificates that end within two weeks are warned about once each, and told by metrics and the status") {
  Mutual mutual;  // Its server's certificate is for a day.
  mutual.put_certificate(mutual.authority, /*hours=*/48);
  mutual.start_daemon(mutual.with_certificate());
  const auto status = mutual.scene.wait_until_in_sync();
  REQUIRE(status.is_object());

  const double server = mutual.scene.metric("tetherd_control_plane_certificate_expiry_timestamp_seconds");
  const double client = mutual.scene.metric("tetherd_client_certificate_expiry_timestamp_seconds");
  CHECK(client - server > 23 * 3600);
  CHECK(client - server < 25 * 3600);
  CHECK(status["control_plane"]["server_certificate_ends"].is_string());
  CHECK(status["control_plane"]["client_certificate_ends"].is_string());
  const auto warnings = [&mutual](const std::string& whose) {
    const auto lines = mutual.scene.daemon().out();
    return std::count_if(lines.begin(), lines.end(), [&whose](const std::string& line) {
      return line.find("tls.certificate_ends") != std::string::npos && line.find(whose) != std::string::npos;
    });
  };
  CHECK(warnings("the control plane's certificate") == 1);
  CHECK(warnings("our certificate (control_plane.client_cert_file)") == 1);

  mutual.control_plane->end_links(peers::Ending::TcpReset);
  REQUIRE(mutual.control_plane->wait_until([](const auto& seen, const auto&) { return seen.dials.size() == 2; }));
  REQUIRE(mutual.scene.wait_until_in_sync().is_object());
  CHECK(warnings("the control plane's certificate") == 1);
}
