#include <catch2/catch.hpp>

#include "samples.h"
#include "tether/protocol/rest.h"

using namespace tether;
using namespace tether::protocol;
using namespace tether::protocol::samples;

TEST_CASE("since is UTC with Z and encoded, whatever offset it came with [F9]") {
  CHECK(since_query(must(parse_rfc3339("2026-03-01T15:50:30.4+05:30"))) == "2026-03-01T10%3A20%3A30.400Z");
}

TEST_CASE("a path segment cannot leave its place in the path") {
  CHECK(encode_segment("7c2b-9f_0e.~") == "7c2b-9f_0e.~");
  CHECK(encode_segment("a/b?c=d&e#f") == "a%2Fb%3Fc%3Dd%26e%23f");
  CHECK(encode_segment("..") == "%2E%2E");
  CHECK(encode_segment(".") == "%2E");
  CHECK(encode_segment("%41 é") == "%2541%20%C3%A9");
  CHECK(encode_segment(std::string("\0\r\n", 3)) == "%00%0D%0A");
}

TEST_CASE("ids are asked for in JSON") {
  CHECK(write_exists_request({"a1", "a\"2"}) == R"({"artifactIds":["a1","a\"2"]})");
  CHECK(write_exists_request({}) == R"({"artifactIds":[]})");
  CHECK(write_fetch_batch_request({"d1", "d2"}) == R"({"deploymentIds":["d1","d2"]})");
}

TEST_CASE("the manifest carries version, type and policies [F13]") {
  CHECK(write_manifest({"1.2.0", "regular", R"([{"name":"rate-limit"}])"}) ==
        R"({"version":"1.2.0","functionalityType":"regular","policies":[{"name":"rate-limit"}]})");
  CHECK(write_manifest({"1.2.0", "ai", ""}) == R"({"version":"1.2.0","functionalityType":"ai","policies":[]})");
}
