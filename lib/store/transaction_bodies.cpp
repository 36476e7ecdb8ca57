#include "tether/store/transaction.h"

namespace tether::store {

Error damaged_body(const sync::Key& owner) {
  return {ErrorKind::Corrupt, "what is stored of " + owner.kind + " " + owner.id + " was changed by somebody else"};
}

void Transaction::put_body(const sync::Body& body) {
  if (db_.error()) return;
  const sync::Key owner{body.owner_kind, body.owner_id};
  const bool is_here = has_body(owner, body.key);
  here_->artifacts.note_unnamed({}, owner.id, body.key);  // goes unless the next row names it
  here_->resources.note_unnamed(owner.kind, owner.id, body.key);
  if (is_here) return;  // immutable under its key
  const auto sealed = db_.bodies().seal(body.owner_kind, body.owner_id, body.key, body.document);
  if (!sealed) return db_.set_error(sealed.error());
  // One that cannot be read is no body: it is replaced.
  db_.execute(
      "INSERT OR REPLACE INTO bodies (identity, owner_kind, owner_id, key, handle, key_id, document) VALUES "
      "(?,?,?,?,?,?,?)",
      identity_, owner.kind, owner.id, body.key, body.handle, sealed->key_id, sealed->bytes);
  if (db_.error()) return;
  std::int64_t position = 0;
  for (const auto& reference : body.references) {
    db_.execute(
        "INSERT INTO body_references (identity, owner_kind, owner_id, key, position, kind, name) "
        "VALUES (?,?,?,?,?,?,?)",
        identity_, body.owner_kind, body.owner_id, body.key, position++, reference.kind, reference.name);
  }
}

bool Transaction::has_body(const sync::Key& owner, std::string_view key) {
  if (db_.error()) return false;
  const auto* known = here_->artifacts.find({}, owner.id);
  const bool was_put = known != nullptr && known->unnamed == key && known->row && known->row->kind == owner.kind;
  if (was_put && !key.empty()) return true;
  return db_.number(
             "SELECT EXISTS (SELECT 1 FROM bodies WHERE identity = ? AND owner_kind = ? AND owner_id = ? AND key = ? "
             "AND key_id IN (0, ?))",
             identity_, owner.kind, owner.id, key, db_.bodies().key_id()) != 0;
}

void Transaction::visit_lost(const KeyVisit& visit) {
  visit_keys(
      "SELECT owner_kind, owner_id FROM bodies WHERE identity = ?1 AND key_id NOT IN (0, ?2) "
      "UNION SELECT kind, id FROM offers INDEXED BY offers_lost WHERE identity = ?1 AND lost = 1",
      visit, identity_, db_.bodies().key_id());
}

bool Transaction::has_lost() {
  return is_left(Left::Lost);
}

std::optional<sync::Body> Transaction::body(const sync::Key& owner, std::string_view key) {
  sync::Body body;
  {
    auto row = db_.query(
        "SELECT handle, key_id, document FROM bodies WHERE identity = ? AND owner_kind = ? AND owner_id = ? AND "
        "key = ? AND key_id IN (0, ?)",
        identity_, owner.kind, owner.id, key, db_.bodies().key_id());
    if (!row.next()) return std::nullopt;
    body.handle = row.text(0);
    if (!db_.bodies().open(owner.kind, owner.id, key, row.integer(1), row.view(2), body.document)) {
      db_.set_error(damaged_body(owner));
      return std::nullopt;
    }
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
