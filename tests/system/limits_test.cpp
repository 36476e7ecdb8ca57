#include <catch2/catch.hpp>

#include "scene.h"
#include "steps.h"

using namespace tether;
using namespace tether::test;

TEST_CASE("documents that are too large are quarantined by the setting that says so, and hold up no other") {
  Scene scene;
  scene.start_control_plane();
  std::map<std::string, std::string> wanted;
  const auto deploy = [&scene](const std::string& handle, std::size_t more) {
    const std::string document = document_with(handle, "http://backend:80") + "# " + std::string(more, 'x') + "\n";
    return scene.control_plane().deploy("RestApi", handle, document);
  };
  for (int i = 0; i < 20; ++i) {
    const auto deployed = deploy("api-" + std::to_string(i), 0);
    wanted[deployed.artifact_id] = deployed.deployment_id;
  }
  const auto document = deploy("over-one-document", 16'384);
  const auto archive = deploy("over-one-archive", 65'536);
  scene.start_gateway();

  scene.start_daemon({{"TETHER_MAX_DOCUMENT_BYTES", "16384"}, {"TETHER_MAX_ARCHIVE_BYTES", "32768"}});

  CHECK(scene.gateway_comes_to_serve(wanted));
  const auto status = scene.wait_for(
      [](const nlohmann::json& seen) { return seen["settled"] == true && seen["quarantined"].size() == 2; });
  for (const auto& note : status["quarantined"]) {
    INFO(note.dump());
    CHECK((note["id"] == document.artifact_id || note["id"] == archive.artifact_id));
    CHECK(note["reason"].get<std::string>().find("limits.max_document_bytes") != std::string::npos);
  }
}
