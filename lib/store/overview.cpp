#include "tether/store/overview_query.h"
#include "tether/store/transaction.h"
#include "tether/store/work_left.h"

namespace tether::store {
namespace {

std::vector<NamedResource> read_named(Cursor rows) {
  std::vector<NamedResource> named;
  while (rows.next()) {
    named.push_back({rows.text(0), rows.text(1), rows.text(2), rows.text(3), Instant{rows.integer(4)}});
  }
  return named;
}

std::vector<sync::Hold> read_holds(Connection& db, std::int64_t identity) {
  auto rows =
      db.query("SELECT scope, since_ns, would_go, in_service FROM holds WHERE identity = ? ORDER BY scope", identity);
  std::vector<sync::Hold> holds;
  while (rows.next()) holds.push_back({rows.text(0), Instant{rows.integer(1)}, rows.integer(2), rows.integer(3)});
  return holds;
}

// The handle that the refused document gives, else any other of that resource, else the resource's own name
// (a secret's id is its handle).
constexpr std::string_view kQuarantined =
    "SELECT o.kind, o.id, coalesce("
    "(SELECT nullif(handle, '') FROM bodies b WHERE b.identity = o.identity AND b.owner_kind = o.kind AND "
    "b.owner_id = o.id AND b.key = o.refused_body), "
    "(SELECT max(nullif(handle, '')) FROM bodies b WHERE b.identity = o.identity AND b.owner_kind = o.kind AND "
    "b.owner_id = o.id), "
    "(SELECT iif(r.kind = 'Secret', r.id, r.name) FROM resources r WHERE r.identity = o.identity AND r.kind = o.kind "
    "AND r.id = o.id), ''), "
    "o.refused_reason, o.refused_since_ns FROM offers o INDEXED BY offers_refused WHERE o.identity = ? AND "
    "o.refused_body IS NOT NULL "
    "ORDER BY o.kind, o.id LIMIT ?";

// What keeps us from agreement first: keys and subscriptions of something undeployed wait for as long as it is that.
// A secret's id is its handle.
const std::string kWaiting =
    "SELECT a.kind, a.id, coalesce((SELECT handle FROM bodies b WHERE b.identity = a.identity AND "
    "b.owner_kind = a.kind AND b.owner_id = a.id AND b.key = a.deployment_id), ''), "
    "'what it refers to is not in service', 0 "
    "FROM artifacts a INDEXED BY artifacts_waiting WHERE a.identity = ?1 AND a.waiting = 1 UNION ALL "
    "SELECT a.kind, a.id, coalesce((SELECT max(nullif(handle, '')) FROM bodies b WHERE b.identity = a.identity AND "
    "b.owner_kind = a.kind AND b.owner_id = a.id), ''), 'its document has not come yet', 0 " +
    kWithoutDocument + "UNION ALL SELECT r.kind, r.id, r.id, 'its value has not come yet', 0 " + kWithoutValue +
    "UNION ALL SELECT r.kind, r.id, iif(r.kind = 'Secret', r.id, r.name), 'what it belongs to is not in service', 0 "
    "FROM resources r INDEXED BY resources_waiting WHERE r.identity = ?1 AND r.waiting = 1 LIMIT ?2";

const std::string kWaitingCount =
    "SELECT (SELECT count(*) FROM artifacts INDEXED BY artifacts_waiting WHERE identity = ?1 AND waiting = 1) + "
    "(SELECT count(*) FROM resources INDEXED BY resources_waiting WHERE identity = ?1 AND waiting = 1) + "
    "(SELECT count(*) " +
    kWithoutDocument + ") + (SELECT count(*) " + kWithoutValue + ")";

}  // namespace

Overview read_overview(Connection& db) {
  Overview overview;
  const auto identity = serving_identity(db);
  overview.revision = db.number("SELECT value FROM counters WHERE name = 'revision'");
  {
    auto rows = db.query("SELECT kind, offered FROM offer_counts WHERE identity = ? AND offered > 0", identity);
    while (rows.next()) {
      overview.offered_by_kind.emplace_back(rows.text(0), rows.integer(1));
      overview.offered_count += rows.integer(1);
    }
  }
  overview.quarantined = read_named(db.query(kQuarantined, identity, kMaxQuarantinedShown));
  overview.quarantined_count =
      db.number("SELECT count(*) FROM offers INDEXED BY offers_refused WHERE identity = ? AND refused_body IS NOT NULL",
                identity);
  overview.holds = read_holds(db, identity);
  overview.waiting = read_named(db.query(kWaiting, identity, kMaxWaitingShown));
  overview.waiting_count = db.number(kWaitingCount, identity);
  overview.outbox_acks = db.number("SELECT count(*) FROM outbox WHERE identity = ?", identity);
  overview.event_timestamps = event_timestamps_of(db, identity);
  return overview;
}

}  // namespace tether::store
