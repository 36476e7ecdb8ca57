#include <catch2/catch.hpp>

#include "fixture.h"

using namespace tether;
using namespace tether::store;
using namespace tether::store::test;

namespace {

using Keys = std::vector<sync::Key>;

/// An LlmProxy whose wanted document refers to `provider`, not offered yet.
sync::Artifact proxy_that_waits(sync::Records& records, const std::string& id, const std::string& provider) {
  auto proxy = artifact(id, "LlmProxy");
  proxy.fetched = proxy.deployment_id;
  proxy.waiting = true;
  records.put_body(body({"LlmProxy", id}, proxy.deployment_id, "proxy", {{"LlmProvider", provider}}, "proxy-" + id));
  records.put(proxy);
  return proxy;
}

}  // namespace

TEST_CASE("an artifact is offered under the handle of its offered document") {
  TestStore store;
  store.write([](sync::Records& records) {
    offer(records, artifact("p", "LlmProvider"), "openai");
    CHECK(records.offered_as({"LlmProvider", "openai"}) == sync::Key{"LlmProvider", "p"});
    CHECK_FALSE(records.is_offered({"LlmProvider", "p"}));
    CHECK_FALSE(records.is_offered({"LlmProxy", "openai"}));
    CHECK_FALSE(records.is_offered({"LlmProvider", ""}));

    auto renamed = *records.artifact("p");
    renamed.deployment_id = "next";
    renamed.fetched = "next";
    records.put_body(body({"LlmProvider", "p"}, "next", "text", {}, "openai-2"));
    records.put(renamed);
    CHECK(records.is_offered({"LlmProvider", "openai"}));
    CHECK_FALSE(records.is_offered({"LlmProvider", "openai-2"}));

    withdraw(records, "p");
    CHECK_FALSE(records.is_offered({"LlmProvider", "openai"}));
  });
}

TEST_CASE("other resources are offered under their id") {
  TestStore store;
  store.write([](sync::Records& records) {
    offer(records, resource("SubscriptionPlan", "plan-1"));
    records.put(resource("SubscriptionPlan", "plan-2"));

    CHECK(records.offered_as({"SubscriptionPlan", "plan-1"}) == sync::Key{"SubscriptionPlan", "plan-1"});
    CHECK_FALSE(records.is_offered({"SubscriptionPlan", "plan-2"}));
    CHECK_FALSE(records.is_offered({"Subscription", "plan-1"}));
  });
}

TEST_CASE("rows wait for the handle that an artifact is offered under") {
  TestStore store;
  store.write([](sync::Records& records) {
    proxy_that_waits(records, "x", "openai");
    proxy_that_waits(records, "y", "mistral");
    CHECK(records.waiting_for({"LlmProvider", "p"}).empty());

    offer(records, artifact("p", "LlmProvider"), "openai");

    CHECK(records.waiting_for({"LlmProvider", "p"}) == Keys{{"LlmProxy", "x"}});
  });
}

TEST_CASE("rows wait for the id of a resource, and no longer once they do not wait") {
  TestStore store;
  store.write([](sync::Records& records) {
    auto subscription = resource("Subscription", "s", "api");
    subscription.body = "#1";
    subscription.waiting = true;
    records.put_body(body({"Subscription", "s"}, "#1", "{}", {{"SubscriptionPlan", "plan"}}));
    records.put(subscription);

    CHECK(records.waiting_for({"SubscriptionPlan", "plan"}) == Keys{{"Subscription", "s"}});
    CHECK(records.waiting_for({"RestApi", "api"}) == Keys{{"Subscription", "s"}});
    CHECK(records.waiting_for({"SubscriptionPlan", "other"}).empty());

    subscription.waiting = false;
    records.put(subscription);
    CHECK(records.waiting_for({"SubscriptionPlan", "plan"}).empty());
    CHECK(records.waiting_for({"RestApi", "api"}).empty());
  });
}

