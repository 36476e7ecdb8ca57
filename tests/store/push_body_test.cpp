#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <thread>

#include "fixture.h"

using namespace tether;
using namespace tether::store;
using namespace tether::store::test;

namespace {

/// `put RestApi/a` or `delete RestApi/a` for each line; a line without an op is a resource line.
std::vector<std::string> told(PushBody& body) {
  std::vector<std::string> told;
  for (const auto& line : lines_of(body)) {
    const auto json = nlohmann::json::parse(line);
    told.push_back(json.value("op", "line") + " " + json.at("kind").get<std::string>() + "/" +
                   json.at("id").get<std::string>());
  }
  return told;
}

std::unique_ptr<PushBody> body_of(TestStore& store, const PushRange& range) {
  auto body = store->push_body(range);
  if (!body) FAIL(body.error().message);
  return std::move(*body);
}

const PushRange kFull{.full = true};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("an empty store has a body of no lines at revision 1") {
  TestStore store;
  store.write([](sync::Records& records) { records.begin_epoch("e1"); });

  const auto body = body_of(store, kFull);

  CHECK(body->epoch() == "e1");
  CHECK(body->revision() == 1);
  CHECK(body->count() == 0);
  CHECK(lines_of(*body).empty());
  CHECK_FALSE(*body->next());
}

TEST_CASE("with each line comes the document or data that it carries, and with a removal none") {
  TestStore store;
  store.write([](sync::Records& records) {
    records.begin_epoch("e1");
    offer(records, artifact("gone"), "h-gone");
    offer(records, resource("Secret", "s"), R"({"value":"v"})");
    offer(records, artifact("a"), "h-a", "kind: RestApi\n# a\n");
    withdraw(records, "gone");
  });

  const auto body = body_of(store, {.full = false, .after = 1, .up_to = 100});
  Lines contents;
  for (auto line = body->next(); line && *line; line = body->next()) contents.emplace_back(body->content());

  CHECK(contents == Lines{"", R"({"value":"v"})", "kind: RestApi\n# a\n"});
}

TEST_CASE("a full body gives what is offered in the order of application") {
  TestStore store;
  store.write([](sync::Records& records) {
    offer(records, resource("Subscription", "s"));
    offer(records, resource("ApiKey", "k"));
    offer(records, artifact("b"), "h-b");
    offer(records, artifact("a"), "h-a");
    offer(records, artifact("x", "LlmProxy"), "h-x");
    offer(records, artifact("p", "LlmProvider"), "h-p");
    offer(records, resource("SubscriptionPlan", "plan"));
    offer(records, resource("Secret", "secret"));
    offer(records, artifact("stopped"), "h-stopped");
    withdraw(records, "stopped");
    records.put(artifact("never offered"));
  });

  const auto body = body_of(store, kFull);

  CHECK(body->count() == 8);
  CHECK(told(*body) == Lines{"line Secret/secret", "line SubscriptionPlan/plan", "line LlmProvider/p",
                             "line LlmProxy/x", "line RestApi/a", "line RestApi/b", "line ApiKey/k",
                             "line Subscription/s"});
}

TEST_CASE("a difference gives removals in the reverse order, then puts") {
  TestStore store;
  store.write([](sync::Records& records) {
    offer(records, artifact("untouched"), "h");
    offer(records, artifact("p", "LlmProvider"), "h-p");
    offer(records, artifact("x", "LlmProxy"), "h-x");
    offer(records, artifact("b"), "h-b");
    offer(records, artifact("a"), "h-a");
  });
  const auto after = store.read<std::int64_t>([](sync::Records& records) { return records.revision(); });
  store.write([](sync::Records& records) {
    offer(records, resource("ApiKey", "k"));
    for (const char* id : {"a", "p", "x", "b"}) withdraw(records, id);
    offer(records, artifact("new"), "h-new");
    offer(records, resource("Secret", "s"));
  });

  const auto body = body_of(store, {.after = after, .up_to = after + 100});

  CHECK(body->count() == 7);
  CHECK(body->revision() == after + 7);
  CHECK(told(*body) == Lines{"delete RestApi/b", "delete RestApi/a", "delete LlmProxy/x", "delete LlmProvider/p",
                             "put Secret/s", "put RestApi/new", "put ApiKey/k"});
}

TEST_CASE("a difference ends at the revision that was asked for") {
  TestStore store;
  store.write([](sync::Records& records) {
    for (const char* id : {"r2", "r3", "r4", "r5"}) offer(records, artifact(id), id);
  });

  const auto half = body_of(store, {.after = 2, .up_to = 4});
  const auto nothing = body_of(store, {.after = 5, .up_to = 5});

  CHECK(half->revision() == 4);
  CHECK(half->count() == 2);
  CHECK(told(*half) == Lines{"put RestApi/r3", "put RestApi/r4"});
  CHECK(nothing->count() == 0);
  CHECK(lines_of(*nothing).empty());
}

TEST_CASE("a document reaches the gateway byte for byte") {
  TestStore store;
  const std::string document =
      "kind: RestApi\r\nmetadata:\n  name: \"quoted \\\" name\"\n# \xc3\xa4 \xf0\x9f\x90\x99 "
      "\xe2\x80\xa8\t\x01\x7f\n\n";
  store.write([&document](sync::Records& records) {
    auto row = artifact("0191");
    row.deployment_id = "d1";
    row.at = Instant{1'700'000'000'123'999'999};
    offer(records, row, "petstore-v1.0", document);
  });

  const auto line = lines_of(*body_of(store, kFull)).at(0);
  const auto json = nlohmann::json::parse(line);

  CHECK(line.back() == '\n');
  CHECK(line.find('\n') == line.size() - 1);
  CHECK(json.at("kind") == "RestApi");
  CHECK(json.at("id") == "0191");
  CHECK(json.at("handle") == "petstore-v1.0");
  CHECK(json.at("deploymentId") == "d1");
  CHECK(json.at("deployedAt") == "2023-11-14T22:13:20.123Z");
  CHECK(json.at("document").get<std::string>() == document);
  CHECK_FALSE(json.contains("data"));
}

TEST_CASE("what is offered is pushed, not what is wanted") {
  TestStore store;
  store.write([](sync::Records& records) {
    offer(records, artifact("a"), "old", "old document");
    auto row = *records.artifact("a");
    row.deployment_id = row.fetched = "next";
    records.put_body(body({"RestApi", "a"}, "next", "next document", {}, "new"));
    records.put(row);
  });

  const auto json = nlohmann::json::parse(lines_of(*body_of(store, kFull)).at(0));

  CHECK(json.at("document") == "old document");
  CHECK(json.at("handle") == "old");
  CHECK(json.at("deploymentId") == "deployment-of-a");
}

TEST_CASE("data of other kinds is passed on as an object") {
  TestStore store;
  store.write(
      [](sync::Records& records) { offer(records, resource("ApiKey", "k", "a"), R"({"name":"n","x":{"y":1}})"); });

  const auto json = nlohmann::json::parse(lines_of(*body_of(store, kFull)).at(0));

  CHECK(json.at("data") == nlohmann::json::parse(R"({"name":"n","x":{"y":1}})"));
  CHECK_FALSE(json.contains("document"));
}

TEST_CASE("a body stays what it was while the store is written") {
  TestStore store;
  store.write([](sync::Records& records) {
    records.begin_epoch("e1");
    offer(records, artifact("a"), "h-a", "before");
    offer(records, artifact("b"), "h-b");
  });
  const auto body = body_of(store, kFull);

  store.write([](sync::Records& records) {
    records.begin_epoch("e2");
    offer(records, artifact("c"), "h-c");
    withdraw(records, "b");
    auto row = artifact("a");
    row.deployment_id = "next";
    offer(records, row, "h-a", "after");
  });

  CHECK(body->epoch() == "e1");
  CHECK(body->revision() == 3);
  CHECK(body->count() == 2);
  const auto lines = lines_of(*body);
  REQUIRE(lines.size() == 2);
  CHECK(nlohmann::json::parse(lines[0]).at("document") == "before");
  CHECK(body_of(store, kFull)->epoch() == "e2");
}

TEST_CASE("a body is read on another thread while the store is written") {
  TestStore store;
  store.write([](sync::Records& records) {
    for (int i = 0; i < 300; ++i) offer(records, artifact("a" + std::to_string(i)), "h");
  });
  auto body = body_of(store, kFull);

  std::size_t lines = 0;
  std::thread reader([&body, &lines] {
    while (true) {
      const auto line = body->next();
      if (!line || !*line) break;
      ++lines;
    }
    body.reset();
  });
  for (int i = 0; i < 50; ++i) {
    store.write([i](sync::Records& records) { withdraw(records, "a" + std::to_string(i)); });
  }
  reader.join();

  CHECK(lines == 300);
  CHECK(body_of(store, kFull)->count() == 250);
}

TEST_CASE("a body may be left half read, and more of them may be open than are kept") {
  TestStore store;
  store.write([](sync::Records& records) {
    for (const char* id : {"a", "b", "c"}) offer(records, artifact(id), id);
  });
  {
    std::vector<std::unique_ptr<PushBody>> bodies;
    for (int i = 0; i < kMaxIdleReaders + 2; ++i) {
      bodies.push_back(body_of(store, kFull));
      REQUIRE(*bodies.back()->next());
    }
  }

  CHECK(lines_of(*body_of(store, kFull)).size() == 3);
  CHECK(told(*body_of(store, {.after = 2, .up_to = 3})) == Lines{"put RestApi/b"});
}

TEST_CASE("a body outlives the store that it came from") {
  TestStore store;
  store.write([](sync::Records& records) { offer(records, artifact("a"), "h"); });
  const auto body = body_of(store, kFull);

  store.close();

  CHECK(lines_of(*body).size() == 1);
}

TEST_CASE("an offer without its document is corrupt, and named") {
  TestStore store;
  store.write([](sync::Records& records) { offer(records, artifact("a"), "h"); });
  store.raw()->execute("DELETE FROM bodies");
  const auto body = body_of(store, kFull);

  const auto line = body->next();

  REQUIRE_FALSE(line);
  CHECK(line.error().kind == ErrorKind::Corrupt);
  CHECK_THAT(line.error().message, Catch::Contains("RestApi a"));
}
