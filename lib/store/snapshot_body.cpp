#include "tether/store/snapshot_body.h"

#include <algorithm>
#include <optional>

#include "tether/base/time.h"
#include "tether/protocol/gateway.h"
#include "tether/store/transaction.h"

namespace tether::store {
namespace {

// Keys alone are sorted, and each document is read when its line is due: a sort would carry them all.
constexpr std::string_view kAll =
    "SELECT kind, id, artifact, body, at_ms FROM offers INDEXED BY offers_by_rank WHERE identity = ? AND present = 1 "
    "AND "
    "lost = 0 ORDER BY rank, kind, id";
// Of two lower bounds SQLite enters the index by the one that stands first; the other one makes the index fit.
constexpr std::string_view kRemovals =
    "SELECT kind, id FROM offers INDEXED BY offers_by_revision WHERE identity = ? AND revision > ? AND revision > 0 "
    "AND revision <= ? AND "
    "present = 0 ORDER BY rank DESC, kind DESC, id DESC";
constexpr std::string_view kPuts =
    "SELECT kind, id, artifact, body, at_ms FROM offers INDEXED BY offers_by_revision WHERE identity = ? AND revision "
    "> ? AND revision > 0 AND "
    "revision <= ? AND present = 1 AND lost = 0 ORDER BY rank, kind, id";
constexpr std::string_view kDocument =
    "SELECT handle, key_id, document FROM bodies WHERE identity = ? AND owner_kind = ? AND owner_id = ? AND key = ?";

class SnapshotBody final : public PushBody {
 public:
  SnapshotBody(std::shared_ptr<ReaderPool> pool, std::unique_ptr<Connection> connection, const PushRange& range)
      : pool_(std::move(pool)), connection_(std::move(connection)), range_(range) {
    transaction_.emplace(*connection_, "BEGIN");
    auto& db = *connection_;
    identity_ = serving_identity(db);  // the first read: from here on nothing changes under us
    revision_ = db.number("SELECT revision FROM identities WHERE identity = ?", identity_);
    epoch_ = present_epoch(db);
    if (range_.full) {
      count_ = db.number(
          "SELECT (SELECT count(*) FROM offers INDEXED BY offers_by_rank WHERE identity = ?1 AND present = 1) - "
          "(SELECT count(*) FROM offers INDEXED BY offers_lost WHERE identity = ?1 AND lost = 1)",
          identity_);
      rows_.emplace(db.query(kAll, identity_));
      return;
    }
    revision_ = std::min(revision_, range_.up_to);
    count_ = db.number(
        "SELECT (SELECT count(*) FROM offers INDEXED BY offers_by_revision WHERE identity = ?1 AND revision > ?2 AND "
        "revision > 0 AND revision <= ?3) - (SELECT count(*) FROM offers INDEXED BY offers_lost WHERE identity = ?1 "
        "AND lost = 1 AND revision > ?2 AND revision <= ?3)",
        identity_, range_.after, range_.up_to);
    is_removing_ = true;
    rows_.emplace(db.query(kRemovals, identity_, range_.after, range_.up_to));
  }

  ~SnapshotBody() override {
    rows_.reset();
    transaction_.reset();
    pool_->give_back(std::move(connection_));
  }

  Result<Done> outcome() const { return connection_->outcome("store: read a push"); }
  const std::string& epoch() const override { return epoch_; }
  std::int64_t revision() const override { return revision_; }
  std::int64_t count() const override { return count_; }

  const sync::Key& key() const override { return key_; }
  std::string_view content() const override { return content_; }

  Result<std::optional<std::string_view>> next() override {
    bool found = rows_ && rows_->next();
    if (!found && is_removing_) {
      is_removing_ = false;
      rows_.reset();
      rows_.emplace(connection_->query(kPuts, identity_, range_.after, range_.up_to));
      found = rows_->next();
    }
    if (!found) rows_.reset();  // a finished statement would begin again
    if (found) write_line();
    if (auto good = outcome(); !good) return tl::unexpected<Error>(good.error());
    if (!found) return std::optional<std::string_view>();
    return std::optional<std::string_view>(line_);
  }

 private:
  void write_line() {
    key_ = {rows_->text(0), rows_->text(1)};
    content_.clear();
    if (is_removing_) {
      line_ = protocol::write_delete_line(rows_->view(0), rows_->view(1));
      return;
    }
    protocol::ResourceLine line;
    line.kind = key_.kind;
    line.id = key_.id;
    line.artifact = rows_->flag(2);
    auto body = connection_->query(kDocument, identity_, rows_->view(0), rows_->view(1), rows_->view(3));
    if (!body.next()) {
      connection_->set_error({ErrorKind::Corrupt, line.kind + " " + line.id + " is offered without a document"});
      return;
    }
    std::string& content = line.artifact ? line.document : line.data;
    if (!connection_->bodies().open(key_.kind, key_.id, rows_->view(3), body.integer(1), body.view(2), content)) {
      connection_->set_error(damaged_body(key_));
      return;
    }
    if (line.artifact) {
      line.handle = body.text(0);
      line.deployment_id = rows_->text(3);
      line.deployed_at = format_rfc3339_ms(from_ms(rows_->integer(4)));
    }
    line_ = protocol::write_resource_line(line, /*patch=*/!range_.full);
    content_ = std::move(content);
  }

  std::shared_ptr<ReaderPool> pool_;  ///< With the Store, which may go first.
  std::unique_ptr<Connection> connection_;
  PushRange range_;
  std::optional<OpenTransaction> transaction_;
  std::optional<Cursor> rows_;
  std::int64_t identity_ = 0;
  std::string epoch_;
  std::int64_t revision_ = 0;
  std::int64_t count_ = 0;
  bool is_removing_ = false;
  std::string line_;
  std::string content_;  ///< Of that line.
  sync::Key key_;
};

}  // namespace

Result<std::unique_ptr<PushBody>> open_push_body(std::shared_ptr<ReaderPool> pool, const PushRange& range) {
  auto connection = pool->take();
  if (!connection) return wrap("store", connection.error());
  auto body = std::make_unique<SnapshotBody>(std::move(pool), std::move(*connection), range);
  if (auto good = body->outcome(); !good) return tl::unexpected<Error>(good.error());
  return body;
}

}  // namespace tether::store
