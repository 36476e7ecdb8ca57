#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

#include "fixture.h"

/// What may hold a credential is encrypted in the database, and what cannot be read any more is not here.
using namespace tether;
using namespace tether::store;
using namespace tether::store::test;

namespace fs = std::filesystem;

namespace {

const std::string kPlanted = "4fb58b9f-planted-value";
const sync::Key kSecret{"Secret", "s"};
const sync::Key kPlan{"SubscriptionPlan", "p"};

StoreOptions with_key(char letter) {
  StoreOptions options;
  options.durable = false;
  options.key = Secret(std::string(32, letter));
  return options;
}

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// One of each kind, offered, with `kPlanted` in its content.
void fill(TestStore& store) {
  store.write([](sync::Records& records) {
    offer(records, artifact("a"), "petstore", "kind: RestApi\n# " + kPlanted + "\n");
    for (const char* kind : {"ApiKey", "HmacSecret", "Subscription"}) {
      offer(records, resource(kind, "r", "a"), "{\"x\":\"" + kPlanted + "\"}");
    }
    auto secret = resource("Secret", "s");
    secret.hash = secret.fetched_hash = "h";
    offer(records, secret, "{\"value\":\"" + kPlanted + "\"}");
    offer(records, resource("SubscriptionPlan", "p"), R"({"id":"p"})");
    offer(records, resource("Application", "x"), R"({"id":"x"})");
  });
}

std::vector<std::string> pushed(TestStore& store, const PushRange& range) {
  auto body = store->push_body(range);
  REQUIRE(body);
  auto lines = lines_of(**body);
  CHECK((*body)->count() == static_cast<std::int64_t>(lines.size()));
  return lines;
}

bool has_lost(TestStore& store) {
  return store.read<bool>([](sync::Records& records) { return records.has_lost(); });
}

}  // namespace

TEST_CASE("no secret value, token, hash or document is in any file of the state folder in the clear") {
  TestStore store;
  fill(store);
  const auto check_files = [&store] {
    int files = 0;
    for (const auto& entry : fs::directory_iterator(store.state_dir())) {
      CAPTURE(entry.path().string());
      ++files;
      CHECK(content_of(entry.path()).find(kPlanted) == std::string::npos);
    }
    CHECK(files >= 3);
  };
  check_files();  // in the log
  store.raw()->execute("PRAGMA wal_checkpoint(TRUNCATE)");
  check_files();  // in the database

  store.reopen();
  CHECK(pushed(store, {.full = true}).size() == 7);
  CHECK(store->opened_notes().empty());
}

TEST_CASE("with another key what was encrypted is not here, and what was not is: nothing is removed because of it") {
  TestStore store(with_key('a'));
  fill(store);
  const auto revision = store.read<std::int64_t>([](sync::Records& records) { return records.revision(); });

  store.reopen(with_key('b'));

  REQUIRE(store->opened_notes().size() == 1);
  CHECK(store->opened_notes()[0].what == OpenedNote::What::ContentLost);
  CHECK_THAT(store->opened_notes()[0].text, Catch::StartsWith("5 of the stored"));
  store.write([](sync::Records& records) {
    CHECK(records.artifact("a")->offering.offered.is_set());
    CHECK(records.artifact("a")->offering.lost);
    CHECK(records.without_document(10) == std::vector<sync::WantedDocument>{{"a", "deployment-of-a"}});
    CHECK(records.without_value(10) == std::vector<std::string>{"s"});
    CHECK(records.resource("Subscription", "r")->body.empty());
    CHECK_FALSE(records.body(kSecret, records.resource("Secret", "s")->offering.offered.body));
    CHECK_FALSE(records.resource("SubscriptionPlan", "p")->offering.lost);
    CHECK(records.body(kPlan, records.resource("SubscriptionPlan", "p")->body));
    CHECK(records.has_lost());
    CHECK(records.open_work().lost);
  });
  CHECK(pushed(store, {.full = true}).size() == 2);
  const auto lines = pushed(store, {.full = false, .after = 0, .up_to = revision});
  CHECK(lines.size() == 2);
  for (const auto& line : lines) CHECK_THAT(line, Catch::Contains("\"op\":\"put\""));

  store.reopen(with_key('b'));
  CHECK(store->opened_notes().empty());
  CHECK(has_lost(store));
}

TEST_CASE("with its first key again all is here that has not come anew meanwhile") {
  TestStore store(with_key('a'));
  fill(store);
  store.reopen(with_key('b'));
  REQUIRE(has_lost(store));

  store.reopen(with_key('a'));

  CHECK_FALSE(has_lost(store));
  CHECK(pushed(store, {.full = true}).size() == 7);
}

