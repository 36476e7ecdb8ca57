#include "tether/store/overview.h"
#include "tether/store/rows.h"
#include "tether/store/transaction.h"

namespace tether::store {
namespace {

// A listing that was not begun (the daemon restarted in between) has everything seen: nothing is removed for it.
const std::string kUnseen =
    "(EXISTS (SELECT 1 FROM temp.listings l WHERE l.scope = ?2) AND "
    "NOT EXISTS (SELECT 1 FROM temp.seen s WHERE s.scope = ?2 AND s.id = x.id)) ";
// For the brake, what was taken back is missing as well.
const std::string kMissing =
    "(EXISTS (SELECT 1 FROM temp.listings l WHERE l.scope = ?2) AND "
    "NOT EXISTS (SELECT 1 FROM temp.seen s WHERE s.scope = ?2 AND s.id = x.id AND s.taken_back = 0)) ";

// What belongs to an artifact is listed only while that is wanted deployed and its absence is not being asked about,
// and subscriptions only of REST APIs. About the others no list says anything: they are not missing, are no share of
// what is stored, and do not show that a control plane still has something.
const std::string kListed =
    "(x.kind NOT IN ('ApiKey', 'Subscription', 'HmacSecret') OR EXISTS (SELECT 1 FROM artifacts d WHERE "
    "d.identity = x.identity AND d.id = x.artifact_id AND d.wanted = 0 AND d.absent_change IS NULL AND d.question = 0 "
    "AND (x.kind <> 'Subscription' OR d.kind = 'RestApi'))) ";
// ?4 and ?5 are the artifact's kind and id, or empty.
const std::string kFilter =
    "WHERE x.identity = ?1 AND x.kind = ?3 AND x.gone = 0 AND (?4 = '' OR EXISTS (SELECT 1 FROM artifacts a WHERE "
    "a.identity = x.identity AND a.id = x.artifact_id AND a.kind = ?4)) AND " +
    kListed;
// The list shows only secrets that something wanted refers to: it says nothing about those of a last good version, and
// one that nothing refers to takes nothing from service when it goes.
const std::string kReferredTo =
    "AND (x.kind <> 'Secret' OR EXISTS (SELECT 1 FROM body_references f JOIN artifacts a ON a.identity = f.identity "
    "AND a.kind = f.owner_kind AND a.id = f.owner_id AND a.deployment_id = f.key AND a.wanted = 0 WHERE f.identity = "
    "x.identity AND f.kind = x.kind AND f.name = x.id)) ";
const std::string kOfAll = "FROM resources x " + kFilter + "AND ?5 = '' ";
const std::string kOfOne =
    "FROM resources x INDEXED BY resources_of_artifact " + kFilter + "AND x.artifact_id = ?5 AND x.artifact_id <> '' ";

const std::string kInService =
    "FROM offers x INDEXED BY offers_by_rank WHERE x.identity = ?1 AND x.present = 1 AND x.artifact = 1 ";

/// One artifact's listing looks at its resources alone: there is such a listing for each artifact.
const std::string& candidates(std::string_view artifact_id) {
  return artifact_id.empty() ? kOfAll : kOfOne;
}

}  // namespace

void Transaction::begin_listing(std::string_view scope) {
  db_.execute("DELETE FROM temp.seen WHERE scope = ?", scope);
  db_.execute("INSERT OR IGNORE INTO temp.listings (scope) VALUES (?)", scope);
}

void Transaction::mark_seen(std::string_view scope, std::string_view id) {
  db_.execute("INSERT OR IGNORE INTO temp.seen (scope, id, taken_back) VALUES (?, ?, 0)", scope, id);
}

bool Transaction::was_seen(std::string_view scope, std::string_view id) {
  return db_.number("SELECT EXISTS (SELECT 1 FROM temp.seen WHERE scope = ? AND id = ?)", scope, id) != 0;
}

void Transaction::end_listing(std::string_view scope) {
  db_.execute("DELETE FROM temp.seen WHERE scope = ?", scope);
  db_.execute("DELETE FROM temp.listings WHERE scope = ?", scope);
}

void Transaction::visit_unseen_artifacts(std::string_view scope,
                                         const std::function<void(const sync::Artifact&)>& visit) {
  visit_keys(
      "SELECT x.kind, x.id FROM artifacts x WHERE x.identity = ?1 AND x.wanted <> 2 AND " + kUnseen + "ORDER BY x.id",
      [this, &visit](const sync::Key& key) {
        if (const auto row = artifact(key.id)) visit(*row);
      },
      identity_, scope);
}

void Transaction::visit_unseen_resources(std::string_view scope, std::string_view kind, std::string_view artifact_kind,
                                         std::string_view artifact_id,
                                         const std::function<void(const sync::Resource&)>& visit) {
  visit_keys(
      "SELECT x.kind, x.id " + candidates(artifact_id) + "AND " + kUnseen + "ORDER BY x.id",
      [this, &visit](const sync::Key& key) {
        if (const auto row = resource(key.kind, key.id)) visit(*row);
      },
      identity_, scope, kind, artifact_kind, artifact_id);
}

sync::Records::Share Transaction::unseen_artifacts(std::string_view scope) {
  return share(db_.query("SELECT count(*), sum(" + kMissing + ") " + kInService, identity_, scope));
}

sync::Records::Share Transaction::unseen_resources(std::string_view scope, std::string_view kind,
                                                   std::string_view artifact_kind, std::string_view artifact_id) {
  return share(db_.query("SELECT count(*), sum(" + kMissing + ") " + candidates(artifact_id) + kReferredTo, identity_,
                         scope, kind, artifact_kind, artifact_id));
}

void Transaction::mark_taken_back(std::string_view scope, std::string_view id) {
  db_.execute("UPDATE temp.seen SET taken_back = 1 WHERE scope = ? AND id = ?", scope, id);
}

std::int64_t Transaction::note_held(std::string_view scope, std::string_view kind, std::string_view artifact_kind,
                                    std::string_view artifact_id) {
  here_->left.note_written(Left::HeldResource, /*may_be_one=*/true);
  static const std::string kInsert =
      "INSERT OR IGNORE INTO held_resources (identity, scope, kind, id) SELECT x.identity, ?2, x.kind, x.id ";
  static const std::string kForget =
      "DELETE FROM held_resources WHERE identity = ?1 AND scope = ?2 AND id NOT IN (SELECT x.id ";
  if (kind.empty()) {
    db_.execute(kForget + kInService + "AND " + kMissing + ")", identity_, scope);
    db_.execute(kInsert + kInService + "AND " + kMissing, identity_, scope);
  } else {
    const std::string missing = candidates(artifact_id) + kReferredTo + "AND " + kMissing;
    db_.execute(kForget + missing + ")", identity_, scope, kind, artifact_kind, artifact_id);
    db_.execute(kInsert + missing, identity_, scope, kind, artifact_kind, artifact_id);
  }
  return db_.changed_rows();
}

std::int64_t Transaction::seen_unchanged(std::string_view scope, std::string_view kind, std::string_view artifact_kind,
                                         std::string_view artifact_id, std::int64_t change) {
  if (kind.empty()) {
    return db_.number("SELECT count(*) " + kInService + "AND NOT " + kMissing +
                          "AND (SELECT changed FROM artifacts a WHERE a.identity = x.identity "
                          "AND a.id = x.id) <= ?3",
                      identity_, scope, change);
  }
  return db_.number(
      "SELECT count(*) " + candidates(artifact_id) + kReferredTo + "AND NOT " + kMissing + "AND x.changed <= ?6",
      identity_, scope, kind, artifact_kind, artifact_id, change);
}

std::int64_t Transaction::unchanged_elsewhere(std::string_view kind, std::string_view artifact_id,
                                              std::int64_t change) {
  return db_.number(
      "SELECT count(*) FROM resources x WHERE identity = ? AND kind = ? AND artifact_id <> ? AND gone = 0 AND "
      "absent_change IS NULL AND changed <= ? AND " +
          kListed,
      identity_, kind, artifact_id, change);
}

void Transaction::visit_absent(std::string_view kind, std::int64_t link,
                               const std::function<void(const std::string&, std::int64_t)>& visit) {
  if (!is_left(Left::AbsentResource)) return;
  std::vector<std::pair<std::string, std::int64_t>> found;
  {
    auto rows = db_.query(
        "SELECT artifact_id, max(absent_asked_ms) FROM resources INDEXED BY resources_absent WHERE identity = ? AND "
        "absent_change IS NOT NULL AND kind = ? AND absent_link = ? AND gone = 0 GROUP BY artifact_id",
        identity_, kind, link);
    while (rows.next()) found.emplace_back(rows.text(0), rows.integer(1));
  }
  for (const auto& [artifact_id, asked_ms] : found) visit(artifact_id, asked_ms);
}

std::int64_t Transaction::absent_elsewhere(std::string_view kind, std::string_view artifact_id) {
  if (!is_left(Left::AbsentResource)) return 0;
  return db_.number(
      "SELECT count(*) FROM resources x INDEXED BY resources_absent WHERE identity = ? AND x.absent_change IS NOT NULL "
      "AND kind = ? AND artifact_id <> ? AND gone = 0 AND " +
          kListed,
      identity_, kind, artifact_id);
}

sync::Records::Share Transaction::share(Cursor row) {
  if (!row.next()) return {};
  return {row.integer(0), row.integer(1)};
}

}  // namespace tether::store
