#include "answer_reader.h"

#include <pthread.h>

#include <catch2/catch.hpp>

#include "../protocol/tarball.h"

namespace tether::daemon {
namespace {

using protocol::samples::gzip;
using protocol::samples::tar;
using protocol::samples::TarEntry;
using sync::Call;

/// A reader for one answer. What it hands over stays in the inbox.
struct Scene {
  AnswerLimits limits;
  sync::Engine engine{sync::EngineOptions{}, 1};
  Inbox inbox;

  std::unique_ptr<AnswerReader> reader(Call call) {
    sync::SendRequest request;
    request.number = 1;
    request.call = call;
    return make_answer_reader(request, engine, inbox, limits);
  }
  std::size_t pieces() { return inbox.is_empty() ? 0 : inbox.take(std::nullopt, Inbox::Which::All).size(); }
};

std::string why(const Result<Done>& result) {
  return result ? "" : result.error().message;
}

TarEntry document(int number, std::size_t bytes) {
  // Not to be compressed away: what is packed is about as long as what is unpacked.
  std::string text;
  for (std::uint32_t state = 12345; text.size() < bytes; state = state * 1664525U + 1013904223U) {
    text += static_cast<char>(' ' + (state >> 24U) % 90U);
  }
  return {.name = "d" + std::to_string(number) + "/api-7c2b9f0e-1d64-4a0f-8a5e-4f5b0c9d2e11.yaml", .content = text};
}

/// Without the zeros at the end, which are not read.
std::size_t unpacked_bytes(const std::vector<TarEntry>& entries) {
  return tar(entries).size() - 2 * protocol::samples::kTarBlock;
}

std::string rows(int count) {
  std::string body = "[";
  for (int i = 0; i < count; ++i) {
    body += std::string(i == 0 ? "" : ",") + R"({"id":"p)" + std::to_string(i) +
            R"(","handle":"gold","planName":"Gold","stopOnQuotaReach":true,"throttleLimitCount":100,)"
            R"("status":"ACTIVE","updatedAt":"2026-03-01T10:20:30Z"})";
  }
  return body + "]";
}

/// While this is there, no thread can be made: none has room for its stack.
class NoThreads {
 public:
  NoThreads() {
    pthread_attr_t large;
    REQUIRE(::pthread_getattr_default_np(&before_) == 0);
    REQUIRE(::pthread_attr_init(&large) == 0);
    REQUIRE(::pthread_attr_setstacksize(&large, std::size_t{1} << 48U) == 0);
    REQUIRE(::pthread_setattr_default_np(&large) == 0);
    ::pthread_attr_destroy(&large);
  }
  ~NoThreads() {
    ::pthread_setattr_default_np(&before_);
    ::pthread_attr_destroy(&before_);
  }
  NoThreads(const NoThreads&) = delete;
  NoThreads& operator=(const NoThreads&) = delete;

 private:
  pthread_attr_t before_{};
};

}  // namespace

TEST_CASE("a batch that no thread can be made for is asked for again, and nothing ends") {
  Scene scene;
  std::optional<NoThreads> none(std::in_place);
  const auto reader = scene.reader(Call::FetchBatch);
  none.reset();

  const auto fed = reader->feed(gzip(tar({document(1, 100)})));
  REQUIRE_FALSE(fed);
  CHECK(fed.error().kind == ErrorKind::Retry);
  CHECK_THAT(why(fed), Catch::StartsWith("no thread to unpack it: "));
  CHECK_FALSE(reader->finish());
  CHECK_FALSE(reader->is_too_large());
  CHECK(scene.pieces() == 0);
}

TEST_CASE("an answer that is read whole may have 4 MiB, and not a byte more") {
  Scene scene;
  const std::string mebibyte(std::size_t{1024} * 1024, ' ');
  const auto reader = scene.reader(GENERATE(Call::Manifest, Call::Exists, Call::SecretValue, Call::HmacSecrets));
  for (int i = 0; i < 4; ++i) REQUIRE(reader->feed(mebibyte));

  CHECK(why(reader->feed(" ")) == "the answer is larger than 4 MiB");
}

TEST_CASE("a listing may be as long as its setting says, which a refusal names") {
  Scene scene;
  const std::string body = rows(3);
  scene.limits.max_listing_bytes = body.size();

  CHECK(scene.reader(Call::Plans)->feed(body));
  CHECK(why(scene.reader(Call::Plans)->feed(body + " ")) ==
        "listing: over limits.max_listing_bytes (" + std::to_string(body.size()) + ")");
}

TEST_CASE("two hundred rows are handed over at once, and one more with the end") {
  Scene scene;
  const auto reader = scene.reader(Call::Plans);
  const std::string body = rows(kRowsAtOnce + 1);
  REQUIRE(reader->feed(std::string_view(body).substr(0, body.size() - 1)));
  CHECK(reader->rows_rejected() == 0);
  CHECK(scene.pieces() == 1);

  REQUIRE(reader->feed("]"));
  REQUIRE(reader->finish());
  CHECK(scene.pieces() == 1);
}

