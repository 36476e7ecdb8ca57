#include "tether/store/overview_query.h"
#include "tether/store/rows.h"
#include "tether/store/transaction.h"
#include "tether/store/work_left.h"
#include "tether/sync/memory.h"

namespace tether::store {
namespace {

std::int64_t nanoseconds(std::chrono::nanoseconds time) {
  return time.count();
}

std::vector<NamedResource> read_named(Cursor rows) {
  std::vector<NamedResource> named;
  while (rows.next()) {
    named.push_back({rows.text(0), rows.text(1), rows.text(2), rows.text(3), Instant{rows.integer(4)},
                     Instant{rows.integer(5)}, rows.text(6)});
  }
  return named;
}

/// The name of a row `x` of any kind that gives no handle itself: that of any of its documents, else the resource's own
/// (a secret's id is its handle).
std::string name_of(const std::string& x) {
  return "(SELECT max(nullif(handle, '')) FROM bodies b WHERE b.identity = " + x + ".identity AND b.owner_kind = " + x +
         ".kind AND b.owner_id = " + x + ".id), (SELECT iif(n.kind = 'Secret', n.id, n.name) FROM resources n WHERE " +
         "n.identity = " + x + ".identity AND n.kind = " + x + ".kind AND n.id = " + x + ".id), ''";
}

// The handle that the refused document gives, else any other name.
const std::string kQuarantined =
    "SELECT o.kind, o.id, coalesce("
    "(SELECT nullif(handle, '') FROM bodies b WHERE b.identity = o.identity AND b.owner_kind = o.kind AND "
    "b.owner_id = o.id AND b.key = o.refused_body), " +
    name_of("o") +
    "), o.refused_reason, o.refused_since_ns, o.refused_since_ns + iif(o.refused_body = '', ?3, ?4), '' FROM offers o "
    "INDEXED BY offers_refused WHERE o.identity = ?1 AND "
    "o.refused_body IS NOT NULL "
    "ORDER BY o.kind, o.id LIMIT ?2";

// Likewise the handle that is in service. What is released goes once it is confirmed.
const std::string kHeld =
    "SELECT r.kind, r.id, coalesce("
    "(SELECT nullif(b.handle, '') FROM offers o JOIN bodies b ON b.identity = o.identity AND b.owner_kind = o.kind AND "
    "b.owner_id = o.id AND b.key = o.body WHERE o.identity = r.identity AND o.kind = r.kind AND o.id = r.id), " +
    name_of("r") +
    "), 'the listing ' || h.scope || ' lacks ' || h.would_go || ' of ' || h.in_service || "
    "iif(h.release = 2, ': released, and removed once that is confirmed', ': nothing of it is removed'), "
    "h.since_ns, 0, h.scope "
    "FROM holds h JOIN held_resources r ON r.identity = h.identity AND r.scope = h.scope WHERE h.identity = ? "
    "ORDER BY h.scope, r.kind, r.id LIMIT ?";
constexpr const char* kHoldsInOrder = " FROM holds WHERE identity = ? ORDER BY scope LIMIT ?";

// No listing shows the keys of MCP servers, nor subscriptions of anything but RestApi.
const std::string kBelongsTo =
    "SELECT EXISTS (SELECT 1 FROM artifacts a INDEXED BY artifacts_deployed, resources r INDEXED BY "
    "resources_of_artifact WHERE a.identity = ?1 AND a.wanted = 0 AND r.identity = a.identity AND r.artifact_id = a.id "
    "AND r.artifact_id <> '' AND r.gone = 0 AND ";
const std::string kHasMcpKey = kBelongsTo + "a.kind = 'Mcp' AND r.kind = 'ApiKey')";
const std::string kHasUnlistedSubscription =
    kBelongsTo +
    "a.kind IN ('LlmProvider', 'LlmProxy', 'Mcp', 'WebSubApi', 'WebBrokerApi') AND r.kind = 'Subscription')";

// What belongs to something that is not wanted here is stored and waits for nothing: it is as it should be.
const std::string kItsArtifactIsWanted =
    "(r.artifact_id = '' OR EXISTS (SELECT 1 FROM artifacts o WHERE o.identity = r.identity AND o.id = r.artifact_id "
    "AND o.wanted = 0)) ";

// What keeps us from agreement first. A secret's id is its handle.
const std::string kWaiting =
    "SELECT a.kind, a.id, coalesce((SELECT handle FROM bodies b WHERE b.identity = a.identity AND "
    "b.owner_kind = a.kind AND b.owner_id = a.id AND b.key = a.deployment_id), ''), "
    "'what it refers to is not in service', 0, 0, '' "
    "FROM artifacts a INDEXED BY artifacts_waiting WHERE a.identity = ?1 AND a.waiting = 1 UNION ALL "
    "SELECT a.kind, a.id, coalesce((SELECT max(nullif(handle, '')) FROM bodies b WHERE b.identity = a.identity AND "
    "b.owner_kind = a.kind AND b.owner_id = a.id), ''), 'its document has not come yet', 0, 0, '' " +
    kWithoutDocument + "UNION ALL SELECT r.kind, r.id, r.id, 'its value has not come yet', 0, 0, '' " + kWithoutValue +
    "UNION ALL SELECT r.kind, r.id, iif(r.kind = 'Secret', r.id, r.name), 'what it belongs to is not in service', 0, "
    "0, '' "
    "FROM resources r INDEXED BY resources_waiting WHERE r.identity = ?1 AND r.waiting = 1 AND " +
    kItsArtifactIsWanted + "LIMIT ?2";

const std::string kWaitingCount =
    "SELECT (SELECT count(*) FROM artifacts INDEXED BY artifacts_waiting WHERE identity = ?1 AND waiting = 1) + "
    "(SELECT count(*) FROM resources r INDEXED BY resources_waiting WHERE r.identity = ?1 AND r.waiting = 1 AND " +
    kItsArtifactIsWanted +
    ") + "
    "(SELECT count(*) " +
    kWithoutDocument + ") + (SELECT count(*) " + kWithoutValue + ")";

constexpr const char* kUnanswered =
    "SELECT count(*) FROM (SELECT 1 FROM offers o INDEXED BY offers_by_revision WHERE o.identity = ?1 AND "
    "o.revision > (SELECT answered_revision FROM identities i WHERE i.identity = ?1) AND o.revision > 0 LIMIT ?2)";

std::optional<StagedIdentity> read_staged(Connection& db) {
  StagedIdentity staged;
  std::int64_t identity = 0;
  {
    auto row = db.query("SELECT identity, gateway_id, since_ns FROM identities WHERE staged = 1");
    if (!row.next()) return std::nullopt;
    identity = row.integer(0);
    staged.gateway_id = row.text(1);
    staged.since = Instant{row.integer(2)};
  }
  staged.deployed = db.number(
      "SELECT count(*) FROM artifacts INDEXED BY artifacts_deployed WHERE identity = ? AND wanted = 0", identity);
  staged.without_document = db.number("SELECT count(*) " + kWithoutDocument, identity);
  staged.resources = db.number("SELECT sum(offered) FROM offer_counts WHERE identity = ?", identity);
  return staged;
}

}  // namespace

Overview read_overview(Connection& db) {
  Overview overview;
  const auto identity = serving_identity(db);
  overview.revision = db.number("SELECT revision FROM identities WHERE identity = ?", identity);
  {
    auto rows = db.query("SELECT kind, offered FROM offer_counts WHERE identity = ? AND offered > 0", identity);
    while (rows.next()) {
      overview.offered_by_kind.emplace_back(rows.text(0), rows.integer(1));
      overview.offered_count += rows.integer(1);
    }
  }
  overview.unanswered = db.number(kUnanswered, identity, kMaxUnansweredCounted);
  overview.size_bytes = db.number("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()");
  for (const auto& [kind, count] : overview.offered_by_kind) {
    const bool best_effort = kind == "Application" || (kind == "ApiKey" && db.number(kHasMcpKey, identity) != 0) ||
                             (kind == "Subscription" && db.number(kHasUnlistedSubscription, identity) != 0);
    if (best_effort) overview.best_effort_kinds.push_back(kind);
  }
  overview.quarantined = read_named(db.query(kQuarantined, identity, kMaxQuarantinedShown,
                                             nanoseconds(sync::kRemovalRetry), nanoseconds(sync::kRefusalRetry)));
  overview.quarantined_count =
      db.number("SELECT count(*) FROM offers INDEXED BY offers_refused WHERE identity = ? AND refused_body IS NOT NULL",
                identity);
  overview.held = read_named(db.query(kHeld, identity, kMaxHeldShown));
  {
    auto rows = db.query("SELECT " + kHoldColumns + kHoldsInOrder, identity, kMaxHoldsShown);
    while (rows.next()) overview.holds.push_back(read_hold(rows));
  }
  overview.links = db.number("SELECT links FROM identities WHERE identity = ?", identity);
  overview.held_count = db.number("SELECT sum(would_go) FROM holds WHERE identity = ?", identity);
  overview.waiting = read_named(db.query(kWaiting, identity, kMaxWaitingShown));
  overview.waiting_count = db.number(kWaitingCount, identity);
  overview.outbox_acks = db.number("SELECT count(*) FROM outbox WHERE identity = ?", identity);
  overview.staged = read_staged(db);
  overview.event_timestamps = event_timestamps_of(db, identity);
  return overview;
}

}  // namespace tether::store