TEST_CASE("a body that cannot be read is replaced under its key") {
  TestStore store(with_key('a'));
  fill(store);
  store.reopen(with_key('b'));

  store.write([](sync::Records& records) {
    const sync::Key owner{"RestApi", "a"};
    CHECK_FALSE(records.has_body(owner, "deployment-of-a"));
    records.put_body(body(owner, "deployment-of-a", "again", {{"Secret", "t"}}, "petstore"));
    CHECK(records.has_body(owner, "deployment-of-a"));
    CHECK(records.body(owner, "deployment-of-a")->document == "again");
    CHECK(records.references(owner, "deployment-of-a") == std::vector<sync::Reference>{{"Secret", "t"}});
  });
}

TEST_CASE("a body that was changed, exchanged or put in the clear is found when it is read, and counts as not here") {
  TestStore store(with_key('a'));
  fill(store);
  store.write([](sync::Records& records) { offer(records, resource("Secret", "t"), R"({"value":"t"})"); });
  const std::string change =
      GENERATE("UPDATE bodies SET document = substr(document, 1, length(document) - 1) || x'00' WHERE owner_id = 's'",
               "UPDATE bodies SET document = (SELECT document FROM bodies WHERE owner_id = 't') WHERE owner_id = 's'",
               "UPDATE bodies SET document = '{\"value\":\"mine\"}', key_id = 0 WHERE owner_id = 's'");
  CAPTURE(change);
  {
    auto raw = store.raw();
    raw->run_script(change);
    REQUIRE_FALSE(raw->error());
  }
  Result<Done> found = Done{};
  SECTION("by a push") {
    auto body = store->push_body({.full = true});
    REQUIRE(body);
    while (found) {
      const auto line = (*body)->next();
      if (!line) found = tl::unexpected<Error>(line.error());
      if (line && !*line) break;
    }
  }
  SECTION("by a transaction") {
    found =
        store->transact([](sync::Records& records) { records.body(kSecret, records.resource("Secret", "s")->body); });
  }
  REQUIRE_FALSE(found);
  CHECK(found.error().kind == ErrorKind::Corrupt);

  store->distrust();
  REQUIRE(store->make_writable());

  REQUIRE(store->opened_notes().size() == 1);
  CHECK(store->opened_notes()[0].what == OpenedNote::What::ContentLost);
  CHECK(pushed(store, {.full = true}).size() == 7);
  CHECK(store.read<bool>([](sync::Records& records) { return records.resource("Secret", "s")->offering.lost; }));
  CHECK(store.read<std::vector<std::string>>([](sync::Records& records) { return records.without_value(10); }) ==
        std::vector<std::string>{"s"});
}

TEST_CASE("while its key cannot be had the store is neither read nor written, and it heals by itself") {
  TestStore store;
  fill(store);
  store.close();
  const fs::path key = store.state_dir() / "secrets.key";
  const fs::path elsewhere = store.state_dir() / "elsewhere.key";
  fs::rename(key, elsewhere);
  StoreOptions options;
  options.durable = false;
  options.key_file = key;
  options.may_make_key = false;

  store.reopen(options);

  const auto written = store->transact([](sync::Records& records) { records.next_change(); });
  REQUIRE_FALSE(written);
  CHECK(written.error().kind == ErrorKind::Retry);
  CHECK_THAT(written.error().message, Catch::Contains("store.key_file") && Catch::Contains(key.string()));
  CHECK_FALSE(store->push_body({.full = true}));
  fs::rename(elsewhere, key);
  CHECK_FALSE(has_lost(store));
  CHECK(pushed(store, {.full = true}).size() == 7);
}

TEST_CASE("a key of our own that is lost is made anew, and the store goes on") {
  TestStore store;
  fill(store);
  store.close();
  fs::remove(store.state_dir() / "secrets.key");

  store.reopen();

  REQUIRE(store->opened_notes().size() == 1);
  CHECK(store->opened_notes()[0].what == OpenedNote::What::ContentLost);
  CHECK(has_lost(store));
  CHECK(fs::exists(store.state_dir() / "secrets.key"));
}

TEST_CASE("content whose key is not given any more is told with the key in its place, and by which settings") {
  TestStore store;
  const auto given = (store.state_dir().parent_path() / "given.key").string();
  StoreOptions options;
  options.durable = false;
  options.key_file = given;
  store.let_folder_go();
  fs::remove(store.file());
  store.take_folder();
  store.reopen(options);
  fill(store);
  options.key_file = "";

  store.reopen(options);

  REQUIRE(store->opened_notes().size() == 1);
  CHECK(store->opened_notes()[0].text ==
        "5 of the stored documents and values cannot be read (their key is another one than " +
            (store.state_dir() / "secrets.key").string() +
            ", which is used where neither store.key_file nor the systemd credential store-key is given: if that was "
            "not the key before, give the former one back and start the daemon again): they are asked for again, and "
            "the gateway keeps what it has of them");
  options.key_file = given;
  store.reopen(options);
  CHECK_FALSE(has_lost(store));
}
