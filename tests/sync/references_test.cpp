// In which order what refers to something, and what it refers to, reach the gateway: also when a body is cut in two.
#include <catch2/catch.hpp>

#include "world.h"

using namespace tether;
using namespace tether::sync;
using namespace tether::sync::test;

namespace {

std::int64_t revision_of(World& world, const std::string& id) {
  return world.artifact(id)->offering.revision;
}
std::int64_t revision_of(World& world, const std::string& kind, const std::string& id) {
  return world.resource(kind, id)->offering.revision;
}

/// A provider and a proxy of it, the proxy with a key, all in service, and the provider deployed anew after that.
void fill_with_proxy(World& world) {
  world.deploy("provider", "v1", "LlmProvider");
  world.needs_providers["p1"] = {"handle-provider"};
  world.deploy("proxy", "p1", "LlmProxy");
  world.keys["k"] = World::key("k", "proxy", "key", world.cp_now());
  world.settle();
  world.run(3s);
  world.event(world.deploy("provider", "v2", "LlmProvider"));
  world.serve();
  world.push();
  REQUIRE(revision_of(world, "provider") > revision_of(world, "proxy"));
}

/// A push that ends at a revision, or holds what comes after one, as when a body is halved.
void answer_part(World& world, std::int64_t after, std::int64_t up_to,
                 const std::vector<protocol::RejectedLine>& rejected = {}) {
  const PushAnswered answer{
      1000 + up_to, world.instance, world.read<std::string>([](Records& records) { return records.epoch(); }),
      after,        up_to,          rejected};
  world.with([&](Engine& engine, Records& records) { engine.on_push_answered(records, answer, world.now()); });
}

const protocol::RejectedLine kRefused{"LlmProxy", "proxy", "provider 'handle-provider' not found"};

}  // namespace

TEST_CASE("what the gateway has not answered stands behind what it refers to, wherever a push is cut") {
  World world;
  world.plans["gold"] = World::plan("gold");
  world.settle();
  world.event(world.deploy("provider", "v1", "LlmProvider"));
  world.serve();
  world.needs_providers["p1"] = {"handle-provider"};
  world.event(world.deploy("proxy", "p1", "LlmProxy"));
  world.event("apikey.created", protocol::KeyCreated{World::key("k", "proxy", "key", world.cp_now())});
  world.event("application.updated", protocol::ApplicationUpdated{[] {
                protocol::ResourceState application;
                application.kind = "Application";
                application.id = "app";
                application.references = {"k"};
                application.data = R"({"id":"app"})";
                return application;
              }()});
  world.serve();
  world.run(3s);
  world.event(world.deploy("provider", "v2", "LlmProvider"));
  world.serve();

  CHECK(revision_of(world, "provider") < revision_of(world, "proxy"));
  CHECK(revision_of(world, "proxy") < revision_of(world, "ApiKey", "k"));
  CHECK(revision_of(world, "ApiKey", "k") < revision_of(world, "Application", "app"));
  CHECK(world.offered("provider") == "v2");
}

TEST_CASE("what refers to something that the gateway has is not pushed again when that changes") {
  World world;
  world.deploy("provider", "v1", "LlmProvider");
  world.settle();
  world.needs_providers["p1"] = {"handle-provider"};
  world.event(world.deploy("proxy", "p1", "LlmProxy"));
  world.serve();
  const auto revision = revision_of(world, "proxy");
  world.run(3s);
  world.event(world.deploy("provider", "v2", "LlmProvider"));
  world.serve();

  CHECK(world.offered("provider") == "v2");
  CHECK(revision_of(world, "proxy") == revision);
}

TEST_CASE("a rotated secret stands before the document that refers to it [B6]") {
  World world;
  world.secrets["s"] = {"h1", "first"};
  world.needs_secrets["d1"] = {"s"};
  world.deploy("a", "d1");
  world.settle();
  world.secrets["s"] = {"h2", "second"};
  world.serve_for(1000s);

  CHECK(world.offered("Secret", "s").find("second") != std::string::npos);
  CHECK(revision_of(world, "Secret", "s") < revision_of(world, "a"));
}

