#include "answer_reading.h"

#include <utility>

#include "tether/peers/archives.h"
#include "tether/protocol/archive.h"
#include "tether/protocol/archive_name.h"
#include "tether/protocol/document.h"
#include "tether/protocol/rest.h"

namespace tether::sim {
namespace {

using Give = std::function<void(Daemon::Input)>;
constexpr std::size_t kRowsAtOnce = 20;

/// Whether the body was whole. Rows that cannot be read are counted.
template <class Row, class Parse, class HandOver>
bool read_rows(const sync::SendRequest& request, const std::string& body, const char* member, Parse parse,
               HandOver hand_over, std::size_t& rejected, const Give& give) {
  std::vector<Row> rows;
  const auto flush = [&] {
    if (rows.empty()) return;
    give([number = request.number, hand_over, rows = std::exchange(rows, {})](sync::Engine& engine,
                                                                              sync::Records& records, sync::Now now) {
      (engine.*hand_over)(records, number, rows, now);
    });
  };
  protocol::ArrayScanner scanner(member, [&](std::string_view element) -> Result<Done> {
    auto row = parse(element);
    if (row) {
      rows.push_back(std::move(*row));
    } else {
      ++rejected;
    }
    if (rows.size() >= kRowsAtOnce) flush();
    return Done{};
  });
  if (!scanner.feed(body) || !scanner.finish()) return false;
  flush();
  return true;
}

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

/// What arrived whole is used, whatever became of the rest.
bool read_batch(const sync::SendRequest& request, const Answer& answer, bool packed, const Give& give) {
  std::vector<sync::Document> documents;
  bool whole = answer.whole;
  if (packed) {
    std::vector<peers::ArchiveEntry> entries;
    for (const auto& [path, text] : *answer.entries) entries.push_back({path, text});
    std::string bytes = peers::tar_gz(entries);
    if (!whole) bytes.resize(bytes.size() * 2 / 3);
    std::string_view rest = bytes;
    whole = protocol::unpack([&rest]() -> Result<std::string_view> { return std::exchange(rest, {}); },
                             [&documents](protocol::ArchiveEntry entry) -> Result<Done> {
                               documents.push_back(document_of(std::move(entry)));
                               return Done{};
                             })
                .has_value();
  } else {
    const std::size_t count = whole ? answer.entries->size() : answer.entries->size() / 2;
    for (std::size_t i = 0; i < count; ++i) {
      const auto& [path, text] = (*answer.entries)[i];
      const auto name = protocol::parse_archive_name(path);
      if (name) documents.push_back(document_of({name->deployment_id, name->artifact_id, text}));
    }
  }
  if (!documents.empty()) {
    give([number = request.number, documents](sync::Engine& engine, sync::Records& records, sync::Now now) {
      engine.on_documents(records, number, documents, now);
    });
  }
  return whole;
}

bool read_body(const sync::SendRequest& request, const Answer& answer, bool packed, std::size_t& rejected,
               const Give& give) {
  using protocol::ResourceState;
  std::string body = answer.body;
  if (!answer.whole) body.resize(body.size() * 2 / 3);
  const auto resources = [&](const char* member, auto parse) {
    return read_rows<ResourceState>(request, body, member, parse, &sync::Engine::on_resource_rows, rejected, give);
  };
  switch (request.call) {
    case sync::Call::Deployments:
      return read_rows<protocol::DeploymentRow>(request, body, "deployments", &protocol::parse_deployment_row,
                                                &sync::Engine::on_deployment_rows, rejected, give);
    case sync::Call::Keys:
      return resources("", &protocol::parse_key_row);
    case sync::Call::Plans:
      return resources("", &protocol::parse_plan_row);
    case sync::Call::Subscriptions:
      return resources("", &protocol::parse_subscription_row);
    case sync::Call::Secrets:
      return resources("list", &protocol::parse_secret_row);
    case sync::Call::FetchBatch:
      return read_batch(request, answer, packed, give);
    case sync::Call::Exists: {
      auto rows = protocol::parse_exists(body);
      if (!rows) return false;
      give([number = request.number, rows = std::move(*rows)](sync::Engine& engine, sync::Records& records,
                                                              sync::Now now) {
        engine.on_existences(records, number, rows, now);
      });
      return true;
    }
    case sync::Call::SecretValue: {
      auto value = protocol::parse_secret_value(body);
      if (!value) return false;
      give([number = request.number, value = std::move(*value)](sync::Engine& engine, sync::Records& records,
                                                                sync::Now now) {
        engine.on_secret_value(records, number, value, now);
      });
      return true;
    }
    case sync::Call::HmacSecrets:
    case sync::Call::Manifest:
      break;
  }
  return answer.whole;
}

}  // namespace

sync::RequestOutcome read_answer(const sync::SendRequest& request, const Answer& answer, bool packed,
                                 const std::function<void(Daemon::Input)>& give) {
  sync::RequestOutcome outcome;
  outcome.status = answer.status;
  outcome.date = answer.date;
  outcome.retry_after = answer.retry_after;
  const bool success = answer.status >= 200 && answer.status < 300;
  if (success) outcome.complete = read_body(request, answer, packed, outcome.rows_rejected, give);
  give([number = request.number, outcome](sync::Engine& engine, sync::Records& records, sync::Now now) {
    engine.on_done(records, number, outcome, now);
  });
  return outcome;
}

}  // namespace tether::sim
