#include "tether/terminal/database_command.h"

#include <catch2/catch.hpp>

namespace tether::terminal {

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

struct DatabasePerson {
  Result<store::CheckReport> checked = store::CheckReport();
  Result<store::BackupReport> backed_up = store::BackupReport();
  std::string file, out, err;

  DatabaseEnds ends() {
    return {[this] { return checked; },
            [this](const std::string& to) {
              file = to;
              return backed_up;
            },
            [this](const std::string& text) { out += text; }, [this](const std::string& text) { err += text; }};
  }
};

store::CheckReport sound() {
  store::CheckReport report;
  report.file = "/state/tetherd.db";
  report.bytes = 12'345'678;
  report.resources = 1;
  return report;
}

}  // namespace

TEST_CASE("a size is told as people do") {
  CHECK(size_in_words(1) == "1 byte");
  CHECK(size_in_words(999) == "999 bytes");
  CHECK(size_in_words(4096) == "4 kB");
  CHECK(size_in_words(12'345'678) == "12.3 MB");
}

TEST_CASE("a sound store is said so, with what of it could be opened") {
  DatabasePerson person;
  auto report = sound();
  person.checked = report;
  CHECK(run_database_check(person.ends()));
  CHECK(person.out == "/state/tetherd.db is sound: 12.3 MB, 1 resource; nothing in it is encrypted\n");

  report.encrypted = 2;
  person.checked = report;
  CHECK(run_database_check(person.ends()));
  CHECK_THAT(person.out, Contains("; 2 encrypted contents, all of which the key opens\n"));
  CHECK(person.err.empty());
}

TEST_CASE("a store whose key is not at hand is a failed check, unless nothing in it is encrypted") {
  DatabasePerson person;
  auto report = sound();
  report.no_key = "secrets.key: no such file";
  person.checked = report;
  CHECK(run_database_check(person.ends()));

  report.encrypted = 2;
  person.checked = report;
  CHECK_FALSE(run_database_check(person.ends()));
  CHECK_THAT(person.out, Contains("; 2 encrypted contents not looked at, for the key is not at hand: secrets.key: no"));
}

TEST_CASE("content that the key does not open is a failed check") {
  DatabasePerson person;
  auto report = sound();
  report.encrypted = 2;
  report.unreadable = 1;
  person.checked = report;

  CHECK_FALSE(run_database_check(person.ends()));
  CHECK_THAT(person.out, Contains("2 encrypted contents, 1 of which the key does not open: these are fetched again"));
}

TEST_CASE("a damaged store is shown with what becomes of it") {
  DatabasePerson person;
  auto report = sound();
  report.damage = {"row 1 missing from index \x1bx"};
  person.checked = report;

  CHECK_FALSE(run_database_check(person.ends()));
  CHECK(person.out.empty());
  CHECK_THAT(person.err, StartsWith("/state/tetherd.db is damaged:\n  row 1 missing from index ?x\nThe daemon sets it "
                                    "aside at its next start"));
}

TEST_CASE("a backup says that its key is not in it, and how it is put back") {
  DatabasePerson person;
  person.backed_up = store::BackupReport{4096, "/state/secrets.key"};

  CHECK(run_database_backup(person.ends(), "/backup/t.db"));
  CHECK(person.file == "/backup/t.db");
  CHECK_THAT(person.out,
             StartsWith("/backup/t.db: 4 kB\nThe key that its secrets are encrypted with is not in it. Keep "
                        "/state/secrets.key, too") &&
                 Contains("\nTo put it back: stop the daemon") && Contains("chown --reference=tetherd.lock"));
}

TEST_CASE("a backup whose key is not at hand names no other in its place") {
  DatabasePerson person;
  person.backed_up = store::BackupReport{4096, ""};

  CHECK(run_database_backup(person.ends(), "/backup/t.db"));
  CHECK_THAT(person.out, Contains("Keep the key that the daemon was given (store.key_file, or the systemd credential "
                                  "store-key; it is not at hand here), too"));
}

TEST_CASE("what cannot be checked or backed up is said with its reason") {
  DatabasePerson person;
  person.checked = fail(ErrorKind::Retry, "/state/tetherd.db: there is no store");
  person.backed_up = fail(ErrorKind::Reject, "/b is there already: name another file");

  CHECK_FALSE(run_database_check(person.ends()));
  CHECK_FALSE(run_database_backup(person.ends(), "/b"));
  CHECK(person.err ==
        "cannot check: /state/tetherd.db: there is no store\n"
        "no backup: /b is there already: name another file\n");
}

}  // namespace tether::terminal
