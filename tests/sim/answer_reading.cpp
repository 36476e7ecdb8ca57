#include "answer_reading.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "tether/peers/archives.h"
#include "tether/protocol/archive.h"
#include "tether/protocol/archive_name.h"
#include "tether/protocol/document.h"
#include "tether/protocol/rest.h"

namespace tether::sim {
namespace {

constexpr std::size_t kRowsAtOnce = 20;
/// So much of a body comes that is cut short, in percent.
constexpr int kCutShort = 66;

sync::Document document_of(protocol::ArchiveEntry entry) {
  sync::Document document;
  document.deployment_id = std::move(entry.deployment_id);
  document.artifact_id = std::move(entry.artifact_id);
  if (auto facts = protocol::read_document(entry.document)) {
    document.handle = std::move(facts->handle);
    document.providers = std::move(facts->providers);
    document.secrets = std::move(facts->secrets);
  }
  document.text = std::move(entry.document);
  return document;
}

std::string packed_body(const Answer& answer) {
  std::vector<peers::ArchiveEntry> entries;
  for (const auto& [path, text] : *answer.entries) entries.push_back({path, text});
  return peers::tar_gz(entries);
}

}  // namespace

AnswerReading::AnswerReading(sync::SendRequest request, Answer answer, bool packed, Give give)
    : request_(std::move(request)), answer_(std::move(answer)), packed_(packed), give_(std::move(give)) {
  using protocol::ResourceState;
  const auto resources = [this](const char* member, auto parse) {
    read_rows<ResourceState>(member, parse, &sync::Engine::on_resource_rows);
  };
  switch (request_.call) {
    case sync::Call::Deployments:
      read_rows<protocol::DeploymentRow>("deployments", &protocol::parse_deployment_row,
                                         &sync::Engine::on_deployment_rows);
      break;
    case sync::Call::Keys:
      resources("", &protocol::parse_key_row);
      break;
    case sync::Call::Plans:
      resources("", &protocol::parse_plan_row);
      break;
    case sync::Call::Subscriptions:
      resources("", &protocol::parse_subscription_row);
      break;
    case sync::Call::Secrets:
      resources("list", &protocol::parse_secret_row);
      break;
    case sync::Call::FetchBatch:
      if (packed_ && answer_.entries) body_ = packed_body(answer_);
      break;
    default:
      break;
  }
}

/// Rows that cannot be read are counted.
template <class Row, class Parse, class HandOver>
void AnswerReading::read_rows(const char* member, Parse parse, HandOver hand_over) {
  body_ = answer_.body;
  const auto rows = std::make_shared<std::vector<Row>>();
  flush_ = [this, rows, hand_over] {
    if (rows->empty()) return;
    give_([number = request_.number, hand_over, given = std::exchange(*rows, {})](
              sync::Engine& engine, sync::Records& records, sync::Now now) {
      (engine.*hand_over)(records, number, given, now);
    });
  };
  scanner_ =
      std::make_unique<protocol::ArrayScanner>(member, [this, rows, parse](std::string_view element) -> Result<Done> {
        auto row = parse(element);
        if (row) {
          rows->push_back(std::move(*row));
        } else {
          ++rejected_;
        }
        if (rows->size() >= kRowsAtOnce) flush_();
        return Done{};
      });
}

/// What arrived whole is used, whatever becomes of the rest.
bool AnswerReading::read_batch(int percent) {
  std::vector<sync::Document> documents;
  bool whole = percent == 100;
  if (packed_) {
    std::string_view rest = std::string_view(body_).substr(0, body_.size() * static_cast<std::size_t>(percent) / 100);
    whole = protocol::unpack([&rest]() -> Result<std::string_view> { return std::exchange(rest, {}); },
                             [&documents](protocol::ArchiveEntry entry) -> Result<Done> {
                               documents.push_back(document_of(std::move(entry)));
                               return Done{};
                             })
                .has_value();
  } else {
    const std::size_t count = answer_.entries->size() * static_cast<std::size_t>(percent) / 100;
    for (std::size_t i = 0; i < count; ++i) {
      const auto& [path, text] = (*answer_.entries)[i];
      const auto name = protocol::parse_archive_name(path);
      if (name) documents.push_back(document_of({name->deployment_id, name->artifact_id, text}));
    }
  }
  const std::size_t known = std::exchange(read_, std::max(read_, documents.size()));
  if (documents.size() <= known) return whole;
  documents.erase(documents.begin(), documents.begin() + static_cast<std::ptrdiff_t>(known));
  give_([number = request_.number, documents](sync::Engine& engine, sync::Records& records, sync::Now now) {
    engine.on_documents(records, number, documents, now);
  });
  return whole;
}

void AnswerReading::arrive(int percent) {
  if (answer_.status < 200 || answer_.status >= 300) return;
  if (request_.call == sync::Call::FetchBatch) {
    failed_ = !read_batch(percent);
  } else if (scanner_) {
    const std::size_t size = body_.size() * static_cast<std::size_t>(percent) / 100;
    failed_ = failed_ || !scanner_->feed(std::string_view(body_).substr(read_, size - read_));
    read_ = size;
    flush_();
  }
}

/// Of what is read as a whole.
bool AnswerReading::read_whole() {
  switch (request_.call) {
    case sync::Call::Exists: {
      auto rows = protocol::parse_exists(answer_.body);
      if (!rows) return false;
      give_([number = request_.number, rows = std::move(*rows)](sync::Engine& engine, sync::Records& records,
                                                                sync::Now now) {
        engine.on_existences(records, number, rows, now);
      });
      return true;
    }
    case sync::Call::SecretValue: {
      auto value = protocol::parse_secret_value(answer_.body);
      if (!value) return false;
      give_([number = request_.number, value = std::move(*value)](sync::Engine& engine, sync::Records& records,
                                                                  sync::Now now) {
        engine.on_secret_value(records, number, value, now);
      });
      return true;
    }
    case sync::Call::HmacSecrets: {
      auto rows = protocol::parse_hmac_secrets(answer_.body);
      if (!rows) return false;
      give_([number = request_.number, rows = std::move(*rows)](sync::Engine& engine, sync::Records& records,
                                                                sync::Now now) {
        engine.on_resource_rows(records, number, rows, now);
      });
      return true;
    }
    default:
      return true;
  }
}

sync::RequestOutcome AnswerReading::end() {
  sync::RequestOutcome outcome;
  outcome.status = answer_.status;
  outcome.date = answer_.date;
  outcome.retry_after = answer_.retry_after;
  const bool success = answer_.status >= 200 && answer_.status < 300;
  if (success) {
    arrive(answer_.whole ? 100 : kCutShort);
    outcome.complete = answer_.whole && !failed_ && (scanner_ ? scanner_->finish().has_value() : read_whole());
    outcome.rows_rejected = rejected_;
  }
  return tell(outcome);
}

sync::RequestOutcome AnswerReading::give_up() {
  sync::RequestOutcome outcome;
  outcome.rows_rejected = rejected_;
  return tell(outcome);
}

sync::RequestOutcome AnswerReading::tell(sync::RequestOutcome outcome) {
  give_([number = request_.number, outcome](sync::Engine& engine, sync::Records& records, sync::Now now) {
    engine.on_done(records, number, outcome, now);
  });
  return outcome;
}

}  // namespace tether::sim
