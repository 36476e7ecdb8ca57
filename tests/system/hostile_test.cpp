#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "../protocol/tarball.h"
#include "scene.h"
#include "steps.h"

using namespace tether;
using namespace tether::test;
using tether::protocol::samples::gzip;
using tether::protocol::samples::tar;
using tether::protocol::samples::TarEntry;

/// Archives that do harm, in the place of the control plane's own, and the real daemon.
namespace {

struct Wanted {
  std::map<std::string, std::string> deployments;
  std::vector<TarEntry> entries;  ///< What a good archive has of them.
};

Wanted deploy_some(Scene& scene) {
  Wanted wanted;
  for (int i = 0; i < 5; ++i) {
    const std::string handle = "api-" + std::to_string(i);
    const std::string document = document_with(handle, "http://backend:80");
    const auto deployed = scene.control_plane().deploy("RestApi", handle, document);
    wanted.deployments[deployed.artifact_id] = deployed.deployment_id;
    wanted.entries.push_back({deployed.deployment_id + "/api-" + deployed.artifact_id + ".yaml", document});
  }
  return wanted;
}

void answer_fetches_with(Scene& scene, const std::string& body, int count) {
  scene.control_plane().change_faults([&](peers::Faults& faults) {
    peers::RestFault fault;
    fault.body = body;
    fault.count = count;
    faults.rest["fetch-batch"] = fault;
  });
}

}  // namespace

TEST_CASE("traversal, links and devices in an archive write nothing, and all else of the batch gets in service") {
  Scene scene;
  scene.start_control_plane();
  const Wanted wanted = deploy_some(scene);
  const std::string outside = scene.file("outside");
  std::vector<TarEntry> entries = {
      {.name = "../../../../../../../../.." + outside, .content = "planted"},
      {.name = outside, .content = "planted"},
      {.name = "d1/api-a1.yaml", .content = "", .type = '2', .link = outside},
      {.name = "d1/api-a1.yaml", .content = "", .type = '1', .link = "/etc/passwd"},
      {.name = "d2/api-a2.yaml", .content = "", .type = '3'},
      {.name = "d3/api-a3.yaml", .content = "", .type = '6'},
  };
  entries.insert(entries.begin() + 3, wanted.entries.begin(), wanted.entries.end());
  answer_fetches_with(scene, gzip(tar(entries)), /*count=*/-1);
  scene.start_gateway();

  scene.start_daemon();

  CHECK(scene.gateway_comes_to_serve(wanted.deployments));
  scene.wait_until_in_sync();
  CHECK_FALSE(std::filesystem::exists(outside));
}

TEST_CASE("a bomb, an archive packed twice and one of too many entries hold nothing up once good ones come") {
  Scene scene;
  scene.start_control_plane();
  const Wanted wanted = deploy_some(scene);
  std::string hostile;
  SECTION("a bomb") {
    hostile = gzip(tar({{.name = "d/api-a.yaml", .content = std::string(std::size_t{64} * 1024 * 1024, '\0')}}));
  }
  SECTION("packed twice") {
    hostile = gzip(gzip(tar(wanted.entries)));
  }
  SECTION("too many entries") {
    hostile = gzip(tar(std::vector<TarEntry>(2000, {.name = "junk", .content = ""})));
  }
  answer_fetches_with(scene, hostile, /*count=*/2);
  scene.start_gateway();

  scene.start_daemon({{"TETHER_MAX_DOCUMENT_BYTES", "65536"}, {"TETHER_MAX_ARCHIVE_BYTES", "1048576"}});

  CHECK(scene.gateway_comes_to_serve(wanted.deployments));
  CHECK(scene.wait_until_in_sync()["quarantined"].empty());
}

TEST_CASE("a document that is nested too deep, a bomb of aliases and one that is no UTF-8 each end by themselves") {
  Scene scene;
  scene.start_control_plane();
  Wanted wanted = deploy_some(scene);
  const auto deploy = [&scene](const std::string& handle, const std::string& document) {
    return scene.control_plane().deploy("RestApi", handle, document);
  };
  const std::string good = document_with("hostile", "http://backend:80");
  const auto deep = deploy("deep", good + "\nx: " + std::string(1000, '[') + std::string(1000, ']') + "\n");
  std::string aliases = good + "\nx0: &x0 [x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 30; ++i) {
    const std::string before = "*x" + std::to_string(i - 1);
    aliases += "x" + std::to_string(i) + ": &x" + std::to_string(i) + " [" + before + ", " + before + "]\n";
  }
  const auto bomb = deploy("bomb", aliases);
  const auto binary = deploy("binary", good + "\nx: \xff\xfe\n");
  wanted.deployments[bomb.artifact_id] = bomb.deployment_id;
  scene.start_gateway();

  scene.start_daemon();

  CHECK(scene.gateway_comes_to_serve(wanted.deployments));
  const auto status = scene.wait_for([](const nlohmann::json& seen) { return seen["quarantined"].size() == 2; });
  std::map<std::string, std::string> reasons;
  for (const auto& one : status["quarantined"]) reasons[one["id"]] = one["reason"];
  CHECK(reasons[deep.artifact_id].starts_with("document: nested deeper than 64 at line "));
  CHECK(reasons[binary.artifact_id] == "the document is not UTF-8");
  CHECK(served_deployment(scene.gateway(), deep.artifact_id).empty());
}
