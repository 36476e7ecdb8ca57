#include <catch2/catch.hpp>
#include <cstring>
#include <functional>

#include "samples.h"
#include "tarball.h"
#include "unpacking.h"

using namespace tether;
using namespace tether::protocol;
using namespace tether::protocol::samples;

/// Archives that somebody made to do harm. archive_test.cpp has those of names, links, devices and bombs.
namespace {

const std::string kGood = "/api-7c2b9f0e-1d64-4a0f-8a5e-4f5b0c9d2e11.yaml";

TarEntry api(const std::string& deployment, const std::string& content = "x") {
  std::string name = deployment;
  return {.name = name.append(kGood), .content = content};
}

/// A tar without its end.
std::string blocks(const std::vector<TarEntry>& entries) {
  std::string all = tar(entries);
  all.resize(all.size() - 2 * kTarBlock);
  return all;
}

/// An extended header (POSIX pax) with one record, for the entry that follows.
TarEntry pax(const std::string& keyword, const std::string& value) {
  std::string rest = " ";
  rest.append(keyword).append("=").append(value).append("\n");
  std::size_t length = rest.size() + 1;
  while (std::to_string(length).size() + rest.size() != length) ++length;
  return {.name = "pax", .content = std::to_string(length) + rest, .type = 'x'};
}

/// A good entry, the bad one's blocks, and another good one.
Unpacked between(const std::string& bad) {
  return unpack_body(gzip(blocks({api("before", "1")}) + bad + tar({api("after", "2")})));
}

/// Nothing of it is handed on, and what came before is.
void check_first_kept(const Unpacked& unpacked) {
  REQUIRE_FALSE(unpacked.entries.empty());
  CHECK(unpacked.entries[0].deployment_id == "before");
  CHECK(unpacked.entries[0].document == "1");
  for (const ArchiveEntry& entry : unpacked.entries) {
    CHECK((entry.deployment_id == "before" || entry.deployment_id == "after"));
  }
}

}  // namespace

TEST_CASE("an archive of two million entries is stopped at their number, and what came before is kept") {
  std::vector<TarEntry> many(10'000, TarEntry{.name = "junk", .content = ""});
  // Members of gzip one after the other are one text.
  const std::string member = gzip(blocks(many));
  std::string body = gzip(blocks({api("before", "1")}));
  for (int i = 0; i < 200; ++i) body += member;
  const auto unpacked = unpack_body(body + gzip(tar({})));
  CHECK(refusal(unpacked.result) == "archive: over its number of entries (1000)");
  check_first_kept(unpacked);
}

TEST_CASE("a name in an extended header leads nowhere either, and its entry alone is passed over") {
  for (const std::string& name : {"../../etc" + kGood, "/etc" + kGood, "d\xFF" + kGood, "d\xC3\xA9" + kGood,
                                  std::string("d\0e", 3) + kGood, "d\n1" + kGood, std::string(100'000, 'd') + kGood}) {
    CAPTURE(name.substr(0, 100));
    const auto unpacked = between(blocks({pax("path", name), api("own", "bad")}));
    CHECK(must(unpacked.result).entries == 2);
    CHECK(unpacked.result->passed_over == 1);
    check_first_kept(unpacked);
  }
}

TEST_CASE("a link in an extended header is passed over") {
  const auto unpacked =
      between(blocks({pax("linkpath", "/etc/passwd"), {.name = "l" + kGood, .content = "", .type = '2'}}));
  CHECK(must(unpacked.result).passed_over == 1);
  check_first_kept(unpacked);
}

TEST_CASE("the holes of a sparse file count as bytes, though nobody sent them") {
  for (const std::string size : {"9000000000", "9000000000000000000"}) {
    const auto hole = between(blocks({pax("GNU.sparse.major", "0"), pax("GNU.sparse.size", size), api("hole")}));
    CHECK(refusal(hole.result) == "archive: over limits.max_archive_bytes (536870912)");
    check_first_kept(hole);
  }
}

TEST_CASE("an entry that claims more than there is ends the archive, and what came before is kept") {
  for (const std::size_t claimed : {std::size_t{8'589'934'591}, std::size_t{1'000'000}}) {
    const auto unpacked = between(tar_header(api("big"), claimed));
    REQUIRE_FALSE(unpacked.result.has_value());
    CHECK(unpacked.result.error().message == "archive: damaged or cut short");
    check_first_kept(unpacked);
  }
  for (const std::string size : {"-1", "99999999999999999999999", "9223372036854775807", "nonsense", ""}) {
    CAPTURE(size);
    const auto unpacked = between(blocks({pax("size", size), api("after")}));
    if (!unpacked.result) CHECK(unpacked.result.error().message.starts_with("archive: "));
    REQUIRE_FALSE(unpacked.entries.empty());
    CHECK(unpacked.entries[0].document == "1");
  }
}

TEST_CASE("a header without end is stopped") {
  const std::string endless(std::size_t{2} * 1024 * 1024, 'd');
  for (const char type : {'L', 'K', 'x', 'g'}) {
    CAPTURE(type);
    const auto unpacked = between(blocks({{.name = "long", .content = endless, .type = type}, api("own")}));
    REQUIRE_FALSE(unpacked.result.has_value());
    CHECK(unpacked.result.error().message == "archive: damaged or cut short");
    check_first_kept(unpacked);
  }
}

TEST_CASE("an archive within a document stays packed") {
  const std::string bomb = gzip(std::string(std::size_t{1024} * 1024, '\0'));
  const auto unpacked = unpack_body(gzip(tar({api("d1", bomb)})));
  CHECK(must(unpacked.result).entries == 1);
  CHECK(unpacked.entries.at(0).document == bomb);
}

TEST_CASE("what is packed more than once is refused, also behind blocks in which nothing is") {
  const std::string once = gzip(tar({api("d1")}));
  CHECK(refusal(unpack_body(gzip(once)).result) == "archive: packed more than once");
  constexpr std::size_t kGzipHeader = 10;
  std::string drawn_out = gzip(once);
  for (int i = 0; i < 1000; ++i) drawn_out.insert(kGzipHeader, std::string("\0\0\0\xFF\xFF", 5));
  for (const std::size_t piece : std::vector<std::size_t>{1, 7, 100'000}) {
    CHECK(refusal(unpack_body(drawn_out, {}, piece).result) == "archive: packed more than once");
  }
}
