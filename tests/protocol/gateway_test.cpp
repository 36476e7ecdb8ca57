#include "tether/protocol/gateway.h"

#include <catch2/catch.hpp>

#include "samples.h"

using namespace tether;
using namespace tether::protocol;
using namespace tether::protocol::samples;

TEST_CASE("a gateway's state is read, and that of a fresh one") {
  CHECK(must(parse_gateway_state(R"({"instance":"i1","epoch":"e1","revision":42,"resources":1000,"new":1})")) ==
        GatewayState{.instance = "i1", .epoch = "e1", .revision = 42, .resources = 1000});
  CHECK(must(parse_gateway_state(R"({"instance":"i1","epoch":null,"revision":0,"resources":0})")) ==
        GatewayState{.instance = "i1", .epoch = "", .revision = 0, .resources = 0});
}

TEST_CASE("a state that says less is refused by what it lacks") {
  CHECK(refusal(parse_gateway_state(R"({"epoch":"e","revision":1,"resources":1})")) ==
        "gateway state: member instance is missing");
  CHECK(refusal(parse_gateway_state(R"({"instance":"i","revision":1,"resources":1})")) ==
        "gateway state: member epoch is missing");
  CHECK(refusal(parse_gateway_state(R"({"instance":"i","epoch":7,"revision":1,"resources":1})")) ==
        "gateway state: member epoch is not a string");
  for (const std::string revision : {"-1", "1.0", "1e3", "9223372036854775808", "\"1\"", "null"}) {
    CAPTURE(revision);
    CHECK(refusal(parse_gateway_state(R"({"instance":"i","epoch":"e","resources":1,"revision":)" + revision + "}"))
              .starts_with("gateway state: member revision is"));
  }
  CHECK(must(parse_gateway_state(R"({"instance":"i","epoch":"e","resources":1,"revision":9223372036854775807})"))
            .revision == 9'223'372'036'854'775'807);
  CHECK(refusal(parse_gateway_state("[]")) == "gateway state: not a JSON object");
}

TEST_CASE("an answer to a push names what was applied and what was refused") {
  const auto answer =
      must(parse_push_answer(R"({"epoch":"e1","revision":42,"rejected":[{"kind":"RestApi","id":"a1","reason":"bad"},)"
                             R"({"kind":"ApiKey","id":"k1"},{"kind":"Mcp","id":"m1","reason":{"code":7}}]})"));
  CHECK(answer.epoch == "e1");
  CHECK(answer.revision == 42);
  REQUIRE(answer.rejected.size() == 3);
  CHECK(answer.rejected[0].kind == "RestApi");
  CHECK(answer.rejected[0].id == "a1");
  CHECK(answer.rejected[0].reason == "bad");
  CHECK(answer.rejected[1].reason.empty());
  CHECK(answer.rejected[2].reason.empty());
}

TEST_CASE("an answer that says less is no answer") {
  CHECK(refusal(parse_push_answer(R"({"revision":1,"rejected":[]})")) == "push answer: member epoch is missing");
  CHECK(refusal(parse_push_answer(R"({"epoch":"e","rejected":[]})")) == "push answer: member revision is missing");
  CHECK(refusal(parse_push_answer(R"({"epoch":"e","revision":1})")) == "push answer: member rejected is missing");
  CHECK(refusal(parse_push_answer(R"({"epoch":"e","revision":1,"rejected":[{"kind":"RestApi"}]})")) ==
        "push answer: rejected[]: member id is missing");
  CHECK(refusal(parse_push_answer("")) == "push answer: not JSON");
}

TEST_CASE("a reason is kept whole, so that no secret in it is cut in two before it is looked for") {
  const std::string reason(100'000, 'x');
  const auto answer = must(parse_push_answer(
      R"({"epoch":"e","revision":1,"rejected":[{"kind":"Mcp","id":"m","reason":")" + reason + "\"}]}"));
  CHECK(answer.rejected.front().reason == reason);
}

TEST_CASE("an answer of 16 MiB is read and a byte more is refused") {
  std::string body = R"({"epoch":"e","revision":1,"rejected":[]})";
  body.append(kMaxGatewayAnswerBytes - body.size(), ' ');
  CHECK(parse_push_answer(body).has_value());
  CHECK(refusal(parse_push_answer(body + " ")) == "push answer: over 16777216 bytes");
}

TEST_CASE("a push begins with a line that says what it is") {
  CHECK(write_put_header("e1", 42, 1000) == "{\"epoch\":\"e1\",\"revision\":42,\"count\":1000}\n");
  CHECK(write_patch_header("e0", 42, "e1", 45, 3) ==
        "{\"from_epoch\":\"e0\",\"from\":42,\"epoch\":\"e1\",\"revision\":45,\"count\":3}\n");
}

TEST_CASE("an artifact's line carries its document as one JSON string") {
  const ResourceLine line{.kind = "RestApi",
                          .id = "a1",
                          .artifact = true,
                          .handle = "petstore-v1.0",
                          .deployment_id = "d1",
                          .deployed_at = "2026-03-01T10:20:30.400Z",
                          .document = "kind: RestApi\r\n\tx: \"é\\\x01\"\n",
                          .data = {}};
  CHECK(write_resource_line(line, /*patch=*/false) ==
        "{\"kind\":\"RestApi\",\"id\":\"a1\",\"handle\":\"petstore-v1.0\",\"deploymentId\":\"d1\","
        "\"deployedAt\":\"2026-03-01T10:20:30.400Z\","
        "\"document\":\"kind: RestApi\\r\\n\\tx: \\\"é\\\\\\u0001\\\"\\n\"}\n");
  CHECK(write_resource_line(line, /*patch=*/true).starts_with(R"({"op":"put","kind":"RestApi","id":"a1",)"));
}

TEST_CASE("another resource's line carries its data as it is") {
  const ResourceLine line{.kind = "ApiKey",
                          .id = "k1",
                          .artifact = false,
                          .handle = {},
                          .deployment_id = {},
                          .deployed_at = {},
                          .document = {},
                          .data = R"({"uuid":"k1","n":1.50})"};
  CHECK(write_resource_line(line, /*patch=*/false) ==
        "{\"kind\":\"ApiKey\",\"id\":\"k1\",\"data\":{\"uuid\":\"k1\",\"n\":1.50}}\n");
  CHECK(write_resource_line(line, /*patch=*/true) ==
        "{\"op\":\"put\",\"kind\":\"ApiKey\",\"id\":\"k1\",\"data\":{\"uuid\":\"k1\",\"n\":1.50}}\n");
}

TEST_CASE("a delete names kind and id") {
  CHECK(write_delete_line("HmacSecret", "a1/x\"y") ==
        "{\"op\":\"delete\",\"kind\":\"HmacSecret\",\"id\":\"a1/x\\\"y\"}\n");
}

TEST_CASE("every line is one line, whatever is in it") {
  std::string all;
  for (int c = 0; c < 128; ++c) all += static_cast<char>(c);
  const ResourceLine line{.kind = all,
                          .id = all,
                          .artifact = true,
                          .handle = all,
                          .deployment_id = all,
                          .deployed_at = all,
                          .document = all,
                          .data = {}};
  const std::string written = write_resource_line(line, /*patch=*/true);
  CHECK(written.find('\n') == written.size() - 1);
}
