#include "tether/protocol/frames.h"

#include <catch2/catch.hpp>
#include <utility>

#include "samples.h"

using namespace tether;
using namespace tether::protocol;
using namespace tether::protocol::samples;

namespace {

std::string deployed_at(const std::string& performed_at) {
  return event("api.deployed", R"({"apiId":"a1","deploymentId":"d1","performedAt":")" + performed_at + "\"}");
}

}  // namespace

TEST_CASE("the control plane's ack names the gateway, the connection and its own second") {
  const auto frame = parse_frame(
      R"({"type":"connection.ack","gatewayId":"g-1","connectionId":"c-1","timestamp":"2026-03-01T12:00:07+05:30"})");

  const auto ack = must_be<ConnectionAck>(frame);
  CHECK(ack.gateway_id == "g-1");
  CHECK(ack.connection_id == "c-1");
  CHECK(format_rfc3339_ms(ack.at) == "2026-03-01T06:30:07.000Z");
}

TEST_CASE("an ack without a gateway is refused, one without a readable time is not") {
  CHECK(refusal(parse_frame(R"({"type":"connection.ack","connectionId":"c-1"})")) ==
        "connection.ack: member gatewayId is missing");

  const auto ack = must_be<ConnectionAck>(parse_frame(R"({"type":"connection.ack","gatewayId":"g","timestamp":7})"));
  CHECK_FALSE(ack.at.is_set());
}

TEST_CASE("the server's refusal is kept whole, so that no secret in it is cut in two before it is looked for") {
  const std::string message(10'000, 'x');
  const auto error = must_be<ServerError>(parse_frame(R"({"type":"error","message":")" + message + "\"}"));
  CHECK(error.message == message);

  CHECK(must_be<ServerError>(parse_frame(R"({"type":"error"})")).message.empty());
}

TEST_CASE("the envelope's identity and second are read, and its absence is no fault") {
  const auto read = must_be<Event>(parse_frame(
      R"({"type":"api.deleted","payload":{"apiId":"a1"},"timestamp":"2026-03-01T12:00:07+05:30","correlationId":"x-1",)"
      R"("userId":"somebody","news":[1,2]})"));
  CHECK(read.type == "api.deleted");
  CHECK(read.correlation_id == "x-1");
  CHECK(format_rfc3339_ms(read.at) == "2026-03-01T06:30:07.000Z");

  const auto bare =
      must_be<Event>(parse_frame(R"({"type":"api.deleted","payload":{"apiId":"a1"},"timestamp":"soon"})"));
  CHECK(bare.correlation_id.empty());
  CHECK_FALSE(bare.at.is_set());
}

TEST_CASE("each kind's deploy and undeploy events give artifact, deployment and time") {
  const std::vector<std::array<std::string, 3>> kinds = {
      {"RestApi", "api", "apiId"},         {"LlmProvider", "llmprovider", "providerId"},
      {"LlmProxy", "llmproxy", "proxyId"}, {"Mcp", "mcpproxy", "proxyId"},
      {"WebSubApi", "websub", "apiId"},    {"WebBrokerApi", "webbroker", "apiId"},
  };
  for (const auto& [kind, prefix, member] : kinds) {
    for (const bool deployed : {true, false}) {
      const std::string type = prefix + (deployed ? ".deployed" : ".undeployed");
      CAPTURE(type);
      const auto body = body_of<DeploymentChanged>(
          event(type, "{\"" + member + R"(":"a1","deploymentId":"d1","performedAt":"2026-03-01T10:20:30.4Z"})"));
      CHECK(body.kind == kind);
      CHECK(body.artifact_id == "a1");
      CHECK(body.deployment_id == "d1");
      CHECK(body.deployed == deployed);
      CHECK(body.at_text == "2026-03-01T10:20:30.4Z");
      CHECK(format_rfc3339_ms(body.at) == "2026-03-01T10:20:30.400Z");
    }
    const auto gone = body_of<ArtifactDeleted>(event(prefix + ".deleted", "{\"" + member + R"(":"a1"})"));
    CHECK(gone.kind == kind);
    CHECK(gone.artifact_id == "a1");
  }
}

TEST_CASE("performedAt is understood with any number of decimals and kept to the character") {
  const std::vector<std::pair<std::string, std::int64_t>> shapes = {
      {"2026-03-01T10:20:30Z", 0},
      {"2026-03-01T10:20:30.4Z", 400'000'000},
      {"2026-03-01T10:20:30.04Z", 40'000'000},
      {"2026-03-01T10:20:30.417Z", 417'000'000},
      {"2026-03-01T10:20:30.417123Z", 417'123'000},
      {"2026-03-01T10:20:30.417123456789Z", 417'123'456},
      {"2026-03-01T15:50:30.417+05:30", 417'000'000},
  };
  const auto second = parse_rfc3339("2026-03-01T10:20:30Z");
  for (const auto& [text, fraction_ns] : shapes) {
    CAPTURE(text);
    const auto body = body_of<DeploymentChanged>(deployed_at(text));
    CHECK(body.at_text == text);
    CHECK(body.at.ns == second->ns + fraction_ns);
  }
  CHECK(refusal(parse_frame(deployed_at("yesterday"))) == "api.deployed: member performedAt is not an RFC 3339 time");
}

