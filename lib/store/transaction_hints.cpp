#include "tether/store/transaction.h"

namespace tether::store {
namespace {

/// In the place of a body's key: a hint's content cannot stand in for a body's.
constexpr std::string_view kHintKey = "hint";

}  // namespace

void Transaction::put_hint(const sync::Hint& hint) {
  if (db_.error()) return;
  const auto& state = hint.state;
  const auto sealed = db_.bodies().seal(state.kind, state.id, kHintKey, state.data);
  if (!sealed) return db_.set_error(sealed.error());
  db_.execute(
      "INSERT OR REPLACE INTO hints (identity, kind, id, artifact_id, name, refers_to, deleted, lacked, change, "
      "key_id, "
      "data) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
      identity_, state.kind, state.id, state.artifact_id, state.name,
      state.references.empty() ? std::string() : state.references.front(), hint.deleted, hint.lacked, hint.change,
      sealed->key_id, sealed->bytes);
}

void Transaction::drop_hint(const sync::Key& resource) {
  db_.execute("DELETE FROM hints WHERE identity = ? AND kind = ? AND id = ?", identity_, resource.kind, resource.id);
}

std::vector<sync::Hint> Transaction::hints() {
  std::vector<sync::Hint> hints;
  std::vector<sync::Key> unreadable;
  {
    auto rows = db_.query(
        "SELECT kind, id, artifact_id, name, refers_to, deleted, lacked, change, key_id, data FROM hints "
        "WHERE identity = ?",
        identity_);
    while (rows.next()) {
      sync::Hint hint;
      hint.state.kind = rows.text(0);
      hint.state.id = rows.text(1);
      hint.state.artifact_id = rows.text(2);
      hint.state.name = rows.text(3);
      if (!rows.view(4).empty()) hint.state.references = {rows.text(4)};
      hint.deleted = rows.integer(5) != 0;
      hint.lacked = rows.integer(6) != 0;
      hint.change = rows.integer(7);
      const std::int64_t key_id = rows.integer(8);
      const bool is_ours = key_id == 0 || key_id == db_.bodies().key_id();
      const bool is_readable =
          is_ours && db_.bodies().open(rows.view(0), rows.view(1), kHintKey, key_id, rows.view(9), hint.state.data);
      if (is_readable) {
        hints.push_back(std::move(hint));
      } else {
        unreadable.push_back({hint.state.kind, hint.state.id});
      }
    }
  }
  for (const auto& key : unreadable) drop_hint(key);
  return hints;
}

}  // namespace tether::store
