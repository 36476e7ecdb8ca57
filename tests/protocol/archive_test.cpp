#include "tether/protocol/archive.h"

#include <catch2/catch.hpp>

#include "samples.h"
#include "tarball.h"
#include "tether/protocol/archive_name.h"
#include "unpacking.h"

using namespace tether;
using namespace tether::protocol;
using namespace tether::protocol::samples;

namespace {

const std::string kUuid = "7c2b9f0e-1d64-4a0f-8a5e-4f5b0c9d2e11";

TarEntry api(const std::string& deployment, const std::string& content) {
  std::string name = deployment;
  name.append("/api-").append(kUuid).append(".yaml");
  return {.name = name, .content = content};
}

/// Text that does not compress away.
std::string noise(std::size_t bytes) {
  std::string text;
  std::uint32_t state = 12345;
  while (text.size() < bytes) {
    state = state * 1664525U + 1013904223U;
    text += static_cast<char>('a' + (state >> 24U) % 26U);
  }
  return text;
}

/// An archive of that many bytes with one document, drawn out by blocks in which nothing is.
std::string drawn_out(std::size_t bytes) {
  constexpr std::size_t kGzipHeader = 10;
  const std::string nothing("\0\0\0\xFF\xFF", 5);
  std::string body;
  for (std::size_t content = 5000; body.empty() || (bytes - body.size()) % nothing.size() != 0; ++content) {
    body = gzip(tar({api("d1", noise(content))}));
  }
  std::string blocks;
  while (body.size() + blocks.size() < bytes) blocks += nothing;
  return body.insert(kGzipHeader, blocks);
}

}  // namespace

TEST_CASE("every kind's entry gives deployment, artifact and the document byte for byte") {
  const std::string document("kind: RestApi\r\n\0\xFF not text\n", 27);
  for (const std::string prefix : {"api", "llm-provider", "llm-proxy", "mcp-proxy", "graph-api"}) {
    CAPTURE(prefix);
    std::string name = "d1/" + prefix;
    name.append("-").append(kUuid).append(".yaml");
    const auto unpacked = unpack_body(gzip(tar({{.name = name, .content = document}})));

    CHECK(must(unpacked.result).entries == 1);
    REQUIRE(unpacked.entries.size() == 1);
    CHECK(unpacked.entries[0].deployment_id == "d1");
    CHECK(unpacked.entries[0].artifact_id == kUuid);
    CHECK(unpacked.entries[0].document == document);
  }
}

