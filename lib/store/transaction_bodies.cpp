#include "tether/store/transaction.h"

namespace tether::store {

void Transaction::put_body(const sync::Body& body) {
  db_.execute(
      "INSERT INTO bodies (identity, owner_kind, owner_id, key, handle, document) VALUES (?,?,?,?,?,?) "
      "ON CONFLICT DO NOTHING",
      identity_, body.owner_kind, body.owner_id, body.key, body.handle, body.document);
  if (db_.error() || db_.changed_rows() == 0) return;  // immutable under its key
  std::int64_t position = 0;
  for (const auto& reference : body.references) {
    db_.execute(
        "INSERT INTO body_references (identity, owner_kind, owner_id, key, position, kind, name) "
        "VALUES (?,?,?,?,?,?,?)",
        identity_, body.owner_kind, body.owner_id, body.key, position++, reference.kind, reference.name);
  }
}

std::optional<sync::Body> Transaction::body(const sync::Key& owner, std::string_view key) {
  sync::Body body;
  {
    auto row = db_.query(
        "SELECT handle, document FROM bodies WHERE identity = ? AND owner_kind = ? AND owner_id = ? AND key = ?",
        identity_, owner.kind, owner.id, key);
    if (!row.next()) return std::nullopt;
    body.handle = row.text(0);
    body.document = row.text(1);
  }
  body.owner_kind = owner.kind;
  body.owner_id = owner.id;
  body.key = key;
  body.references = references(owner, key);
  if (db_.error()) return std::nullopt;
  return body;
}

std::vector<sync::Reference> Transaction::references(const sync::Key& owner, std::string_view key) {
  auto rows = db_.query(
      "SELECT kind, name FROM body_references WHERE identity = ? AND owner_kind = ? AND owner_id = ? AND key = ? "
      "ORDER BY position",
      identity_, owner.kind, owner.id, key);
  std::vector<sync::Reference> references;
  while (rows.next()) references.push_back({rows.text(0), rows.text(1)});
  return references;
}

void Transaction::drop_bodies_but(const sync::Key& owner, std::string_view key, const sync::Offering& offering) {
  // Their references go by the foreign key.
  db_.execute("DELETE FROM bodies WHERE identity = ? AND owner_kind = ? AND owner_id = ? AND key NOT IN (?, ?, ?, ?)",
              identity_, owner.kind, owner.id, key, offering.offered.body, offering.good.body, offering.sent.body);
}

}  // namespace tether::store
