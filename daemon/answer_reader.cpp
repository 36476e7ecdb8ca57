#include "answer_reader.h"

#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "chunk_pipe.h"
#include "tether/protocol/document.h"
#include "tether/protocol/rest.h"

namespace tether::daemon {
namespace {

using sync::Call;

/// Listings: elements of an array become rows, rows go over in pieces.
template <class Row>
class ListingReader : public AnswerReader {
 public:
  using Parse = Result<Row> (*)(std::string_view);
  using HandOver = void (sync::Engine::*)(sync::Records&, std::uint64_t, const std::vector<Row>&, sync::Now);

  ListingReader(std::uint64_t request, std::string member, Parse parse, HandOver hand_over, sync::Engine& engine,
                Inbox& inbox, std::size_t max_bytes)
      : request_(request),
        parse_(parse),
        hand_over_(hand_over),
        engine_(engine),
        inbox_(inbox),
        scanner_(
            std::move(member), [this](std::string_view element) { return on_element(element); }, max_bytes) {}

  Result<Done> feed(std::string_view chunk) override { return scanner_.feed(chunk); }

  Result<Done> finish() override {
    if (auto whole = scanner_.finish(); !whole) return whole;
    return flush();
  }

  std::size_t rows_rejected() const override { return rejected_; }

 private:
  Result<Done> on_element(std::string_view element) {
    auto row = parse_(element);
    if (row) {
      rows_.push_back(std::move(*row));
    } else {
      ++rejected_;
    }
    return rows_.size() < kRowsAtOnce ? Result<Done>(Done{}) : flush();
  }

  Result<Done> flush() {
    if (rows_.empty()) return Done{};
    auto rows = std::make_shared<const std::vector<Row>>(std::exchange(rows_, {}));  // shared with the inbox alone
    const bool taken = inbox_.post_piece(
        {[this_engine = &engine_, hand_over = hand_over_, request = request_, rows](
             sync::Records& records, sync::Now now) { (this_engine->*hand_over)(records, request, *rows, now); },
         nullptr});
    if (!taken) return fail(ErrorKind::Retry, "the daemon stops");
    return Done{};
  }

  std::uint64_t request_;
  Parse parse_;
  HandOver hand_over_;
  sync::Engine& engine_;
  Inbox& inbox_;
  protocol::ArrayScanner scanner_;
  std::vector<Row> rows_;
  std::size_t rejected_ = 0;
};

/// Answers that are small and read whole.
class WholeReader : public AnswerReader {
 public:
  using Take = std::function<Result<Input>(std::string_view body)>;
  WholeReader(Inbox& inbox, Take take) : inbox_(inbox), take_(std::move(take)) {}

  Result<Done> feed(std::string_view chunk) override {
    if (body_.size() + chunk.size() > protocol::kMaxAnswerBytes) {
      return fail(ErrorKind::Reject,
                  "the answer is larger than " + std::to_string(protocol::kMaxAnswerBytes >> 20U) + " MiB");
    }
    body_ += chunk;
    return Done{};
  }

  Result<Done> finish() override {
    if (!take_) return Done{};
    auto input = take_(body_);
    if (!input) return tl::unexpected(input.error());
    if (!inbox_.post_piece(std::move(*input))) return fail(ErrorKind::Retry, "the daemon stops");
    return Done{};
  }

 private:
  Inbox& inbox_;
  Take take_;
  std::string body_;
};

/// A batch of documents, unpacked as it arrives by a thread of its own: libarchive asks for its input, and an answer
/// comes unasked. One document is in memory at a time, and what waits to be handed over.
class BatchReader : public AnswerReader {
 public:
  BatchReader(std::uint64_t request, sync::Engine& engine, Inbox& inbox, const protocol::ArchiveLimits& limits)
      : request_(request), engine_(engine), inbox_(inbox), limits_(limits) {
    try {
      unpacker_ = std::thread([this] { unpack(); });
    } catch (const std::system_error& error) {
      summary_ = fail(ErrorKind::Retry, std::string("no thread to unpack it: ") + error.what());
      pipe_.leave();
    }
  }
  ~BatchReader() override { join(/*whole=*/false); }
  BatchReader(const BatchReader&) = delete;
  BatchReader& operator=(const BatchReader&) = delete;

  Result<Done> feed(std::string_view chunk) override {
    if (chunk.empty() || pipe_.give(chunk)) return Done{};
    join(/*whole=*/false);
    // The archive may be at its end before the body is.
    if (summary_) return Done{};
    return tl::unexpected(summary_.error());
  }

  Result<Done> finish() override {
    join(/*whole=*/true);
    // What arrived whole is used even if the rest is damaged.
    if (auto flushed = flush(); !flushed) return flushed;
    if (!summary_) return tl::unexpected(summary_.error());
    return Done{};
  }

  bool is_too_large() override {
    join(/*whole=*/false);
    return !summary_ && summary_.error().kind == ErrorKind::Reject;
  }

 private:
  void unpack() {
    summary_ = protocol::unpack([this] { return pipe_.take(); },
                                [this](protocol::ArchiveEntry entry) { return on_entry(std::move(entry)); }, limits_);
    pipe_.leave();
  }

  void join(bool whole) {
    pipe_.end(whole);
    if (unpacker_.joinable()) unpacker_.join();
  }