TEST_CASE("a revoked key is named by artifact and name") {
  const auto revoked = body_of<KeyRevoked>(event("apikey.revoked", R"({"apiId":"a1","keyName":"mobile"})"));
  CHECK(revoked.artifact_id == "a1");
  CHECK(revoked.name == "mobile");
}

TEST_CASE("deleted subscriptions and plans are named by id") {
  const auto subscription = body_of<SubscriptionDeleted>(
      event("subscription.deleted", R"({"apiId":"a1","subscriptionId":"s1","subscriptionToken":"t"})"));
  CHECK(subscription.artifact_id == "a1");
  CHECK(subscription.subscription_id == "s1");

  const auto plan =
      body_of<PlanDeleted>(event("subscriptionPlan.deleted", R"({"planId":"p1","handle":"gold","planName":"Gold"})"));
  CHECK(plan.plan_id == "p1");
}

TEST_CASE("a change of a WebSub secret says which, and whether it is gone") {
  for (const std::string verb : {"created", "updated", "deleted"}) {
    const auto change = body_of<HmacSecretChanged>(
        event("websub.hmacsecret." + verb, R"({"artifactUuid":"a1","secretName":"publisher"})"));
    CHECK(change.artifact_id == "a1");
    CHECK(change.name == "publisher");
    CHECK(change.deleted == (verb == "deleted"));
  }
}

TEST_CASE("an event type that nobody knows is an unknown event, not an error") {
  for (const std::string type : {"gateway.news", "api.renamed", "api.", "api", ".deployed", "websub.hmacsecret",
                                 "deployment.ack", "subscriptionplan.created", "API.deployed"}) {
    CAPTURE(type);
    const auto read = must_be<Event>(parse_frame(event(type, R"({"anything":[1,{"x":null}]})")));
    CHECK(read.type == type);
    CHECK(std::holds_alternative<UnknownEvent>(read.body));
  }
}

TEST_CASE("an unknown type is counted as an event even without a payload") {
  CHECK(must_be<Event>(parse_frame(R"({"type":"hello"})")).type == "hello");
}

TEST_CASE("what cannot be parsed is counted under its type if that is known") {
  CHECK(event_type_of(R"({"type":"api.deployed","payload":{"apiId":7}})") == "api.deployed");
  CHECK(event_type_of(R"({"type":"api.renamed"})") == "unknown");
  CHECK(event_type_of(R"({"type":7})") == "unknown");
  CHECK(event_type_of("[1,2]") == "unknown");
  CHECK(event_type_of("{") == "unknown");
  CHECK(event_type_of(R"({"type":"api.deployed"})" + std::string(kMaxFrameBytes, ' ')) == "unknown");
}

TEST_CASE("well-formed JSON that is nothing of ours is ignored") {
  for (const std::string text : {"[1,2]", "\"api.deployed\"", "7", "null", "{}", " {} ", R"({"type":7,"payload":{}})",
                                 R"({"type":"","payload":{}})", R"({"payload":{}})"}) {
    CAPTURE(text);
    CHECK(std::holds_alternative<UnknownFrame>(*parse_frame(text)));
  }
}

TEST_CASE("what is not JSON is refused") {
  for (const std::string text :
       {"", " ", "{", "}", "nonsense", "{\"type\":}", "{\"type\":\"error\"} x", "{'type':'error'}", "[1,2", "\xEF\xBB",
        "{\"type\":\"\xC0\xAF\"}", "{\"type\":\"\xED\xA0\x80\"}", "{\"a\":1e999}", "{\"a\":01}", "{\"a\":\"\n\"}"}) {
    CAPTURE(text);
    CHECK(refusal(parse_frame(text)) == "frame: not JSON");
  }
}

TEST_CASE("a frame is read at 2 MiB and refused one byte over") {
  std::string frame = event("gateway.news", R"({"x":""})");
  frame.append(kMaxFrameBytes - frame.size(), ' ');
  REQUIRE(frame.size() == kMaxFrameBytes);
  CHECK(parse_frame(frame).has_value());

  frame += ' ';
  CHECK(refusal(parse_frame(frame)) == "frame: over 2097152 bytes");
}

TEST_CASE("a frame is read at a depth of 32 and refused one deeper") {
  const auto nested = [](int depth) {
    // The envelope and its payload are two.
    return event("gateway.news", "{\"x\":" + std::string(static_cast<std::size_t>(depth - 2), '[') +
                                     std::string(static_cast<std::size_t>(depth - 2), ']') + "}");
  };
  CHECK(parse_frame(nested(32)).has_value());
  CHECK(refusal(parse_frame(nested(33))) == "frame: nested deeper than 32");
  CHECK(refusal(parse_frame(std::string(1'000'000, '['))) == "frame: nested deeper than 32");
}

