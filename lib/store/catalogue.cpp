#include "tether/store/catalogue.h"

#include <algorithm>
#include <array>

#include "tether/store/migrations.h"
#include "tether/store/opening.h"
#include "tether/store/transaction.h"
#include "tether/sync/memory.h"

namespace tether::store {
namespace {

constexpr std::array<std::string_view, kStandings> kNames = {"in-service", "pending",    "waiting", "quarantined",
                                                             "held",       "undeployed", "kept",    "removed"};

/// What every row has of its offer and of the brake; `x` is the row.
const std::string kOfferColumns =
    ", coalesce(o.present, 0), coalesce(o.revision, 0), coalesce(o.body, ''), coalesce(o.good_body, ''), "
    "o.refused_body IS NOT NULL, coalesce(o.refused_body = '', 0), coalesce(o.refused_reason, ''), "
    "coalesce(o.refused_since_ns, 0), coalesce(o.lost, 0), coalesce((SELECT h.scope FROM holds h JOIN held_resources d "
    "ON d.identity = h.identity AND d.scope = h.scope AND d.kind = x.kind AND d.id = x.id WHERE h.identity = "
    "x.identity LIMIT 1), ''), x.gone_since_ns";
constexpr int kOwnColumns = 12;  ///< Before those.

const std::string kJoinOffer =
    " LEFT JOIN offers o ON o.identity = x.identity AND o.kind = x.kind AND o.id = x.id WHERE x.identity = ?1 ";

const std::string kSelectArtifacts =
    "SELECT x.kind, x.id, coalesce((SELECT nullif(b.handle, '') FROM bodies b WHERE b.identity = x.identity AND "
    "b.owner_kind = x.kind AND b.owner_id = x.id AND b.key = o.body), (SELECT max(nullif(b.handle, '')) FROM bodies b "
    "WHERE b.identity = x.identity AND b.owner_kind = x.kind AND b.owner_id = x.id), ''), '', x.wanted, "
    "x.deployment_id, x.at_ns, x.by_absence, x.fetched = x.deployment_id, x.waiting, x.absent_change IS NOT NULL OR "
    "x.went_back_change IS NOT NULL, x.question <> 0" +
    kOfferColumns +
    ", x.verdict, EXISTS (SELECT 1 FROM outbox q WHERE q.identity = x.identity AND q.artifact_id = x.id) FROM "
    "artifacts x" +
    kJoinOffer;
const std::string kArtifactsPage = kSelectArtifacts + "AND x.id > ?2 ORDER BY x.id LIMIT ?3";

// `wanted` is 3 for what belongs to something that is not.
const std::string kSelectResources =
    "SELECT x.kind, x.id, iif(x.kind = 'Secret', x.id, x.name), x.artifact_id, iif(x.gone = 1, 2, iif(x.artifact_id = "
    "'' OR EXISTS (SELECT 1 FROM artifacts a WHERE a.identity = x.identity AND a.id = x.artifact_id AND a.wanted = 0), "
    "0, 3)), '', x.updated_at_ns, 0, x.body <> '' AND (x.kind <> 'Secret' OR x.hash = x.fetched_hash), x.waiting, "
    "x.absent_change IS NOT NULL, 0" +
    kOfferColumns + ", 0, 0 FROM resources x" + kJoinOffer;
const std::string kResourcesPage = kSelectResources + "AND (x.kind, x.id) > (?2, ?3) ORDER BY x.kind, x.id LIMIT ?4";

Standing standing_of(const CatalogueEntry& entry, std::int64_t wanted, bool waits, bool present) {
  constexpr std::int64_t kDeployed = 0;
  constexpr std::int64_t kUndeployed = 1;
  constexpr std::int64_t kGone = 2;
  if (wanted == kGone) return Standing::Removed;
  if (!entry.held_by.empty()) return Standing::Held;
  if (entry.refused) return Standing::Quarantined;
  if (wanted == kUndeployed) return Standing::Undeployed;
  if (wanted != kDeployed) return Standing::Kept;
  if (!entry.has_content || waits || entry.lost || !present) return Standing::Waiting;
  return entry.answered ? Standing::InService : Standing::Pending;
}

std::string_view verdict_named(std::int64_t verdict) {
  constexpr std::array<std::string_view, 3> kVerdicts = {"", "success", "failed"};
  return verdict >= 0 && verdict < 3 ? kVerdicts.at(static_cast<std::size_t>(verdict)) : "";
}

CatalogueEntry read_entry(const Cursor& row, bool is_artifact, std::int64_t answered) {
  CatalogueEntry out;
  out.kind = row.text(0);
  out.id = row.text(1);
  out.name = row.text(2);
  out.artifact_id = row.text(3);
  out.is_artifact = is_artifact;
  out.deployment_id = row.text(5);
  out.wanted_at = Instant{row.integer(6)};
  out.by_absence = row.flag(7);
  out.has_content = row.flag(8);
  out.is_doubted = row.flag(10);
  out.is_asked_for = row.flag(11);
  int column = kOwnColumns;
  const bool present = row.flag(column++);
  out.revision = row.integer(column++);
  out.answered = out.revision > 0 && out.revision <= answered;
  if (is_artifact) out.offered_version = row.text(column);
  if (is_artifact) out.good_version = row.text(column + 1);
  column += 2;
  out.refused = row.flag(column++);
  const bool is_removal = row.flag(column++);
  out.refused_reason = row.text(column++);
  out.refused_since = Instant{row.integer(column++)};
  const std::chrono::nanoseconds retry =
      is_removal ? std::chrono::nanoseconds(sync::kRemovalRetry) : sync::kRefusalRetry;
  if (out.refused) out.next_try = Instant{out.refused_since.ns + retry.count()};
  out.lost = row.flag(column++);
  out.held_by = row.text(column++);
  out.gone_since = Instant{row.integer(column++)};
  out.verdict = verdict_named(row.integer(column++));
  out.ack_waits = row.flag(column++);
  out.standing = standing_of(out, row.integer(4), row.flag(9), present);
  return out;
}

/// Where a page begins: `a/ID` after an artifact, `r/KIND/ID` after another resource.
struct Place {
  bool among_artifacts = true;
  std::string kind;
  std::string id;
};

std::optional<Place> place_of(const std::string& after) {
  if (after.empty()) return Place{};
  if (after.starts_with("a/")) return Place{true, "", after.substr(2)};
  const auto slash = after.find('/', 2);
  if (!after.starts_with("r/") || slash == std::string::npos) return std::nullopt;
  return Place{false, after.substr(2, slash - 2), after.substr(slash + 1)};
}

bool is_wanted(const CatalogueEntry& entry, const CatalogueQuery& query) {
  if (!query.kind.empty() && entry.kind != query.kind) return false;
  return query.standing ? entry.standing == *query.standing : entry.standing != Standing::Removed;
}

/// One transaction on a connection of its own.
class Look {
 public:
  static Result<CataloguePage> at(const std::string& file, const auto& work) {
    auto look = open_to_look(file);
    if (!look) return tl::unexpected(look.error());
    const auto* connection = &look->connection;
    CataloguePage page;
    OpenTransaction transaction(**connection, "BEGIN");
    if ((*connection)->number("PRAGMA user_version") != static_cast<std::int64_t>(migrations().size())) {
      (*connection)->set_error({ErrorKind::Retry, "it is of another version"});
    }
    const std::int64_t identity = serving_identity(**connection);
    {
      auto row =
          (*connection)
              ->query("SELECT answered_instance, answered_revision FROM identities WHERE identity = ?", identity);
      if (row.next()) {
        page.instance = row.text(0);
        page.answered_revision = row.integer(1);
      }
    }
    work(**connection, identity, page);
    if (auto good = transaction.commit("read " + file); !good) return tl::unexpected(good.error());
    return page;
  }
};

void read_artifacts(Connection& db, std::int64_t identity, const Place& place, const CatalogueQuery& query,
                    CataloguePage& page) {
  int rows = 0;
  std::string last;
  auto row = db.query(kArtifactsPage, identity, place.id, kCataloguePageRows);
  while (row.next()) {
    ++rows;
    last = row.text(1);
    CatalogueEntry entry = read_entry(row, /*is_artifact=*/true, page.answered_revision);
    if (is_wanted(entry, query)) page.entries.push_back(std::move(entry));
  }
  page.next = rows == kCataloguePageRows ? "a/" + last : "r//";
}

void read_resources(Connection& db, std::int64_t identity, const Place& place, const CatalogueQuery& query,
                    CataloguePage& page) {
  int rows = 0;
  std::string last;
  auto row = db.query(kResourcesPage, identity, place.kind, place.id, kCataloguePageRows);
  while (row.next()) {
    ++rows;
    last = "r/" + row.text(0) + "/" + row.text(1);
    CatalogueEntry entry = read_entry(row, /*is_artifact=*/false, page.answered_revision);
    if (is_wanted(entry, query)) page.entries.push_back(std::move(entry));
  }
  page.next = rows == kCataloguePageRows ? last : "";
}

// By the two indexes, not through all rows. The kinds that have handles are those of artifacts; the control plane may
// have made another one since this was written, so each is found from the one before it by the index.
const std::string kKindsWithHandles =
    "WITH RECURSIVE kinds (kind) AS (SELECT min(owner_kind) FROM bodies WHERE identity = ?1 AND handle <> '' UNION ALL "
    "SELECT (SELECT min(owner_kind) FROM bodies WHERE identity = ?1 AND handle <> '' AND owner_kind > kinds.kind) FROM "
    "kinds WHERE kinds.kind IS NOT NULL) SELECT kind FROM kinds";
const std::string kFindArtifacts =
    kSelectArtifacts +
    "AND (?3 = '' OR x.kind = ?3) AND (x.id = ?2 OR x.id IN (SELECT b.owner_id FROM bodies b WHERE b.identity = ?1 AND "
    "b.handle = ?2 AND b.handle <> '' AND b.owner_kind IN (" +
    kKindsWithHandles + "))) ORDER BY x.id LIMIT ?4";
const std::string kFindResources =
    kSelectResources +
    "AND (?3 = '' OR x.kind = ?3) AND (x.id = ?2 OR x.name = ?2 AND x.kind <> 'Secret') ORDER BY x.kind, x.id LIMIT ?4";

// What the wanted version refers to, artifacts by handle and others by id. An artifact's is its deployment, another's
// is what is offered.
constexpr const char* kReferences =
    "SELECT f.kind, f.name, EXISTS (SELECT 1 FROM offers o WHERE o.identity = f.identity AND o.kind = f.kind AND o.id "
    "= "
    "f.name AND o.present = 1) OR EXISTS (SELECT 1 FROM bodies b JOIN offers o ON o.identity = b.identity AND o.kind = "
    "b.owner_kind AND o.id = b.owner_id AND o.body = b.key AND o.present = 1 WHERE b.identity = f.identity AND "
    "b.owner_kind = f.kind AND b.handle = f.name AND b.handle <> '') FROM body_references f WHERE f.identity = ?1 AND "
    "f.owner_kind = ?2 AND f.owner_id = ?3 AND f.key = ?4 ORDER BY f.position";
constexpr const char* kPending =
    "SELECT type, last_ns, doubt FROM pending WHERE identity = ?1 AND kind = ?2 AND id = ?3 ORDER BY last_ns";

void read_rest(Connection& db, std::int64_t identity, CatalogueEntry& entry) {
  {
    auto row = db.query(kReferences, identity, entry.kind, entry.id, entry.deployment_id);
    while (row.next()) entry.refers_to.push_back({row.text(0), row.text(1), row.flag(2)});
  }
  auto row = db.query(kPending, identity, entry.kind, entry.id);
  while (row.next()) entry.pending.push_back({row.text(0), Instant{row.integer(1)}, row.flag(2)});
}

}  // namespace

std::string_view name_of(Standing standing) {
  return kNames.at(static_cast<std::size_t>(standing));
}

std::optional<Standing> standing_named(std::string_view name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Standing>(found - kNames.begin());
}

Catalogue::Catalogue(const std::filesystem::path& folder) : file_((folder / "tetherd.db").string()) {}

Result<CataloguePage> Catalogue::page(const CatalogueQuery& query) const {
  const auto place = place_of(query.after);
  if (!place) return fail(ErrorKind::Reject, "`after` is no place in the list");
  return Look::at(file_, [&](Connection& db, std::int64_t identity, CataloguePage& page) {
    const auto read = place->among_artifacts ? read_artifacts : read_resources;
    read(db, identity, *place, query, page);
  });
}

Result<CataloguePage> Catalogue::find(std::string_view name, std::string_view kind) const {
  return Look::at(file_, [&](Connection& db, std::int64_t identity, CataloguePage& page) {
    for (const bool artifacts : {true, false}) {
      auto row = db.query(artifacts ? kFindArtifacts : kFindResources, identity, name, kind, kMaxFound);
      while (row.next() && page.entries.size() < kMaxFound) {
        page.entries.push_back(read_entry(row, artifacts, page.answered_revision));
      }
    }
    for (CatalogueEntry& entry : page.entries) read_rest(db, identity, entry);
  });
}

}  // namespace tether::store