TEST_CASE("an archive comes out the same however its body is cut") {
  const std::string body = gzip(tar({api("d1", noise(3000)), api("d2", ""), api("d3", noise(512))}));
  for (const std::size_t piece : std::vector<std::size_t>{1, 2, 7, 100, 100'000}) {
    const auto unpacked = unpack_body(body, {}, piece);
    CHECK(must(unpacked.result).entries == 3);
    REQUIRE(unpacked.entries.size() == 3);
    CHECK(unpacked.entries[0].document == noise(3000));
    CHECK(unpacked.entries[1].document.empty());
    CHECK(unpacked.entries[2].document == noise(512));
  }
}

TEST_CASE("an archive of nothing is a whole one") {
  const auto unpacked = unpack_body(gzip(tar({})));
  CHECK(must(unpacked.result).entries == 0);
  CHECK(unpacked.entries.empty());
}

TEST_CASE("wherever the body is cut short, what was handed on is whole and the rest is asked for again") {
  const std::vector<TarEntry> entries = {api("d1", noise(700)), api("d2", noise(1500)), api("d3", "x")};
  const std::string body = gzip(tar(entries));
  for (std::size_t length = 0; length < body.size(); ++length) {
    CAPTURE(length);
    const auto unpacked = unpack_body(body.substr(0, length));
    if (!unpacked.result) {
      CHECK(unpacked.result.error().kind == ErrorKind::Retry);
    } else {
      CHECK(unpacked.entries.size() == entries.size());  // Only what follows the last entry is missing.
    }
    for (std::size_t i = 0; i < unpacked.entries.size(); ++i) CHECK(unpacked.entries[i].document == entries[i].content);
  }
  CHECK_FALSE(unpack_body("").result.has_value());
}

TEST_CASE("a damaged archive is asked for again") {
  CHECK(unpack_body("<html>not an archive</html>").result.error().kind == ErrorKind::Retry);

  std::string torn = tar({api("d1", noise(700)), api("d2", noise(700))});
  torn[3 * kTarBlock + 10] = '!';  // Within the second header.
  const auto unpacked = unpack_body(gzip(torn));
  REQUIRE_FALSE(unpacked.result.has_value());
  CHECK(unpacked.result.error().kind == ErrorKind::Retry);
  CHECK(unpacked.entries.size() == 1);
}

TEST_CASE("what is no plain file of the expected name is passed over, and the good ones beside it are not") {
  const std::string good = "/api-" + kUuid + ".yaml";
  const std::vector<TarEntry> bad = {
      {.name = "../d1" + good, .content = "x"},
      {.name = "..", .content = "x"},
      {.name = ".." + good, .content = "x"},
      {.name = "." + good, .content = "x"},
      {.name = "/etc/api-x.yaml", .content = "x"},
      {.name = good, .content = "x"},
      {.name = "d1/d2" + good, .content = "x"},
      {.name = "d1/../api-x.yaml", .content = "x"},
      {.name = "d1/api-..yaml", .content = "x"},
      {.name = "d1/api-.yaml", .content = "x"},
      {.name = "d1/api-a\\b.yaml", .content = "x"},
      {.name = "d1/api-x.json", .content = "x"},
      {.name = "d1/.yaml", .content = "x"},
      {.name = "d1/x.yaml", .content = "x"},
      {.name = "d1/graph-not-a-uuid.yaml", .content = "x"},
      {.name = "d1", .content = "x"},
      {.name = "d 1" + good, .content = "x"},
      {.name = "d\xC3\xA9" + good, .content = "x"},
      {.name = "hard" + good, .content = "", .type = '1', .link = "/etc/passwd"},
      {.name = "soft" + good, .content = "", .type = '2', .link = "/etc/passwd"},
      {.name = "char" + good, .content = "", .type = '3'},
      {.name = "block" + good, .content = "", .type = '4'},
      {.name = "folder" + good, .content = "", .type = '5'},
      {.name = "pipe" + good, .content = "", .type = '6'},
  };
  for (const TarEntry& entry : bad) {
    CAPTURE(entry.name, entry.type);
    const auto unpacked = unpack_body(gzip(tar({api("before", "1"), entry, api("after", "2")})));
    CHECK(must(unpacked.result).entries == 2);
    CHECK(unpacked.result->passed_over == 1);
    REQUIRE(unpacked.entries.size() == 2);
    CHECK(unpacked.entries[1].deployment_id == "after");
    CHECK(unpacked.entries[1].document == "2");
  }
}

TEST_CASE("an id in an archive's name has at most 255 characters") {
  const auto is_taken = [](std::size_t deployment, std::size_t stem) {
    const std::string prefix = "api-";
    return parse_archive_name(std::string(deployment, 'd') + "/" + prefix + std::string(stem - prefix.size(), 'a') +
                              ".yaml")
        .has_value();
  };
  CHECK(is_taken(255, 255));
  CHECK_FALSE(is_taken(256, 255));
  CHECK_FALSE(is_taken(255, 256));
}

TEST_CASE("a link that claims content does not smuggle it in") {
  const auto unpacked = unpack_body(gzip(tar(
      {{.name = "d1/api-" + kUuid + ".yaml", .content = "x", .type = '2', .link = "/etc/passwd"}, api("after", "2")})));
  for (const ArchiveEntry& entry : unpacked.entries) CHECK(entry.deployment_id == "after");
}

TEST_CASE("a document at its limit is handed on, one of a byte more comes empty") {
  ArchiveLimits limits;
  limits.max_entry_bytes = 1000;
  const auto unpacked =
      unpack_body(gzip(tar({api("d1", noise(1000)), api("d2", noise(1001)), api("d3", "x")})), limits);
  CHECK(must(unpacked.result).entries == 3);
  REQUIRE(unpacked.entries.size() == 3);
  CHECK(unpacked.entries[0].document.size() == 1000);
  CHECK(unpacked.entries[1].deployment_id == "d2");
  CHECK(unpacked.entries[1].document.empty());
  CHECK(unpacked.entries[2].document == "x");
}

TEST_CASE("an archive may hold as many entries as its limit says, passed over or not") {
  const auto entries = [](std::size_t count) {
    std::vector<TarEntry> all;
    for (std::size_t i = 0; i < count; ++i) {
      all.push_back(i % 2 == 0 ? api("d" + std::to_string(i), "x") : TarEntry{.name = "junk", .content = "x"});
    }
    return gzip(tar(all));
  };
  ArchiveLimits limits;
  limits.max_entries = 5;
  CHECK(unpack_body(entries(5), limits).result.has_value());
  const auto over = unpack_body(entries(6), limits);
  CHECK(refusal(over.result) == "archive: over its number of entries (5)");
  CHECK(over.entries.size() == 3);
}

TEST_CASE("a body may be as long as what is unpacked can be when it is packed") {
  ArchiveLimits limits;
  limits.max_unpacked_bytes = std::size_t{64} * 1024;
  CHECK(unpack_body(drawn_out(limits.max_packed_bytes()), limits).result.has_value());
  CHECK(refusal(unpack_body(drawn_out(limits.max_packed_bytes() + 1), limits).result) ==
        "archive: over what limits.max_archive_bytes allows, packed (131136)");
}

TEST_CASE("what cannot be compressed is no longer than its limit allows") {
  ArchiveLimits limits;
  limits.max_entry_bytes = limits.max_unpacked_bytes = std::size_t{1024} * 1024;
  const std::string body = gzip(tar({api("d1", noise(limits.max_unpacked_bytes - kTarBlock))}));
  CHECK(unpack_body(body, limits).result.has_value());
}

TEST_CASE("a bomb is stopped at the limit, in a document and in what is passed over") {
  ArchiveLimits limits;
  limits.max_unpacked_bytes = std::size_t{1024} * 1024;
  const std::string zeros(std::size_t{64} * 1024 * 1024, '\0');
  const auto document = unpack_body(gzip(tar({api("d1", "x"), api("d2", zeros)})), limits);
  CHECK(refusal(document.result) == "archive: over limits.max_archive_bytes (1048576)");
  CHECK(document.entries.size() == 1);

  const auto junk = unpack_body(gzip(tar({{.name = "junk", .content = zeros}})), limits);
  CHECK(refusal(junk.result) == "archive: over limits.max_archive_bytes (1048576)");
}

TEST_CASE("what comes out of gzip may be as long as its limit says") {
  const std::string body = gzip(tar({api("d1", noise(4 * kTarBlock))}));
  ArchiveLimits limits;
  limits.max_unpacked_bytes = 5 * kTarBlock;  // A header and its content.
  CHECK(unpack_body(body, limits).result.has_value());
  --limits.max_unpacked_bytes;
  CHECK(refusal(unpack_body(body, limits).result) == "archive: over limits.max_archive_bytes (2559)");
}

TEST_CASE("the reader's and the taker's own errors come out as they are") {
  const std::string body = gzip(tar({api("d1", noise(3000)), api("d2", "x")}));
  bool first = true;
  const ReadChunk broken = [&first, &body]() -> Result<std::string_view> {
    if (!first) return fail(ErrorKind::Retry, "http: connection reset");
    first = false;
    return std::string_view(body).substr(0, 500);
  };
  const OnEntry take_any = [](const ArchiveEntry&) -> Result<Done> { return Done{}; };
  const auto cut = unpack(broken, take_any);
  REQUIRE_FALSE(cut.has_value());
  CHECK(cut.error().message == "http: connection reset");

  bool given = false;
  const ReadChunk whole = [&given, &body]() -> Result<std::string_view> {
    const auto chunk = given ? std::string_view() : std::string_view(body);
    given = true;
    return chunk;
  };
  int taken = 0;
  const OnEntry full = [&taken](const ArchiveEntry&) -> Result<Done> {
    ++taken;
    return fail(ErrorKind::Corrupt, "store: full");
  };
  const auto refused = unpack(whole, full);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().message == "store: full");
  CHECK(refused.error().kind == ErrorKind::Corrupt);
  CHECK(taken == 1);
}

TEST_CASE("no refusal of an archive quotes a name in it") {
  std::string torn = tar({{.name = "hunter2/api-" + kUuid + ".yaml", .content = noise(700)}});
  torn.resize(kTarBlock + 100);
  CHECK(unpack_body(gzip(torn)).result.error().message == "archive: damaged or cut short");
}
