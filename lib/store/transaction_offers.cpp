#include "tether/protocol/kinds.h"
#include "tether/store/transaction.h"

namespace tether::store {

void Transaction::put_offer(const sync::Key& key, bool artifact, bool may_settle, const sync::Offering& o,
                            OfferColumns changed) {
  if (changed == OfferColumns::None) return;
  if (changed == OfferColumns::Good) {
    return db_.execute(
        "UPDATE offers SET good_body = ?4, good_at_ms = ?5 WHERE identity = ?1 AND kind = ?2 AND id = ?3", identity_,
        key.kind, key.id, o.good.body, o.good.at_ms);
  }
  if (changed == OfferColumns::Settling) {
    return db_.execute(
        "UPDATE offers SET good_body = ?4, good_at_ms = ?5, may_settle = ?6 WHERE identity = ?1 AND kind = ?2 AND id = "
        "?3",
        identity_, key.kind, key.id, o.good.body, o.good.at_ms, may_settle);
  }
  note_written(o);
  if (changed == OfferColumns::Offered) {
    return db_.execute(
        "UPDATE offers SET good_body = ?4, good_at_ms = ?5, may_settle = ?6, present = ?7, revision = ?8, body = ?9, "
        "at_ms = ?10, lost = ?11 WHERE identity = ?1 AND kind = ?2 AND id = ?3",
        identity_, key.kind, key.id, o.good.body, o.good.at_ms, may_settle, o.offered.is_set(), o.revision,
        o.offered.body, o.offered.at_ms, o.lost);
  }
  std::optional<std::string_view> refused_body;
  std::optional<std::string_view> refused_reason;
  std::optional<std::int64_t> refused_at_ms;
  std::optional<std::int64_t> refused_since_ns;
  if (o.refused) {
    refused_body = o.refused->version.body;
    refused_at_ms = o.refused->version.at_ms;
    refused_reason = o.refused->reason;
    refused_since_ns = o.refused->since.ns;
  }
  // An upsert, not a replacement: the triggers that count must see the old row.
  db_.execute(
      "INSERT INTO offers (identity, kind, id, artifact, rank, present, revision, body, at_ms, lost, may_settle, "
      "good_body, "
      "good_at_ms, "
      "refused_body, refused_at_ms, refused_reason, refused_since_ns, sent_body, sent_at_ms, sent_push) "
      "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (identity, kind, id) DO UPDATE SET "
      "present = excluded.present, revision = excluded.revision, body = excluded.body, at_ms = excluded.at_ms, lost = "
      "excluded.lost, may_settle = excluded.may_settle, "
      "good_body = excluded.good_body, good_at_ms = excluded.good_at_ms, refused_body = excluded.refused_body, "
      "refused_at_ms = excluded.refused_at_ms, refused_reason = excluded.refused_reason, "
      "refused_since_ns = excluded.refused_since_ns, sent_body = excluded.sent_body, "
      "sent_at_ms = excluded.sent_at_ms, sent_push = excluded.sent_push",
      identity_, key.kind, key.id, artifact, protocol::rank_of(key.kind), o.offered.is_set(), o.revision,
      o.offered.body, o.offered.at_ms, o.lost, may_settle, o.good.body, o.good.at_ms, refused_body, refused_at_ms,
      refused_reason, refused_since_ns, o.sent.body, o.sent.at_ms, o.sent_push);
}

void Transaction::visit_pushed(std::int64_t after, std::int64_t up_to, std::int64_t push, const KeyVisit& visit) {
  // The bound by which the index is entered stands first, as in snapshot_body.cpp.
  visit_keys(
      "SELECT kind, id FROM offers INDEXED BY offers_by_revision WHERE identity = ?1 AND revision > ?2 AND revision "
      "> 0 AND revision <= ?3 "
      "UNION SELECT kind, id FROM offers INDEXED BY offers_sent WHERE identity = ?1 AND sent_push <> 0 AND sent_push = "
      "?4",
      visit, identity_, after, up_to, push);
}

void Transaction::visit_refused(const KeyVisit& visit) {
  if (!is_left(Left::Refused)) return;
  visit_keys(
      "SELECT kind, id FROM offers INDEXED BY offers_refused WHERE identity = ? AND refused_body IS NOT NULL ORDER BY "
      "kind, id",
      visit, identity_);
}

void Transaction::visit_tombstones(std::int64_t up_to_revision, Instant before,
                                   const std::function<void(const sync::Key&, std::int64_t revision)>& visit) {
  const auto with_revision = [this, &visit](const sync::Key& key) {
    std::int64_t revision = 0;
    {
      auto row = db_.query("SELECT revision FROM offers WHERE identity = ? AND kind = ? AND id = ?", identity_,
                           key.kind, key.id);
      if (!row.next()) return;  // an earlier call of the visitor erased it
      revision = row.integer(0);
    }
    visit(key, revision);
  };
  visit_keys(
      "SELECT a.kind, a.id FROM artifacts a INDEXED BY artifacts_gone CROSS JOIN offers o ON o.identity = a.identity "
      "AND o.kind = a.kind AND "
      "o.id = a.id WHERE a.identity = ?1 AND a.wanted = 2 AND a.gone_since_ns < ?3 AND o.present = 0 AND "
      "o.revision <= ?2 UNION ALL "
      "SELECT r.kind, r.id FROM resources r INDEXED BY resources_gone CROSS JOIN offers o ON o.identity = r.identity "
      "AND o.kind = r.kind AND "
      "o.id = r.id WHERE r.identity = ?1 AND r.gone = 1 AND r.gone_since_ns < ?3 AND o.present = 0 AND "
      "o.revision <= ?2",
      with_revision, identity_, up_to_revision, before.ns);
}

}  // namespace tether::store
