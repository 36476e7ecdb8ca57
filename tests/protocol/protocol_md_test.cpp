#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "samples.h"
#include "tether/protocol/archive.h"
#include "tether/protocol/document.h"
#include "tether/protocol/fields.h"
#include "tether/protocol/frames.h"
#include "tether/protocol/gateway.h"
#include "tether/protocol/json.h"
#include "tether/protocol/rest.h"

using namespace tether::protocol;

namespace {

std::string text_of_protocol_md() {
  std::ifstream file(TETHER_PROTOCOL_MD);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The types in the first column of the table of section 2.4.
std::vector<std::string> documented_types(const std::string& page) {
  const auto begin = page.find("### 2.4");
  const auto end = page.find("\n## 3.");
  REQUIRE(begin < end);
  std::istringstream lines(page.substr(begin, end - begin));
  std::vector<std::string> types;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("| `")) types.push_back(line.substr(3, line.find('`', 3) - 3));
  }
  return types;
}

}  // namespace

TEST_CASE("PROTOCOL.md lists the event types that the code knows, each once") {
  auto documented = documented_types(text_of_protocol_md());
  std::vector<std::string> known(known_event_types().begin(), known_event_types().end());
  std::ranges::sort(documented);
  std::ranges::sort(known);

  CHECK(documented == known);
  CHECK(known.size() == 31);
}

TEST_CASE("no type that is listed as known is read as an unknown event") {
  for (const std::string_view type : known_event_types()) {
    CAPTURE(type);
    // Every known type has a required member, so an empty payload tells.
    CHECK(samples::refusal(parse_frame(samples::event(std::string(type), "{}"))).starts_with(std::string(type)));
  }
}

TEST_CASE("PROTOCOL.md states the limits that the code has") {
  constexpr std::size_t kMiB = std::size_t{1024} * 1024;
  struct Row {
    const char* text;
    bool agrees;
  };
  const ArchiveLimits archive;
  const std::vector<Row> rows = {
      {"| frame | 2 MiB |", kMaxFrameBytes == 2 * kMiB},
      {"| depth of frames, rows and answers | 32 |", kMaxJsonDepth == 32},
      {"| members of one object that is read by name | 1000 |", json::kMaxMembers == 1000},
      {"| row of a listing | 1 MiB |", kMaxRowBytes == kMiB},
      {"| listing | 256 MiB, depth 64 |", kMaxListingBytes == 256 * kMiB && kMaxListingDepth == 64},
      {"| any other answer | 4 MiB |", kMaxAnswerBytes == 4 * kMiB},
      {"| deployments in one batch | 50 |", kMaxBatchDeployments == 50},
      {"| archive | 512 MiB unpacked, 1000 entries |",
       archive.max_unpacked_bytes == 512 * kMiB && archive.max_entries == 1000},
      {"| document in an archive | 16 MiB;", archive.max_entry_bytes == 16 * kMiB},
      {"| document | depth 64, 1,000,000 nodes,", kMaxDocumentDepth == 64 && kMaxDocumentNodes == 1'000'000},
      {"| gateway's answer | 16 MiB |", kMaxGatewayAnswerBytes == 16 * kMiB},
  };
  const std::string page = text_of_protocol_md();
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(page.find(row.text) != std::string::npos);
    CHECK(row.agrees);
  }
}
