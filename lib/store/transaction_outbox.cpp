#include "tether/store/transaction.h"

namespace tether::store {

void Transaction::put_ack(const sync::OutboxRow& row) {
  // The new row gets a new number: it is the youngest, whatever it replaces.
  db_.execute(
      "INSERT OR REPLACE INTO outbox (identity, artifact_id, kind, deployment_id, deploy, success, at_text, at_ns, "
      "sent_token) VALUES (?,?,?,?,?,?,?,?,?)",
      identity_, row.artifact_id, row.kind, row.deployment_id, row.deploy, row.success, row.at_text, row.at.ns,
      row.sent_token);
}

void Transaction::drop_ack(std::string_view artifact_id) {
  db_.execute("DELETE FROM outbox WHERE identity = ? AND artifact_id = ?", identity_, artifact_id);
}

std::vector<sync::OutboxRow> Transaction::unsent_acks(std::size_t limit) {
  auto rows = db_.query(
      "SELECT artifact_id, kind, deployment_id, deploy, success, at_text, at_ns FROM outbox INDEXED BY outbox_unsent "
      "WHERE identity = ? AND sent_token = 0 ORDER BY number LIMIT ?",
      identity_, limit);
  std::vector<sync::OutboxRow> acks;
  while (rows.next()) {
    acks.push_back({rows.text(0), rows.text(1), rows.text(2), rows.flag(3), rows.flag(4), rows.text(5),
                    Instant{rows.integer(6)}, /*sent_token=*/0});
  }
  return acks;
}

void Transaction::mark_sent(std::string_view artifact_id, std::int64_t token) {
  db_.execute("UPDATE outbox SET sent_token = ? WHERE identity = ? AND artifact_id = ?", token, identity_, artifact_id);
}

void Transaction::drop_acks_sent_up_to(std::int64_t token) {
  db_.execute("DELETE FROM outbox INDEXED BY outbox_sent WHERE identity = ? AND sent_token > 0 AND sent_token <= ?",
              identity_, token);
}

void Transaction::reset_sent() {
  db_.execute("UPDATE outbox INDEXED BY outbox_sent SET sent_token = 0 WHERE identity = ? AND sent_token > 0",
              identity_);
}

}  // namespace tether::store
