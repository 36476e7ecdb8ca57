#include "tether/peers/rest_api.h"

#include <zlib.h>

#include <catch2/catch.hpp>
#include <future>

#include "tether/peers/archives.h"
#include "tether/peers/plain_client.h"

namespace tether::peers {
namespace {

/// A control plane and a client that sends its token.
struct Rest {
  std::unique_ptr<ControlPlane> control_plane;
  std::unique_ptr<PlainClient> client;

  Rest() {
    auto result = ControlPlane::start({});
    REQUIRE(result);
    control_plane = std::move(*result);
    reconnect();
  }
  void reconnect() { client = PlainClient::to_port(control_plane->port()); }
  HttpAnswer get(const std::string& path) const {
    return client->ask("GET", "/api/internal/v1" + path, {}, {"api-key: " + control_plane->token()});
  }
  HttpAnswer post(const std::string& path, const nlohmann::json& body,
                  const std::string& accept = "application/x-tar+gzip") const {
    return client->ask("POST", "/api/internal/v1" + path, body.dump(),
                       {"api-key: " + control_plane->token(), "Content-Type: application/json", "Accept: " + accept});
  }
};

std::string unzipped(const std::string& data, int window) {
  z_stream stream{};
  REQUIRE(inflateInit2(&stream, window) == Z_OK);
  std::string in = data;
  std::string out(1'000'000, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  CHECK(inflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

TEST_CASE("every answer has a date, and errors have the shape of their place") {
  const Rest rest;

  const auto list = rest.get("/deployments");
  CHECK(list.status == 200);
  CHECK(list.json() == nlohmann::json{{"deployments", nlohmann::json::array()}});
  CHECK(parse_http_date(list.headers.at("date")));

  const auto without = rest.client->ask("GET", "/api/internal/v1/deployments");
  CHECK(without.status == 401);
  CHECK(without.json()["description"] == "API key is required. Provide 'api-key' header.");
  const auto wrong = rest.client->ask("GET", "/api/internal/v1/deployments", {}, {"api-key: no"});
  CHECK(wrong.json()["description"] == "Invalid or expired API key");
  const auto unknown = rest.get("/no/such/path");
  CHECK(unknown.status == 401);
  CHECK(unknown.json()["code"] == "UNAUTHORIZED");
}

TEST_CASE("a delta obeys since, and a wrong since is the client's fault") {
  const Rest rest;
  rest.control_plane->deploy("RestApi", "pets");

  CHECK(rest.get("/deployments?since=2020-01-01T00%3A00%3A00Z").json()["deployments"].size() == 1);
  CHECK(rest.control_plane->violations().empty());
  CHECK(rest.get("/deployments?since=yesterday").status == 400);
  CHECK_FALSE(rest.control_plane->violations().empty());
}

TEST_CASE("a batch holds what is known, in a gzipped tar") {
  const Rest rest;
  const Deployed pets = rest.control_plane->deploy("RestApi", "pets", "kind: RestApi\n");

  const auto batch = rest.post("/deployments/fetch-batch", {{"deploymentIds", {pets.deployment_id, "unknown"}}});

  CHECK(batch.status == 200);
  CHECK(batch.headers.at("content-type") == "application/x-tar+gzip");
  const std::string tar = unzipped(batch.body, 15 + 16);
  CHECK(tar.substr(0, tar.find('\0')) == pets.deployment_id + "/api-" + pets.artifact_id + ".yaml");
  CHECK(tar.substr(512, 14) == "kind: RestApi\n");
  CHECK(tar.size() == 4 * 512);

  CHECK(rest.post("/deployments/fetch-batch", {{"deploymentIds", nlohmann::json::array()}}).status == 400);
  CHECK(rest.post("/deployments/fetch-batch", {{"deploymentIds", {"x"}}}, "*/*").status == 406);
  rest.control_plane->change_faults([](Faults& faults) { faults.batch_missing = {"*"}; });
  const auto none = rest.post("/deployments/fetch-batch", {{"deploymentIds", {pets.deployment_id}}});
  CHECK(unzipped(none.body, 15 + 16) == std::string(1024, '\0'));
}

TEST_CASE("one artifact comes as a zip while it is wanted") {
  const Rest rest;
  const Deployed weather = rest.control_plane->deploy("Mcp", "weather", "kind: Mcp\n");

  const auto zipped = rest.get("/mcp-proxies/" + weather.artifact_id);
  CHECK(zipped.headers.at("content-type") == "application/zip");
  const std::string name = "mcp-proxy-" + weather.artifact_id + ".yaml";
  REQUIRE(zipped.body.substr(30, name.size()) == name);
  CHECK(zipped.body.find("PK\x05\x06") != std::string::npos);
  CHECK(rest.get("/apis/" + weather.artifact_id).status == 404);

  rest.control_plane->undeploy(weather.artifact_id);
  CHECK(rest.get("/mcp-proxies/" + weather.artifact_id).status == 404);
}

TEST_CASE("exists answers about the organization, in the order asked") {
  const Rest rest;
  const Deployed pets = rest.control_plane->deploy("RestApi", "pets");

  const auto answer = rest.post("/artifacts/exists", {{"artifactIds", {"none", pets.artifact_id}}}).json();

  CHECK(answer["artifacts"][0] == nlohmann::json{{"artifactId", "none"}, {"exists", false}});
  CHECK(answer["artifacts"][1]["exists"] == true);
  CHECK(rest.post("/artifacts/exists", {{"artifactIds", 3}}).status == 400);
}

TEST_CASE("subscriptions of a failed deployment are refused") {
  const Rest rest;
  const Deployed pets = rest.control_plane->deploy("RestApi", "pets");
  const std::string path = "/apis/" + pets.artifact_id + "/subscriptions";
  CHECK(rest.control_plane->change(
      [&pets](Desire& desire) { return desire.create_subscription(pets.artifact_id, desire.create_plan("gold")); }));

  CHECK(rest.get(path).json().size() == 1);
  CHECK(rest.get("/subscription-plans").json()[0]["planName"] == "gold");
  CHECK(rest.get("/apis/unknown/subscriptions").status == 404);
  rest.control_plane->change([](Desire& desire) { return desire.sweep(std::chrono::nanoseconds(-1)); });
  CHECK(rest.get(path).status == 403);
}

TEST_CASE("secrets are listed without values and read one by one") {
  const Rest rest;
  rest.control_plane->change([](Desire& desire) { desire.put_secret("key", "s3cret"); });
  CHECK(rest.get("/secrets/key/value").status == 404);
  rest.control_plane->deploy("RestApi", "pets", "kind: RestApi\nx: '{{ secret \"key\" }}'\n");

  CHECK(rest.get("/secrets").json()["count"] == 1);
  CHECK(rest.get("/secrets?includeValues=true").json()["list"][0]["value"] == "s3cret");
  CHECK(rest.get("/secrets/key/value").json()["value"] == "s3cret");
  CHECK(rest.control_plane->change([](Desire& desire) { return desire.deprecate_secret("key"); }));
  CHECK(rest.get("/secrets/key/value").status == 500);
}

TEST_CASE("the manifest is taken, or refused when told so") {
  const Rest rest;
  const nlohmann::json manifest{{"version", "1.1.0"}, {"policies", nlohmann::json::array()}};

  CHECK(rest.post("/gateways/any/manifest", manifest).status == 204);
  CHECK(rest.control_plane->observed().last_manifest == manifest);
  const Deployed old = rest.control_plane->deploy("LlmProvider", "openai");
  const auto document = rest.control_plane->backup().deployments().at(old.deployment_id).document;
  CHECK(document.find("/v1alpha1\n") != std::string::npos);

  rest.control_plane->change_faults([](Faults& faults) { faults.manifest_status = 409; });
  CHECK(rest.post("/gateways/any/manifest", manifest).status == 409);
}

TEST_CASE("lists can be empty, stale or lack a row") {
  const Rest rest;
  const Deployed first = rest.control_plane->deploy("RestApi", "first");
  rest.control_plane->change_faults([](Faults& faults) { faults.stale_list = true; });
  rest.control_plane->deploy("RestApi", "second");
  const auto rows = [&rest] { return rest.get("/deployments").json()["deployments"].size(); };

  CHECK(rows() == 1);
  rest.control_plane->change_faults([](Faults& faults) { faults.stale_list = false; });
  CHECK(rows() == 2);
  rest.control_plane->change_faults([&first](Faults& faults) { faults.list_missing = {first.artifact_id}; });
  CHECK(rows() == 1);
  rest.control_plane->change_faults([](Faults& faults) { faults.empty_lists = {"deployments"}; });
  CHECK(rows() == 0);
}

TEST_CASE("calls fail, hang, are cut and slow as told") {
  Rest rest;
  const auto fault = [&rest](const std::string& call, const RestFault& how) {
    rest.control_plane->change_faults([&](Faults& faults) { faults.rest = {{call, how}}; });
  };
  RestFault once;
  once.status = 500;
  once.count = 1;
  fault("deployments", once);
  CHECK(rest.get("/deployments").status == 500);
  CHECK(rest.get("/deployments").status == 200);

  RestFault slow;
  slow.delay_ms = 30;
  fault("*", slow);
  const TimePoint begin = Clock::now();
  CHECK(rest.get("/secrets").status == 200);
  CHECK(Clock::now() - begin >= 30ms);

  RestFault cut;
  cut.cut = true;
  fault("secrets", cut);
  CHECK(rest.get("/secrets").status == 0);
}

TEST_CASE("a held answer is of the moment when it was asked, and goes when it may") {
  const Rest rest;
  rest.control_plane->change_faults([](Faults& faults) { faults.rest["deployments"].hold = true; });
  auto rows = std::async(std::launch::async, [&rest] { return rest.get("/deployments").json()["deployments"].size(); });
  CHECK(rest.control_plane->wait_until([](const Observed& seen, const Desire&) {
    return !seen.journal.empty() && seen.journal.back().what == "rest.held";
  }));

  rest.control_plane->deploy("RestApi", "later");
  CHECK(rows.wait_for(30ms) == std::future_status::timeout);
  rest.control_plane->change_faults([](Faults& faults) { faults.rest.clear(); });

  CHECK(rows.get() == 0);
  CHECK(rest.get("/deployments").json()["deployments"].size() == 1);
}

TEST_CASE("a credential in an address is a violation") {
  const Rest rest;

  rest.get("/deployments?api-key=" + rest.control_plane->token());

  CHECK(rest.control_plane->violations().size() == 1);
}

}  // namespace
}  // namespace tether::peers
