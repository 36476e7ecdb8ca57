#include <catch2/catch.hpp>

#include "tether/protocol/frames.h"

using namespace tether;
using namespace tether::protocol;

TEST_CASE("a success echoes performedAt to the character and has no error code") {
  const Ack ack{.deployment_id = "dep-1",
                .artifact_id = "art-1",
                .kind = "RestApi",
                .deploy = true,
                .success = true,
                .at_text = "2026-03-01T10:20:30.4Z"};

  CHECK(write_ack(ack) ==
        R"({"type":"deployment.ack","payload":{"deploymentId":"dep-1","artifactId":"art-1","resourceType":"api",)"
        R"("action":"deploy","status":"success","performedAt":"2026-03-01T10:20:30.4Z"}})");
}

TEST_CASE("a failure says GATEWAY_PROCESSING_ERROR and nothing else of its reason") {
  const Ack ack{.deployment_id = "dep-1",
                .artifact_id = "art-1",
                .kind = "Mcp",
                .deploy = false,
                .success = false,
                .at_text = "2026-03-01T10:20:30Z"};

  CHECK(write_ack(ack) ==
        R"({"type":"deployment.ack","payload":{"deploymentId":"dep-1","artifactId":"art-1","resourceType":"mcpproxy",)"
        R"("action":"undeploy","status":"failed","performedAt":"2026-03-01T10:20:30Z",)"
        R"("errorCode":"GATEWAY_PROCESSING_ERROR"}})");
}

TEST_CASE("a quote or a line break in a member of an ack cannot end it") {
  const Ack ack{.deployment_id = "a\"b\\c\nd", .artifact_id = "x", .kind = "RestApi", .at_text = "t"};

  CHECK(write_ack(ack).find(R"("deploymentId":"a\"b\\c\nd")") != std::string::npos);
}
