#include <catch2/catch.hpp>

#include "samples.h"
#include "tether/protocol/rest.h"

using namespace tether;
using namespace tether::protocol;
using namespace tether::protocol::samples;

TEST_CASE("which artifacts exist is answered one by one") {
  const auto answers = must(
      parse_exists(R"({"artifacts":[{"artifactId":"a1","exists":true},{"artifactId":"a2","exists":false,"x":1}]})"));
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].artifact_id == "a1");
  CHECK(answers[0].exists);
  CHECK(answers[1].artifact_id == "a2");
  CHECK_FALSE(answers[1].exists);
  CHECK(must(parse_exists(R"({"artifacts":[]})")).empty());
}

TEST_CASE("existence is never guessed") {
  CHECK(refusal(parse_exists("{}")) == "exists: member artifacts is missing");
  CHECK(refusal(parse_exists("[]")) == "exists: not a JSON object");
  CHECK(refusal(parse_exists(R"({"artifacts":[7]})")) == "exists: artifacts[]: not a JSON object");
  CHECK(refusal(parse_exists(R"({"artifacts":[{"artifactId":"a1"}]})")) ==
        "exists: artifacts[]: member exists is missing");
  CHECK(refusal(parse_exists(R"({"artifacts":[{"artifactId":"a1","exists":0}]})")) ==
        "exists: artifacts[]: member exists is not a boolean");
}

TEST_CASE("a secret's value is any text, the empty one too") {
  CHECK(must(parse_secret_value(R"({"value":"s3cr\"et\n"})")) == "s3cr\"et\n");
  CHECK(must(parse_secret_value(R"({"value":""})")).empty());
}

TEST_CASE("no refusal of a secret's value quotes it") {
  for (const std::string body :
       {R"({"value":["hunter2"]})", R"({"hunter2":"hunter2"})", R"("hunter2")", "hunter2", R"({"value":"hunter2)"}) {
    CHECK(refusal(parse_secret_value(body)).find("hunter2") == std::string::npos);
  }
}

TEST_CASE("a gateway gets a secret with its value, and its time as the control plane writes it") {
  const auto row = must(parse_secret_row(
      R"({"handle":"openai-key","type":"GENERIC","hash":"h1","updatedAt":"2026-03-01T12:20:30.5+02:00"})"));
  CHECK(write_secret_data(row, "v\"1") == R"({"handle":"openai-key","type":"GENERIC","hash":"h1",)"
                                          R"("updatedAt":"2026-03-01T10:20:30.5Z","value":"v\"1"})");
}

TEST_CASE("a WebSub API's secrets are named by artifact and name") {
  const auto secrets = must(parse_hmac_secrets(
      R"({"artifactId":"a1","secrets":[{"name":"publisher","secret":"s1"},{"name":"other","secret":"s2"}]})"));
  REQUIRE(secrets.size() == 2);
  CHECK(secrets[0].kind == "HmacSecret");
  CHECK(secrets[0].id == "a1/publisher");
  CHECK(secrets[0].artifact_id == "a1");
  CHECK(secrets[0].name == "publisher");
  CHECK(secrets[0].data == R"({"artifactId":"a1","name":"publisher","secret":"s1"})");
  CHECK(secrets[1].id == "a1/other");

  CHECK(refusal(parse_hmac_secrets(R"({"artifactId":"a1","secrets":[{"name":"x","secret":7}]})")) ==
        "HMAC secrets: secrets[]: member secret is not a string");
  CHECK(refusal(parse_hmac_secrets(R"({"artifactId":"a1"})")) == "HMAC secrets: member secrets is missing");
}

TEST_CASE("an answer of 4 MiB is read and a byte more is refused") {
  std::string body = R"({"value":"x"})";
  body.append(kMaxAnswerBytes - body.size(), ' ');
  CHECK(parse_secret_value(body).has_value());
  CHECK(refusal(parse_secret_value(body + " ")) == "secret value: over 4194304 bytes");
}
