#include "tether/store/rows.h"
#include "tether/store/store.h"
#include "tether/store/transaction.h"

namespace tether::store {

std::optional<sync::Hold> Transaction::hold(std::string_view scope) {
  if (!is_left(Left::Hold)) return std::nullopt;
  auto row = db_.query("SELECT " + kHoldColumns + " FROM holds WHERE identity = ? AND scope = ?", identity_, scope);
  if (!row.next()) return std::nullopt;
  return read_hold(row);
}

void Transaction::put_hold(const sync::Hold& hold) {
  db_.execute("INSERT OR REPLACE INTO holds (identity, " + kHoldColumns + ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
              identity_, hold.scope, hold.since.ns, hold.would_go, hold.in_service, hold.began, hold.noted,
              hold.held_ms, hold.judged_link, hold.judged_ms, hold.keeps_some, static_cast<int>(hold.release),
              hold.release_link, hold.release_change);
  note_holds_changed();
}

void Transaction::drop_hold(std::string_view scope) {
  if (!is_left(Left::Hold) && !is_left(Left::HeldResource)) return;
  db_.execute("DELETE FROM holds WHERE identity = ? AND scope = ?", identity_, scope);
  db_.execute("DELETE FROM held_resources WHERE identity = ? AND scope = ?", identity_, scope);
  note_holds_changed();
}

/// What one held, another may not.
void Transaction::note_holds_changed() {
  for (const Left what :
       {Left::Hold, Left::UnreleasedHold, Left::HoldOfArtifacts, Left::HeldResource, Left::UnheldResource}) {
    here_->left[what].reset();
  }
}

void Transaction::put_pending(const sync::Pending& pending) {
  const bool is_doubt = pending.doubt_change != 0;
  const bool is_deployment = pending.type.ends_with(".deployed") || pending.type.ends_with(".undeployed");
  // A row for what the gateway owes and one for what a listing owes: each ends for its own reason.
  db_.execute(
      "INSERT INTO pending (identity, type, kind, id, doubt, deployment, first_ns, last_ns, doubt_change) "
      "VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET first_ns = min(first_ns, excluded.first_ns), "
      "last_ns = max(last_ns, excluded.last_ns), doubt_change = max(doubt_change, excluded.doubt_change)",
      identity_, pending.type, pending.resource.kind, pending.resource.id, is_doubt, is_deployment, pending.first.ns,
      pending.last.ns, pending.doubt_change);
  here_->left.note_written(Left::Doubt, is_doubt);
  put_seen(pending.type, pending.last);
}

void Transaction::put_seen(std::string_view type, Instant at) {
  db_.execute(
      "INSERT INTO event_types (identity, type, seen_ns) VALUES (?,?,?) "
      "ON CONFLICT DO UPDATE SET seen_ns = excluded.seen_ns WHERE excluded.seen_ns > seen_ns",
      identity_, type, at.ns);
}

void Transaction::clear_pending(const sync::Key& resource) {
  db_.execute("DELETE FROM pending WHERE identity = ? AND kind = ? AND id = ? AND doubt = 0", identity_, resource.kind,
              resource.id);
}

bool Transaction::is_pending(std::string_view type, const sync::Key& resource) {
  return db_.number(
             "SELECT EXISTS (SELECT 1 FROM pending WHERE identity = ? AND type = ? AND kind = ? AND id = ? AND "
             "doubt = 0)",
             identity_, type, resource.kind, resource.id) != 0;
}

void Transaction::clear_doubts(std::int64_t asked_change) {
  if (!is_left(Left::Doubt)) return;
  db_.execute(
      "DELETE FROM pending INDEXED BY pending_doubts WHERE identity = ? AND doubt = 1 AND doubt_change <= ? AND NOT "
      "EXISTS (SELECT 1 FROM artifacts a WHERE a.identity = pending.identity AND a.id = pending.id AND a.wanted = 2 "
      "AND a.question <> 0)",
      identity_, asked_change);
  here_->left.note_written(Left::Doubt, /*may_be_one=*/false);
}

bool Transaction::clear_doubts_about(const sync::Key& artifact, std::int64_t asked_change) {
  if (!is_left(Left::Doubt)) return false;
  db_.execute("DELETE FROM pending WHERE identity = ? AND kind = ? AND id = ? AND doubt = 1 AND doubt_change <= ?",
              identity_, artifact.kind, artifact.id, asked_change);
  here_->left.note_written(Left::Doubt, /*may_be_one=*/false);
  return db_.number("SELECT EXISTS (SELECT 1 FROM pending WHERE identity = ? AND kind = ? AND id = ? AND doubt = 1)",
                    identity_, artifact.kind, artifact.id) != 0;
}

bool Transaction::is_stopped_since(const sync::Key& artifact, std::int64_t change, Instant at) {
  if (!is_left(Left::Doubt)) return false;
  return db_.number(
             "SELECT EXISTS (SELECT 1 FROM pending WHERE identity = ? AND kind = ? AND id = ? AND doubt = 1 AND "
             "doubt_change > ? AND last_ns > ? AND type NOT LIKE '%.deployed')",
             identity_, artifact.kind, artifact.id, change, at.ns) != 0;
}

void Transaction::renew_doubts_about(const sync::Key& artifact, std::int64_t change) {
  if (!is_left(Left::Doubt)) return;
  db_.execute("UPDATE pending SET doubt_change = ? WHERE identity = ? AND kind = ? AND id = ? AND doubt = 1", change,
              identity_, artifact.kind, artifact.id);
}

Instant Transaction::earliest_pending_deployment() {
  return {db_.number(
      "SELECT min(first_ns) FROM pending INDEXED BY pending_deployments WHERE identity = ? AND deployment = 1",
      identity_)};
}

std::vector<std::pair<std::string, Instant>> event_timestamps_of(Connection& connection, std::int64_t identity) {
  auto rows = connection.query(
      "SELECT t.type, min(t.seen_ns, coalesce((SELECT min(first_ns) - 1000000 FROM pending p WHERE "
      "p.identity = t.identity AND p.type = t.type), t.seen_ns)) FROM event_types t WHERE t.identity = ? "
      "ORDER BY t.type",
      identity);
  std::vector<std::pair<std::string, Instant>> timestamps;
  while (rows.next()) timestamps.emplace_back(rows.text(0), Instant{rows.integer(1)});
  return timestamps;
}

std::vector<std::pair<std::string, Instant>> Transaction::event_timestamps() {
  return event_timestamps_of(db_, identity_);
}

bool Transaction::remember(std::string_view correlation_id, Instant wall, Instant expire_before) {
  // The inputs of one transaction mostly have one time.
  if (expired_before_ != expire_before) {
    db_.execute("DELETE FROM correlations WHERE identity = ? AND at_ns < ?", identity_, expire_before.ns);
    expired_before_ = expire_before;
  }
  db_.execute("INSERT OR IGNORE INTO correlations (identity, correlation_id, at_ns) VALUES (?,?,?)", identity_,
              correlation_id, wall.ns);
  const bool is_new = !db_.error() && db_.changed_rows() > 0;
  if (is_new && db_.last_row() > kMaxCorrelations) {
    db_.execute("DELETE FROM correlations WHERE number <= ?", db_.last_row() - kMaxCorrelations);
  }
  return is_new;
}

void Transaction::forget_remembered() {
  db_.execute("DELETE FROM correlations");
}

}  // namespace tether::store
