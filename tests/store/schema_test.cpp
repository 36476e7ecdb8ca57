#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <map>

#include "fixture.h"
#include "tether/store/migrations.h"

using namespace tether;
using namespace tether::store;
using namespace tether::store::test;

namespace {

std::map<std::string, std::string> schema_of(Connection& connection) {
  std::map<std::string, std::string> schema;
  auto rows = connection.query("SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_schema");
  while (rows.next()) schema[rows.text(0)] = rows.text(1);
  return schema;
}

}  // namespace

TEST_CASE("the schema that is written down is the schema that runs") {
  TestStore store;
  TempFolder other;
  auto documented = Connection::open((other.path() / "documented.db").string(), {});
  REQUIRE(documented);
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(TETHER_SCHEMA_FOLDER)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    std::ifstream in(file);
    (*documented)->run_script(std::string(std::istreambuf_iterator<char>(in), {}));
  }

  const auto running = schema_of(*store.raw());

  REQUIRE_FALSE((*documented)->error());
  CHECK(files.size() == migrations().size());
  CHECK(running.count("table artifacts") == 1);
  CHECK(running == schema_of(**documented));
}

TEST_CASE("the schema's version is the number of migrations, and opening again applies none twice") {
  TestStore store;
  store.reopen();

  CHECK(store.raw()->number("PRAGMA user_version") == static_cast<std::int64_t>(migrations().size()));
  CHECK(store.raw()->number("SELECT count(*) FROM identities") == 1);
}

TEST_CASE("every table but the counters belongs to an identity") {
  TestStore store;
  auto raw = store.raw();
  std::vector<std::string> tables;
  {
    auto rows = raw->query("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'");
    while (rows.next()) tables.push_back(rows.text(0));
  }

  for (const auto& table : tables) {
    CAPTURE(table);
    const auto has_it = raw->number("SELECT count(*) FROM pragma_table_info(?) WHERE name = 'identity'", table) == 1;
    CHECK(has_it == (table != "counters"));
  }
}
