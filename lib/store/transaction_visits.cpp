#include "tether/store/transaction.h"

namespace tether::store {

std::int64_t Transaction::last_visited() {
  return db_.number("SELECT max(position) FROM temp.visiting");
}

void Transaction::visit_scratch(std::int64_t before, const KeyVisit& visit) {
  const auto last = last_visited();  // visits within this one put theirs behind it
  for (auto position = before; position < last && !db_.error();) {
    const auto page = keys(
        db_.query("SELECT kind, id FROM temp.visiting WHERE position > ? AND position <= ? ORDER BY position LIMIT ?",
                  position, last, kVisitPage));
    position += static_cast<std::int64_t>(kVisitPage);
    for (const auto& key : page) visit(key);
  }
  db_.execute("DELETE FROM temp.visiting WHERE position > ? AND position <= ?", before, last);
}

void Transaction::visit_may_settle(std::int64_t up_to_revision,
                                   const std::function<void(const sync::Artifact&)>& visit) {
  KnownIdentity& here = *here_;
  if (up_to_revision <= here.none_settles_up_to) return;
  bool is_none = true;
  visit_keys(
      "SELECT a.kind, a.id FROM offers o INDEXED BY offers_may_settle CROSS JOIN artifacts a ON "
      "a.identity = o.identity AND a.id = o.id AND a.kind = o.kind WHERE o.identity = ? AND o.may_settle = 1 AND "
      "o.revision <= ? ORDER BY a.changed",
      [this, &visit, &is_none](const sync::Key& key) {
        is_none = false;
        if (const auto row = artifact(key.id)) visit(*row);
      },
      identity_, up_to_revision);
  if (is_none) here.none_settles_up_to = up_to_revision;
}

void Transaction::visit_pending_resources(const KeyVisit& visit) {
  visit_keys(
      "SELECT DISTINCT p.kind, p.id FROM pending p WHERE p.identity = ?1 AND p.doubt = 0 AND p.deployment = 0 AND "
      "NOT EXISTS (SELECT 1 FROM artifacts a WHERE a.identity = ?1 AND a.id = p.id AND a.kind = p.kind)",
      visit, identity_);
}

}  // namespace tether::store