TEST_CASE("a batch is unpacked as it comes: documents are handed over before the end") {
  Scene scene;
  const std::string body = gzip(tar({document(1, kDocumentBytesAtOnce), document(2, kDocumentBytesAtOnce)}));
  const auto reader = scene.reader(Call::FetchBatch);
  constexpr std::size_t kPiece = 8192;
  for (std::size_t at = 0; at < body.size() - kPiece; at += kPiece) {
    REQUIRE(reader->feed(std::string_view(body).substr(at, kPiece)));
  }
  CHECK(scene.pieces() == 1);

  const std::size_t rest = (body.size() - 1) / kPiece * kPiece;
  REQUIRE(reader->feed(std::string_view(body).substr(rest)));
  REQUIRE(reader->finish());
  CHECK(scene.pieces() == 1);
}

TEST_CASE("fifty documents are handed over at once, and one more with the end") {
  Scene scene;
  std::vector<TarEntry> entries;
  for (std::size_t i = 0; i <= kDocumentsAtOnce; ++i) entries.push_back(document(static_cast<int>(i), 10));
  const auto reader = scene.reader(Call::FetchBatch);

  REQUIRE(reader->feed(gzip(tar(entries))));
  REQUIRE(reader->finish());

  CHECK(scene.pieces() == 2);
}

TEST_CASE("a batch may be as large as its setting says; one that is larger names it and keeps what came before") {
  Scene scene;
  const std::vector<TarEntry> entries = {document(1, kDocumentBytesAtOnce), document(2, 5000)};
  scene.limits.archive.max_unpacked_bytes = unpacked_bytes(entries);
  const auto at_limit = scene.reader(Call::FetchBatch);
  REQUIRE(at_limit->feed(gzip(tar(entries))));
  CHECK(at_limit->finish());
  CHECK_FALSE(at_limit->is_too_large());
  CHECK(scene.pieces() == 2);

  scene.limits.archive.max_unpacked_bytes -= 1;
  const auto over = scene.reader(Call::FetchBatch);
  const auto fed = over->feed(gzip(tar(entries)));
  const auto refusal = fed ? over->finish() : fed;
  CHECK(why(refusal).find("over limits.max_archive_bytes (") != std::string::npos);
  CHECK(over->is_too_large());
  CHECK(scene.pieces() == 1);
}

TEST_CASE("a batch that is cut short is not too large, and what came whole of it is handed over") {
  Scene scene;
  const std::string body = gzip(tar({document(1, 200'000), document(2, 200'000)}));
  const auto reader = scene.reader(Call::FetchBatch);
  REQUIRE(reader->feed(std::string_view(body).substr(0, body.size() - 1000)));

  const auto end = reader->finish();

  REQUIRE_FALSE(end);
  CHECK(end.error().kind == ErrorKind::Retry);
  CHECK_FALSE(reader->is_too_large());
  CHECK(scene.pieces() == 1);
}

TEST_CASE("a reader whose request failed hands nothing over any more") {
  Scene scene;
  {
    const auto reader = scene.reader(Call::FetchBatch);
    const std::string body = gzip(tar({document(1, 200'000), document(2, 200'000)}));
    REQUIRE(reader->feed(std::string_view(body).substr(0, body.size() - 1000)));
    CHECK_FALSE(reader->is_too_large());
  }
  CHECK(scene.pieces() == 0);
}

TEST_CASE("a batch whose documents nobody takes any more ends") {
  Scene scene;
  scene.inbox.close();
  const auto reader = scene.reader(Call::FetchBatch);

  const auto fed = reader->feed(gzip(tar({document(1, kDocumentBytesAtOnce), document(2, 10)})));
  const auto end = fed ? reader->finish() : fed;

  CHECK(why(end) == "the daemon stops");
  CHECK_FALSE(reader->is_too_large());
}

TEST_CASE("each call has its own limit for its answer") {
  AnswerLimits limits;
  limits.max_listing_bytes = std::size_t{1} << 30U;
  limits.archive.max_unpacked_bytes = std::size_t{1} << 31U;
  const auto limit_of = [&limits](Call call) {
    sync::SendRequest request;
    request.call = call;
    return rest_call(request, limits).max_answer_bytes;
  };

  for (const Call call : {Call::Deployments, Call::Keys, Call::Plans, Call::Secrets, Call::Subscriptions}) {
    CHECK(limit_of(call) == limits.max_listing_bytes);
  }
  CHECK(limit_of(Call::FetchBatch) == limits.archive.max_packed_bytes());
  CHECK(limit_of(Call::FetchBatch) > limits.archive.max_unpacked_bytes);
  for (const Call call : {Call::Manifest, Call::Exists, Call::SecretValue, Call::HmacSecrets}) {
    CHECK(limit_of(call) == protocol::kMaxAnswerBytes);
  }
}

}  // namespace tether::daemon
