#include "tether/protocol/kinds.h"
#include "tether/store/transaction.h"

namespace tether::store {

// Artifacts go by the handle that their offered document gives them, everything else by its id.
std::optional<sync::Key> Transaction::offered_as(const sync::Reference& reference) {
  const auto found = keys(db_.query(
      "SELECT kind, id FROM offers WHERE identity = ?1 AND kind = ?2 AND id = ?3 AND present = 1 AND artifact = 0 "
      "UNION ALL SELECT o.kind, o.id FROM bodies b JOIN offers o ON o.identity = b.identity AND "
      "o.kind = b.owner_kind AND o.id = b.owner_id AND o.body = b.key WHERE b.identity = ?1 AND "
      "b.owner_kind = ?2 AND b.handle = ?3 AND b.handle <> '' AND o.present = 1 AND o.artifact = 1 LIMIT 1",
      identity_, reference.kind, reference.name));
  if (found.empty()) return std::nullopt;
  return found.front();
}

std::vector<sync::Key> Transaction::waiting_for(const sync::Key& key) {
  if (!is_left_to_wait()) return {};
  // References to this resource, by either of its names, in the wanted body of a row that waits.
  return keys(db_.query(
      "WITH names (name) AS (SELECT ?3 UNION SELECT b.handle FROM offers o JOIN bodies b ON b.identity = o.identity "
      "AND b.owner_kind = o.kind AND b.owner_id = o.id AND b.key = o.body WHERE o.identity = ?1 AND o.kind = ?2 AND "
      "o.id = ?3 AND o.present = 1 AND b.handle <> '') "
      "SELECT a.kind, a.id FROM names n CROSS JOIN body_references f ON f.identity = ?1 AND f.kind = ?2 AND "
      "f.name = n.name JOIN artifacts a ON a.identity = ?1 AND a.id = f.owner_id AND a.kind = f.owner_kind AND "
      "a.deployment_id = f.key WHERE a.waiting = 1 "
      "UNION SELECT r.kind, r.id FROM names n CROSS JOIN body_references f ON f.identity = ?1 AND f.kind = ?2 AND "
      "f.name = n.name JOIN resources r ON r.identity = ?1 AND r.kind = f.owner_kind AND r.id = f.owner_id AND "
      "r.body = f.key WHERE r.waiting = 1 "
      "UNION SELECT kind, id FROM resources INDEXED BY resources_of_artifact WHERE identity = ?1 AND artifact_id = ?3 "
      "AND artifact_id <> '' AND "
      "waiting = 1",
      identity_, key.kind, key.id));
}

std::vector<sync::Key> Transaction::referring_to(const sync::Reference& reference) {
  return keys(db_.query(
      "SELECT DISTINCT f.owner_kind, f.owner_id FROM body_references f JOIN offers o ON o.identity = f.identity AND "
      "o.kind = f.owner_kind AND o.id = f.owner_id "
      "LEFT JOIN artifacts a ON o.artifact = 1 AND a.identity = f.identity AND a.id = f.owner_id AND a.wanted = 0 "
      "LEFT JOIN resources r ON o.artifact = 0 AND r.identity = f.identity AND r.kind = f.owner_kind AND "
      "r.id = f.owner_id AND r.gone = 0 "
      "WHERE f.identity = ? AND f.kind = ? AND f.name = ? AND f.key IN (o.body, o.good_body, a.deployment_id, r.body)",
      identity_, reference.kind, reference.name));
}

std::vector<sync::Key> Transaction::resources_of(std::string_view artifact_id) {
  return keys(
      db_.query("SELECT kind, id FROM resources INDEXED BY resources_of_artifact WHERE identity = ? AND artifact_id = "
                "? AND artifact_id <> '' AND gone = 0",
                identity_, artifact_id));
}

std::optional<sync::Resource> Transaction::key_by_name(std::string_view artifact_id, std::string_view name) {
  std::string id;
  {
    auto row = db_.query(
        "SELECT id FROM resources INDEXED BY resources_of_artifact WHERE identity = ? AND artifact_id = ? AND "
        "artifact_id <> '' AND kind = ? AND name = ? AND gone = 0 ORDER BY changed DESC LIMIT 1",
        identity_, artifact_id, protocol::kApiKey, name);
    if (!row.next()) return std::nullopt;
    id = row.text(0);
  }
  return resource(protocol::kApiKey, id);
}

bool Transaction::has_deployed(std::string_view kind) {
  return next_deployed(kind, "").has_value();
}

std::optional<std::string> Transaction::next_deployed(std::string_view kind, std::string_view after_id) {
  auto row = db_.query(
      "SELECT id FROM artifacts WHERE identity = ? AND kind = ? AND id > ? AND wanted = 0 ORDER BY id LIMIT 1",
      identity_, kind, after_id);
  if (!row.next()) return std::nullopt;
  return row.text(0);
}

std::int64_t Transaction::count_deployed(std::string_view kind) {
  return db_.number("SELECT count(*) FROM artifacts WHERE identity = ? AND kind = ? AND wanted = 0", identity_, kind);
}

std::vector<sync::Key> Transaction::keys(Cursor rows) {
  std::vector<sync::Key> keys;
  while (rows.next()) keys.push_back({rows.text(0), rows.text(1)});
  return keys;
}

std::vector<std::string> Transaction::texts(Cursor rows) {
  std::vector<std::string> texts;
  while (rows.next()) texts.push_back(rows.text(0));
  return texts;
}

}  // namespace tether::store
