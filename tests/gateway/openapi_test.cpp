// docs/gateway-openapi.yaml says what the daemon sends and accepts: compared with what it does.
#include <yaml-cpp/yaml.h>

#include <catch2/catch.hpp>
#include <cctype>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "list_source.h"
#include "scripted_gateway.h"
#include "tether/gateway/push_driver.h"
#include "tether/protocol/gateway.h"

namespace tether::test {

namespace {

using Names = std::set<std::string>;
using nlohmann::json;

const YAML::Node& document() {
  static const YAML::Node node = YAML::LoadFile(TETHER_SOURCE_DIR "/docs/gateway-openapi.yaml");
  return node;
}

YAML::Node schema(const std::string& name) {
  return document()["components"]["schemas"][name];
}

Names names_of(const YAML::Node& map) {
  Names names;
  for (const auto& entry : map) names.insert(entry.first.as<std::string>());
  return names;
}

Names required_of(const std::string& name) {
  const auto list = schema(name)["required"].as<std::vector<std::string>>();
  return {list.begin(), list.end()};
}

Names members_of(const json& object) {
  Names names;
  for (const auto& [name, value] : object.items()) names.insert(name);
  return names;
}

/// Whether `line` has exactly the members of the schema, of its types, and its `op`.
void check_against(const std::string& line, const std::string& name) {
  CAPTURE(line, name);
  REQUIRE(line.ends_with("\n"));
  const json object = json::parse(line);
  CHECK(members_of(object) == names_of(schema(name)["properties"]));
  CHECK(members_of(object) == required_of(name));
  for (const auto& [member, value] : object.items()) {
    const YAML::Node property = schema(name)["properties"][member];
    const auto type = property["type"].as<std::string>();
    const std::string actual = value.is_string() ? "string" : value.is_number_integer() ? "integer" : "object";
    CHECK(type == actual);
    if (property["enum"]) CHECK(property["enum"][0].as<std::string>() == value.get<std::string>());
  }
}

/// The schemas whose lines a request may have.
Names lines_of(const std::string& method) {
  Names names;
  const YAML::Node content = document()["paths"]["/v1/config"][method]["requestBody"]["content"];
  CHECK(names_of(content) == Names{"application/x-ndjson"});
  for (const auto& line : content["application/x-ndjson"]["schema"]["oneOf"]) {
    const auto reference = line["$ref"].as<std::string>();
    names.insert(reference.substr(reference.rfind('/') + 1));
  }
  return names;
}

protocol::ResourceLine artifact() {
  protocol::ResourceLine line;
  line.kind = "RestApi";
  line.id = "7c2b9f0e";
  line.artifact = true;
  line.handle = "petstore-v1.0";
  line.deployment_id = "d1";
  line.deployed_at = "2026-08-22T11:02:03.417Z";
  line.document = "kind: RestApi\n";
  return line;
}

protocol::ResourceLine key() {
  protocol::ResourceLine line;
  line.kind = "ApiKey";
  line.id = "5b0e6f7a";
  line.data = R"({"name":"mobile-app"})";
  return line;
}

/// An object with every member of the schema, made from the schema alone.
json example_of(const std::string& name) {
  json object;
  for (const auto& entry : schema(name)["properties"]) {
    const auto member = entry.first.as<std::string>();
    const auto type = entry.second["type"].as<std::string>();
    if (type == "integer") {
      object[member] = 7;
    } else if (type == "array") {
      const auto reference = entry.second["items"]["$ref"].as<std::string>();
      object[member] = json::array({example_of(reference.substr(reference.rfind('/') + 1))});
    } else {
      object[member] = "text";
    }
  }
  return object;
}

}  // namespace

TEST_CASE("the requests of the driver are the document's paths, methods and media types") {
  const TemporaryFolder folder;
  const std::string path = folder.path("config.sock");
  ScriptedGateway gateway(path, [](const SeenRequest&) { return http_answer(500, ""); });
  gateway::PushDriver driver({.socket_path = path});
  ListSource put({.from_epoch = {}, .epoch = "e"}, {});
  ListSource patch({.from_epoch = "e", .epoch = "e"}, {});
  driver.state();
  driver.replace(put);
  driver.apply(patch);

  Names done;
  for (const auto& request : gateway.seen()) {
    std::string method = request.method;
    for (char& c : method) c = static_cast<char>(std::tolower(c));
    const YAML::Node operation = document()["paths"][request.path][method];
    CAPTURE(request.path, method);
    REQUIRE(operation.IsMap());
    done.insert(method + " " + request.path);
    if (request.method == "GET") {
      CHECK_FALSE(operation["requestBody"]);
    } else {
      CHECK(operation["requestBody"]["content"][request.content_type].IsMap());
    }
  }

  Names described;
  for (const auto& entry : document()["paths"]) {
    for (const auto& method : names_of(entry.second)) described.insert(method + " " + entry.first.as<std::string>());
  }
  CHECK(done == described);
}

TEST_CASE("every line that is written has the members and types of its schema") {
  check_against(protocol::write_put_header("e1", 42, 2), "PutHeader");
  check_against(protocol::write_resource_line(artifact(), /*patch=*/false), "ArtifactLine");
  check_against(protocol::write_resource_line(key(), /*patch=*/false), "DataLine");
  check_against(protocol::write_patch_header("e0", 40, "e1", 42, 2), "PatchHeader");
  check_against(protocol::write_resource_line(artifact(), /*patch=*/true), "PutArtifactLine");
  check_against(protocol::write_resource_line(key(), /*patch=*/true), "PutDataLine");
  check_against(protocol::write_delete_line("RestApi", "7c2b9f0e"), "DeleteLine");

  CHECK(lines_of("put") == Names{"PutHeader", "ArtifactLine", "DataLine"});
  CHECK(lines_of("patch") == Names{"PatchHeader", "PutArtifactLine", "PutDataLine", "DeleteLine"});
}

TEST_CASE("an answer made from the document is accepted, and every required member is needed") {
  const json state = example_of("State");
  const json answer = example_of("Answer");
  REQUIRE(protocol::parse_gateway_state(state.dump()));
  REQUIRE(protocol::parse_push_answer(answer.dump()));
  CHECK(protocol::parse_push_answer(answer.dump())->rejected.size() == 1);

  for (const auto& name : required_of("State")) {
    CAPTURE(name);
    json cut = state;
    cut.erase(name);
    CHECK_FALSE(protocol::parse_gateway_state(cut.dump()));
  }
  for (const auto& name : required_of("Answer")) {
    CAPTURE(name);
    json cut = answer;
    cut.erase(name);
    CHECK_FALSE(protocol::parse_push_answer(cut.dump()));
  }
}

TEST_CASE("the epoch of a fresh gateway is null, as the document allows") {
  json state = example_of("State");
  REQUIRE(schema("State")["properties"]["epoch"]["nullable"].as<bool>());
  state["epoch"] = nullptr;

  const auto parsed = protocol::parse_gateway_state(state.dump());

  REQUIRE(parsed);
  CHECK(parsed->epoch.empty());
}

TEST_CASE("the document's statuses are those that the daemon tells apart") {
  const YAML::Node paths = document()["paths"];

  CHECK(names_of(paths["/v1/config/state"]["get"]["responses"]) == Names{"200"});
  CHECK(names_of(paths["/v1/config"]["put"]["responses"]) == Names{"200", "400", "413", "422"});
  CHECK(names_of(paths["/v1/config"]["patch"]["responses"]) == Names{"200", "400", "409", "413", "422"});
  for (const auto& response : document()["components"]["responses"]) {
    if (response.second["content"]) CHECK(names_of(response.second["content"]) == Names{"application/json"});
  }
}

}  // namespace tether::test