TEST_CASE("what belongs to an artifact leaves before it, wherever a push is cut") {
  World world;
  world.deploy("a", "d1");
  world.keys["k"] = World::key("k", "a", "key", world.cp_now());
  world.settle();
  world.run(3s);

  SECTION("undeployed") {
    world.event(world.undeploy("a"));
  }
  SECTION("refused, with nothing to fall back to") {
    world.restart_gateway("instance-2");
    world.push({{"RestApi", "a", "no"}});
  }

  CHECK(world.offered("a").empty());
  CHECK(world.offered("ApiKey", "k").empty());
  CHECK(revision_of(world, "ApiKey", "k") < revision_of(world, "a"));
}

TEST_CASE("what is refused in a half without what it refers to is tried again when that has been accepted [B8]") {
  World world;
  fill_with_proxy(world);
  world.restart_gateway("instance-2");
  const auto cut = revision_of(world, "proxy");
  answer_part(world, 0, cut, {kRefused});
  REQUIRE(world.offered("proxy").empty());

  answer_part(world, cut, revision_of(world, "provider"));

  CHECK(world.offered("proxy") == "p1");
  CHECK_FALSE(world.offered("ApiKey", "k").empty());
  world.push();
  CHECK(world.acks.back().status == "success");
}

TEST_CASE("a key that is refused in a half without its artifact is tried again when that has been accepted") {
  World world;
  world.deploy("a", "d1");
  world.keys["k"] = World::key("k", "a", "key", world.cp_now());
  world.settle();
  world.run(3s);
  world.event(world.deploy("a", "d2"));
  world.serve();
  world.push();
  world.restart_gateway("instance-2");
  const auto cut = revision_of(world, "ApiKey", "k");
  answer_part(world, 0, cut, {{"ApiKey", "k", "artifact 'a' not found"}});
  REQUIRE(world.offered("ApiKey", "k").empty());

  answer_part(world, cut, revision_of(world, "a"));

  CHECK_FALSE(world.offered("ApiKey", "k").empty());
}

TEST_CASE("what is refused in the same body as what it refers to is not tried again at once") {
  World world;
  fill_with_proxy(world);
  world.restart_gateway("instance-2");
  answer_part(world, 0, revision_of(world, "provider"), {kRefused});

  CHECK(world.offered("proxy").empty());
  CHECK(world.artifact("proxy")->offering.refused);
}

TEST_CASE("what is refused stays so when something else has been accepted") {
  World world;
  fill_with_proxy(world);
  world.deploy("other", "o1");
  world.settle();
  world.restart_gateway("instance-2");
  const auto cut = revision_of(world, "provider");
  answer_part(world, 0, cut, {kRefused});
  answer_part(world, cut, revision_of(world, "other"));

  CHECK(world.offered("proxy").empty());
}

TEST_CASE(
    "an application outlives a key that it does not name any more, though those that it names are still to come") {
  World world;
  world.deploy("a", "d1");
  world.keys["k1"] = World::key("k1", "a", "one", world.cp_now());
  world.settle();
  world.run(3s);
  const auto names = [&world](const std::string& key) {
    protocol::ResourceState application;
    application.kind = "Application";
    application.id = "app";
    application.references = {key};
    application.data = R"({"id":"app","key":")" + key + R"("})";
    world.event("application.updated", protocol::ApplicationUpdated{application});
  };
  names("k1");
  world.push();
  REQUIRE_FALSE(world.offered("Application", "app").empty());
  names("k2");
  world.keys.erase("k1");
  world.event("apikey.revoked", protocol::KeyRevoked{"a", "one"});
  world.keys["k2"] = World::key("k2", "a", "two", world.cp_now());
  world.serve_for(20s);

  CHECK(world.offered("ApiKey", "k1").empty());
  CHECK(world.offered("Application", "app") == R"({"id":"app","key":"k2"})");
}

TEST_CASE("an application whose next key stands behind its revoked one in a list is kept [A7]") {
  World world;
  world.deploy("a", "d1");
  world.keys["k1"] = World::key("k1", "a", "one", world.cp_now());
  world.settle();
  protocol::ResourceState application;
  application.kind = "Application";
  application.id = "app";
  application.references = {"k1", "k2"};
  application.data = R"({"id":"app"})";
  world.event("application.updated", protocol::ApplicationUpdated{application}, "c1");
  REQUIRE(world.offered("Application", "app") == application.data);
  world.run(3s);
  world.keys["k1"].active = false;
  world.keys["k2"] = World::key("k2", "a", "two", world.cp_now());
  world.relist();
  world.serve();

  CHECK(world.offered("ApiKey", "k1").empty());
  CHECK(world.offered("Application", "app") == application.data);
}