TEST_CASE("an object of a thousand members is read, one with more is refused") {
  const auto crowded = [](int members) {
    std::string payload = R"({"apiId":"a1")";
    for (int i = 1; i < members; ++i) payload += ",\"m" + std::to_string(i) + "\":0";
    return event("api.deleted", payload + "}");
  };
  CHECK(parse_frame(crowded(1000)).has_value());
  CHECK(refusal(parse_frame(crowded(1001))) == "api.deleted: member payload is an object of more than 1000 members");
}

TEST_CASE("of a member that comes twice the last one counts") {
  CHECK(body_of<ArtifactDeleted>(event("api.deleted", R"({"apiId":"first","apiId":"last"})")).artifact_id == "last");
}

TEST_CASE("a known type whose member is missing or of the wrong type is refused by both names") {
  struct Case {
    std::string type, payload, message;
  };
  const std::vector<Case> cases = {
      {"api.deployed", R"({"deploymentId":"d","performedAt":"2026-03-01T10:20:30Z"})", "member apiId is missing"},
      {"api.deployed", R"({"apiId":7,"deploymentId":"d","performedAt":"2026-03-01T10:20:30Z"})",
       "member apiId is not a string"},
      {"api.deployed", R"({"apiId":"","deploymentId":"d","performedAt":"2026-03-01T10:20:30Z"})",
       "member apiId is empty"},
      {"api.deployed", R"({"apiId":null,"deploymentId":"d","performedAt":"2026-03-01T10:20:30Z"})",
       "member apiId is missing"},
      {"llmproxy.deployed", R"({"apiId":"a","deploymentId":"d","performedAt":"2026-03-01T10:20:30Z"})",
       "member proxyId is missing"},
      {"mcpproxy.undeployed", R"({"proxyId":"a","performedAt":"2026-03-01T10:20:30Z"})",
       "member deploymentId is missing"},
      {"llmprovider.undeployed", R"({"providerId":"a","deploymentId":"d"})", "member performedAt is missing"},
      {"webbroker.deleted", "{}", "member apiId is missing"},
      {"apikey.created", R"({"apiId":"a"})", "member uuid is missing"},
      {"apikey.updated", R"({"apiId":"a"})", "member keyName is missing"},
      {"apikey.revoked", R"({"keyName":"a"})", "member apiId is missing"},
      {"application.updated", R"({"mappings":[]})", "member applicationUuid is missing"},
      {"application.updated", R"({"applicationUuid":"a"})", "member mappings is missing"},
      {"application.updated", R"({"applicationUuid":"a","mappings":[7]})",
       "member mappings holds an element that is not an object"},
      {"application.updated", R"({"applicationUuid":"a","mappings":[{}]})",
       "member mappings[].apiKeyUuid is missing or not a string"},
      {"subscription.created", R"({"apiId":"a"})", "member subscriptionId is missing"},
      {"subscription.updated", R"({"subscriptionId":"s","apiId":"a","status":"ACTIVE"})",
       "member subscriptionToken is missing"},
      {"subscription.deleted", R"({"apiId":"a"})", "member subscriptionId is missing"},
      {"subscriptionPlan.created", R"({"handle":"gold"})", "member planId is missing"},
      {"subscriptionPlan.updated", R"({"planId":"p","handle":"h","planName":"n","status":"s","stopOnQuotaReach":"x"})",
       "member stopOnQuotaReach is not a boolean"},
      {"subscriptionPlan.deleted", "{}", "member planId is missing"},
      {"websub.hmacsecret.created", R"({"artifactUuid":"a"})", "member secretName is missing"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.type, c.payload);
    CHECK(refusal(parse_frame(event(c.type, c.payload))) == c.type + ": " + c.message);
  }
  CHECK(refusal(parse_frame(R"({"type":"api.deployed"})")) == "api.deployed: member payload is missing");
  CHECK(refusal(parse_frame(R"({"type":"api.deployed","payload":[]})")) ==
        "api.deployed: member payload is not an object");
}

TEST_CASE("no refusal quotes what it refuses") {
  const std::string secret = "hunter2-do-not-print";
  const std::vector<std::string> frames = {
      secret,
      "{\"type\":\"" + secret,
      R"({"type":"subscription.created","payload":{"apiId":"a","subscriptionId":"s","subscriptionToken":[")" + secret +
          R"("],"status":"ACTIVE"}})",
      event("apikey.created", R"({"uuid":"u","apiId":"a","apiKeyHashes":")" + secret + R"(","updatedAt":"x"})"),
      deployed_at(secret),
      event("api.deleted", "{\"" + secret + "\":1}"),
      event("api.deleted", "\"" + secret + "\""),
  };
  for (const std::string& frame : frames) {
    const auto message = refusal(parse_frame(frame));
    CAPTURE(message);
    CHECK(message.find("hunter2") == std::string::npos);
  }
}