  Result<Done> on_entry(protocol::ArchiveEntry entry) {
    sync::Document document;
    document.deployment_id = std::move(entry.deployment_id);
    document.artifact_id = std::move(entry.artifact_id);
    if (entry.document.empty()) {
      document.unusable = "the document is empty or larger than limits.max_document_bytes";
    } else if (!protocol::is_utf8(entry.document)) {
      document.unusable = "the document is not UTF-8";
    } else if (auto facts = protocol::read_document(entry.document)) {
      document.handle = std::move(facts->handle);
      document.providers = std::move(facts->providers);
      document.secrets = std::move(facts->secrets);
    } else {
      // A line needs a handle, and what it refers to goes before it: what cannot be read is not passed on.
      document.unusable = facts.error().message;
    }
    document.text = std::move(entry.document);
    bytes_ += document.text.size();
    documents_.push_back(std::move(document));
    if (documents_.size() < kDocumentsAtOnce && bytes_ < kDocumentBytesAtOnce) return Done{};
    return flush();
  }

  Result<Done> flush() {
    if (documents_.empty()) return Done{};
    bytes_ = 0;
    auto documents = std::make_shared<const std::vector<sync::Document>>(std::exchange(documents_, {}));
    const bool taken =
        inbox_.post_piece({[engine = &engine_, request = request_, documents](sync::Records& records, sync::Now now) {
                             engine->on_documents(records, request, *documents, now);
                           },
                           nullptr});
    if (!taken) return fail(ErrorKind::Retry, "the daemon stops");
    return Done{};
  }

  std::uint64_t request_;
  sync::Engine& engine_;
  Inbox& inbox_;
  protocol::ArchiveLimits limits_;
  ChunkPipe pipe_;
  // The unpacker's alone, if there is one, until it is joined.
  std::vector<sync::Document> documents_;
  std::size_t bytes_ = 0;
  Result<protocol::ArchiveSummary> summary_ = protocol::ArchiveSummary{};
  std::thread unpacker_;
};

WholeReader::Take take_existences(std::uint64_t request, sync::Engine& engine) {
  return [request, &engine](std::string_view body) -> Result<Input> {
    auto answers = protocol::parse_exists(body);
    if (!answers) return tl::unexpected(answers.error());
    return Input{[request, &engine, rows = std::move(*answers)](sync::Records& records, sync::Now now) {
                   engine.on_existences(records, request, rows, now);
                 },
                 nullptr};
  };
}

WholeReader::Take take_secret_value(std::uint64_t request, sync::Engine& engine) {
  return [request, &engine](std::string_view body) -> Result<Input> {
    auto value = protocol::parse_secret_value(body);
    if (!value) return tl::unexpected(value.error());
    return Input{[request, &engine, text = std::move(*value)](sync::Records& records, sync::Now now) {
                   engine.on_secret_value(records, request, text, now);
                 },
                 nullptr};
  };
}

WholeReader::Take take_hmac_secrets(std::uint64_t request, sync::Engine& engine) {
  return [request, &engine](std::string_view body) -> Result<Input> {
    auto secrets = protocol::parse_hmac_secrets(body);
    if (!secrets) return tl::unexpected(secrets.error());
    return Input{[request, &engine, rows = std::move(*secrets)](sync::Records& records, sync::Now now) {
                   engine.on_resource_rows(records, request, rows, now);
                 },
                 nullptr};
  };
}

}  // namespace

std::unique_ptr<AnswerReader> make_answer_reader(const sync::SendRequest& request, sync::Engine& engine, Inbox& inbox,
                                                 const AnswerLimits& limits) {
  using Resources = ListingReader<protocol::ResourceState>;
  const auto resources = [&](std::string member, Resources::Parse parse) {
    return std::make_unique<Resources>(request.number, std::move(member), parse, &sync::Engine::on_resource_rows,
                                       engine, inbox, limits.max_listing_bytes);
  };
  switch (request.call) {
    case Call::Deployments:
      return std::make_unique<ListingReader<protocol::DeploymentRow>>(
          request.number, "deployments", &protocol::parse_deployment_row, &sync::Engine::on_deployment_rows, engine,
          inbox, limits.max_listing_bytes);
    case Call::Keys:
      return resources("", &protocol::parse_key_row);
    case Call::Plans:
      return resources("", &protocol::parse_plan_row);
    case Call::Subscriptions:
      return resources("", &protocol::parse_subscription_row);
    case Call::Secrets:
      return resources("list", &protocol::parse_secret_row);
    case Call::HmacSecrets:
      return std::make_unique<WholeReader>(inbox, take_hmac_secrets(request.number, engine));
    case Call::FetchBatch:
      return std::make_unique<BatchReader>(request.number, engine, inbox, limits.archive);
    case Call::Exists:
      return std::make_unique<WholeReader>(inbox, take_existences(request.number, engine));
    case Call::SecretValue:
      return std::make_unique<WholeReader>(inbox, take_secret_value(request.number, engine));
    case Call::Manifest:
      break;
  }
  return std::make_unique<WholeReader>(inbox, nullptr);
}

std::size_t max_answer_bytes(sync::Call call, const AnswerLimits& limits) {
  switch (call) {
    case Call::Deployments:
    case Call::Keys:
    case Call::Plans:
    case Call::Subscriptions:
    case Call::Secrets:
      return limits.max_listing_bytes;
    case Call::FetchBatch:
      return limits.archive.max_packed_bytes();
    case Call::HmacSecrets:
    case Call::Exists:
    case Call::SecretValue:
    case Call::Manifest:
      break;
  }
  return protocol::kMaxAnswerBytes;
}

http::RestCall rest_call(const sync::SendRequest& request, const AnswerLimits& limits) {
  http::RestCall call;
  call.method = request.method;
  call.path = request.path;
  call.body = request.body;
  call.max_answer_bytes = max_answer_bytes(request.call, limits);
  if (!request.body.empty()) call.content_type = "application/json";
  if (request.call == Call::FetchBatch) call.accept = "application/x-tar+gzip";
  return call;
}

}  // namespace tether::daemon
