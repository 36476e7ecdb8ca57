#include "tether/store/store.h"
#include "tether/store/transaction.h"

namespace tether::store {

std::int64_t serving_identity(Connection& connection) {
  return connection.number("SELECT identity FROM identities WHERE serving = 1");
}

Transaction::Transaction(Connection& connection, Known& known)
    : db_(connection),
      known_(known),
      change_(known.change ? *known.change : db_.number("SELECT value FROM counters WHERE name = 'change'")),
      stored_change_(change_) {
  known_.change = change_;
  bind(sync::Side::Served);
  if (identity_ == 0 || revision_ == 0) db_.set_error({ErrorKind::Corrupt, "the marks of the store are not there"});
}

void Transaction::create_scratch(Connection& connection) {
  connection.run_script(
      "CREATE TEMP TABLE listings (scope TEXT PRIMARY KEY) WITHOUT ROWID;"
      "CREATE TEMP TABLE seen (scope TEXT, id TEXT, taken_back INTEGER, PRIMARY KEY (scope, id)) WITHOUT ROWID;"
      "CREATE TEMP TABLE visiting (position INTEGER PRIMARY KEY, kind TEXT, id TEXT);");
}

void Transaction::finish() {
  if (change_ != stored_change_) {
    db_.execute("UPDATE counters SET value = ?2 WHERE name = ?1", "change", change_);
    known_.change = stored_change_ = change_;
  }
  write_revision();
}

void Transaction::write_revision() {
  if (revision_ == stored_revision_) return;
  db_.execute("UPDATE identities SET revision = ?2 WHERE identity = ?1", identity_, revision_);
  stored_revision_ = revision_;
  here_->revision = revision_;
}

sync::Marks Transaction::marks() {
  if (here_->marks) return *here_->marks;
  auto row = db_.query(
      "SELECT gateway_id, listed_to_ns, horizon_ns, links, answered_instance, answered_epoch, answered_revision, "
      "floor, address, moved, taking_over FROM identities WHERE identity = ?",
      identity_);
  if (!row.next()) return {};
  sync::Marks marks;
  marks.gateway_id = row.text(0);
  marks.listed_to = Instant{row.integer(1)};
  marks.horizon = Instant{row.integer(2)};
  marks.links = row.integer(3);
  marks.answered = {row.text(4), row.text(5), row.integer(6)};
  marks.floor = row.integer(7);
  marks.address = row.text(8);
  marks.moved = row.flag(9);
  marks.taking_over = row.flag(10);
  here_->marks = marks;
  return marks;
}

void Transaction::put_marks(const sync::Marks& marks) {
  db_.execute(
      "UPDATE identities SET gateway_id = ?2, listed_to_ns = ?3, horizon_ns = ?4, links = ?5, answered_instance = ?6, "
      "answered_epoch = ?7, answered_revision = ?8, floor = ?9, address = ?10, moved = ?11, taking_over = ?12 "
      "WHERE identity = ?1",
      identity_, marks.gateway_id, marks.listed_to.ns, marks.horizon.ns, marks.links, marks.answered.instance,
      marks.answered.epoch, marks.answered.revision, marks.floor, marks.address, marks.moved, marks.taking_over);
  here_->marks = marks;
}

void Transaction::begin_epoch(const std::string& epoch) {
  db_.execute("INSERT INTO epochs (identity, epoch, first_revision) VALUES (?, ?, ?)", identity_, epoch, revision_);
  db_.execute("DELETE FROM epochs WHERE number <= (SELECT max(number) FROM epochs) - ?", kMaxEpochs);
  known_.epoch = epoch;
}

std::string present_epoch(Connection& connection) {
  auto row = connection.query("SELECT epoch FROM epochs ORDER BY number DESC LIMIT 1");
  return row.next() ? row.text(0) : std::string();
}

std::string Transaction::epoch() {
  if (!known_.epoch) known_.epoch = present_epoch(db_);
  return *known_.epoch;
}

std::optional<std::int64_t> Transaction::last_revision_of(std::string_view epoch) {
  auto row = db_.query(
      "SELECT (SELECT first_revision FROM epochs later WHERE later.number > e.number ORDER BY number LIMIT 1) "
      "FROM epochs e WHERE epoch = ?",
      epoch);
  if (!row.next()) return std::nullopt;
  return row.is_null(0) ? revision_ : row.integer(0);
}

}  // namespace tether::store