TEST_CASE("a row refers to a resource by its wanted, its offered or its good body") {
  TestStore store;
  const sync::Reference wanted{"Secret", "wanted"};
  const sync::Reference offered{"Secret", "offered"};
  const sync::Reference good{"Secret", "good"};
  store.write([&](sync::Records& records) {
    const sync::Key owner{"RestApi", "a"};
    auto a = artifact("a");
    a.fetched = a.deployment_id;
    a.offering.offered.body = "offered";
    a.offering.good.body = "good";
    records.put_body(body(owner, a.deployment_id, "w", {wanted}));
    records.put_body(body(owner, "offered", "o", {offered}));
    records.put_body(body(owner, "good", "g", {good}));
    records.put(a);

    for (const auto& reference : {wanted, offered, good}) {
      CHECK(records.referring_to(reference) == Keys{owner});
    }
    CHECK(records.referring_to({"Secret", "nobody's"}).empty());

    a.wanted = sync::Wanted::Undeployed;
    records.put(a);
    CHECK(records.referring_to(wanted).empty());
    CHECK(records.referring_to(offered) == Keys{owner});
  });
}

TEST_CASE("a resource refers by its wanted body until it is gone") {
  TestStore store;
  store.write([](sync::Records& records) {
    auto application = resource("Application", "app");
    application.body = "#1";
    records.put_body(body({"Application", "app"}, "#1", "{}", {{"ApiKey", "k"}}));
    records.put(application);
    CHECK(records.referring_to({"ApiKey", "k"}) == Keys{{"Application", "app"}});

    application.gone = true;
    records.put(application);
    CHECK(records.referring_to({"ApiKey", "k"}).empty());
  });
}

TEST_CASE("resources of an artifact are those that are not gone") {
  TestStore store;
  store.write([](sync::Records& records) {
    auto gone = resource("ApiKey", "gone", "api");
    gone.gone = true;
    records.put(gone);
    records.put(resource("ApiKey", "k", "api"));
    records.put(resource("Subscription", "s", "api"));
    records.put(resource("ApiKey", "other", "other api"));
    records.put(resource("SubscriptionPlan", "nobody's"));

    CHECK(records.resources_of("api") == Keys{{"ApiKey", "k"}, {"Subscription", "s"}});
    CHECK(records.resources_of("").empty());
  });
}

TEST_CASE("a key is found by its artifact and name unless it is gone") {
  TestStore store;
  store.write([](sync::Records& records) {
    auto key = resource("ApiKey", "k", "api");
    key.name = "mine";
    auto secret = resource("HmacSecret", "api/mine", "api");
    secret.name = "mine";
    records.put(secret);
    CHECK_FALSE(records.key_by_name("api", "mine"));
    records.put(key);

    CHECK(records.key_by_name("api", "mine") == key);
    CHECK_FALSE(records.key_by_name("api", "yours"));
    CHECK_FALSE(records.key_by_name("other", "mine"));

    key.gone = true;
    records.put(key);
    CHECK_FALSE(records.key_by_name("api", "mine"));
  });
}

TEST_CASE("deployed artifacts of a kind are walked by id, and counted") {
  TestStore store;
  store.write([](sync::Records& records) {
    CHECK_FALSE(records.has_deployed("RestApi"));
    auto undeployed = artifact("b");
    undeployed.wanted = sync::Wanted::Undeployed;
    records.put(undeployed);
    CHECK_FALSE(records.has_deployed("RestApi"));
    CHECK(records.count_deployed("RestApi") == 0);
    records.put(artifact("a"));
    records.put(artifact("c"));
    records.put(artifact("aa", "Mcp"));

    CHECK(records.has_deployed("RestApi"));
    CHECK(records.next_deployed("RestApi", "") == "a");
    CHECK(records.next_deployed("RestApi", "a") == "c");
    CHECK_FALSE(records.next_deployed("RestApi", "c"));
    CHECK(records.count_deployed("RestApi") == 2);
  });
}
