#include "tether/peers/texts.h"

#include <catch2/catch.hpp>

#include "tether/peers/documents.h"

namespace tether::peers {
namespace {

constexpr Instant kAt{1'787'396'523'417'000'000};  // 2026-08-22T11:02:03.417Z

TEST_CASE("performedAt loses its trailing zeros") {
  CHECK(performed_at_text(kAt) == "2026-08-22T11:02:03.417Z");
  CHECK(performed_at_text(kAt, 1) == "2026-08-22T11:02:03.4Z");
  CHECK(performed_at_text({kAt.ns - 17'000'000}) == "2026-08-22T11:02:03.4Z");
  CHECK(performed_at_text(kAt, 0) == "2026-08-22T11:02:03Z");
}

TEST_CASE("performedAt can be made with more digits than a control plane has, and with zeros that it removes") {
  CHECK(performed_at_text({kAt.ns + 123'450}, 6) == "2026-08-22T11:02:03.417123Z");
  CHECK(performed_at_text({kAt.ns + 123'450}, 9) == "2026-08-22T11:02:03.41712345Z");
  CHECK(performed_at_text({kAt.ns + 123'450}, 9, 9) == "2026-08-22T11:02:03.417123450Z");
  CHECK(performed_at_text(kAt, 1, 3) == "2026-08-22T11:02:03.400Z");
  CHECK(performed_at_text(kAt, 0, 6) == "2026-08-22T11:02:03.000000Z");
}

TEST_CASE("stored times compare as text, offset and all") {
  CHECK(stored_time_text("2026-08-22T11:02:03.400Z") == "2026-08-22 11:02:03.4+00:00");
  CHECK(stored_time_text("2026-08-22T11:02:03.000Z") == "2026-08-22 11:02:03+00:00");
  CHECK(stored_time_text("2026-08-22T11:02:03.4+00:00") == stored_time_text("2026-08-22T11:02:03.4Z"));
  CHECK(stored_time_text("2026-08-22T16:32:03.4+05:30") != stored_time_text("2026-08-22T11:02:03.4Z"));
  CHECK_FALSE(stored_time_text("yesterday"));
}

TEST_CASE("HTTP dates and ids have their forms") {
  CHECK(http_date_text(kAt) == "Sat, 22 Aug 2026 11:02:03 GMT");
  CHECK(random_uuid().size() == 36);
  CHECK(timed_uuid(kAt).substr(0, 8) == timed_uuid({kAt.ns + 1'000'000}).substr(0, 8));
  CHECK(derived_uuid("a") == derived_uuid("a"));
  CHECK(derived_uuid("a") != derived_uuid("b"));
  CHECK(random_token().size() == 43);
}

TEST_CASE("digests are those of the standards") {
  CHECK(sha256_hex("test") == "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
  CHECK(sha1_base64("dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST_CASE("sample documents name what they were told to") {
  SampleDocument sample;
  sample.handle = "petstore";
  sample.secrets = {"backend-key"};
  sample.at_least_bytes = 5000;

  const std::string document = sample_document(sample);

  CHECK(secrets_named_in(document) == std::vector<std::string>{"backend-key"});
  CHECK(document.size() >= 5000);
  CHECK(secrets_named_in(R"(value: "{{ secret \"quoted\" }} and {{secret "plain"}}")") ==
        std::vector<std::string>{"quoted", "plain"});
}

}  // namespace
}  // namespace tether::peers
