#include <algorithm>

#include "tether/store/rows.h"
#include "tether/store/transaction.h"

namespace tether::store {
namespace {

/// Whether a body that `key` and `offering` named, or that nothing did, is not named now.
bool names_less(const std::string& key, const sync::Offering& offering, const std::string& unnamed,
                const std::string& new_key, const sync::Offering& now) {
  const auto is_named = [&](const std::string& body) {
    return body.empty() || body == new_key || body == now.offered.body || body == now.good.body ||
           body == now.sent.body;
  };
  return !is_named(key) || !is_named(offering.offered.body) || !is_named(offering.good.body) ||
         !is_named(offering.sent.body) || !is_named(unnamed);
}

OfferColumns changed_columns(sync::Offering stored, const sync::Offering& now) {
  if (stored == now) return OfferColumns::None;
  stored.good = now.good;
  if (stored == now) return OfferColumns::Good;
  stored.offered = now.offered;
  stored.lost = now.lost;
  stored.revision = now.revision;
  return stored == now ? OfferColumns::Offered : OfferColumns::All;
}

/// Apart from the offer.
ArtifactColumns changed_columns(sync::Artifact stored, const sync::Artifact& now) {
  stored.offering = now.offering;
  stored.may_settle = now.may_settle;
  if (stored == now) return ArtifactColumns::None;
  stored.verdict = now.verdict;
  if (stored == now) return ArtifactColumns::Verdict;
  stored.fetched = now.fetched;
  stored.waiting = now.waiting;
  return stored == now ? ArtifactColumns::Progress : ArtifactColumns::All;
}

bool is_same(sync::Resource stored, const sync::Resource& now) {
  stored.offering = now.offering;
  return stored == now;
}

}  // namespace

void Transaction::forget(const sync::Key& key) {
  here_->artifacts.forget({}, key.id);
  here_->resources.forget(key.kind, key.id);
}

std::optional<sync::Artifact> Transaction::artifact(std::string_view id) {
  static const std::string kSelect = kSelectArtifact + "WHERE a.identity = ? AND a.id = ?";
  if (db_.error()) return std::nullopt;
  if (const auto* known = here_->artifacts.find({}, id)) return known->row;
  std::optional<sync::Artifact> found;
  auto row = db_.query(kSelect, identity_, id);
  if (row.next()) found = read_artifact(row);
  if (!db_.error()) here_->artifacts.note({}, id, found);
  return found;
}

void Transaction::put(const sync::Artifact& a) {
  if (db_.error()) return;
  auto row = ArtifactColumns::All;
  auto offer = OfferColumns::All;
  bool drops_bodies = true;
  if (auto* known = here_->artifacts.find({}, a.id); known != nullptr && known->row) {
    const sync::Artifact& stored = *known->row;
    row = changed_columns(stored, a);
    offer = changed_columns(stored.offering, a.offering);
    if (stored.may_settle != a.may_settle) offer = std::max(offer, OfferColumns::Settling);
    drops_bodies = names_less(stored.fetched, stored.offering, known->unnamed, a.fetched, a.offering);
  } else {
    here_->left[Left::UnheldResource].reset();  // its kind names the list that its keys are in
    drops_bodies = known == nullptr || !known->unnamed.empty();
  }
  if (row == ArtifactColumns::None && offer == OfferColumns::None && !drops_bodies) return;
  here_->artifacts.note({}, a.id, a);
  write(a, row);
  note_written(a);
  const sync::Key key{a.kind, a.id};
  put_offer(key, /*artifact=*/true, a.may_settle, a.offering, offer);
  if (drops_bodies) drop_bodies_but(key, a.fetched, a.offering);
}

void Transaction::write(const sync::Artifact& a, ArtifactColumns changed) {
  const auto verdict = static_cast<int>(a.verdict);
  if (changed == ArtifactColumns::None) return;
  if (changed == ArtifactColumns::Verdict) {
    return db_.execute("UPDATE artifacts SET verdict = ?3 WHERE identity = ?1 AND id = ?2", identity_, a.id, verdict);
  }
  if (changed == ArtifactColumns::Progress) {
    return db_.execute("UPDATE artifacts SET verdict = ?3, fetched = ?4, waiting = ?5 WHERE identity = ?1 AND id = ?2",
                       identity_, a.id, verdict, a.fetched, a.waiting);
  }
  const ProposalColumns absent(a.absent);
  const ProposalColumns went_back(a.went_back);
  db_.execute(
      "INSERT OR REPLACE INTO artifacts (identity, id, kind, wanted, deployment_id, at_ns, at_text, by_absence, "
      "changed, fetched, verdict, waiting, absent_link, absent_asked_ms, absent_change, went_back_link, "
      "went_back_asked_ms, went_back_change, went_back_body, went_back_at_ms, question, question_change, "
      "gone_since_ns) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
      identity_, a.id, a.kind, static_cast<int>(a.wanted), a.deployment_id, a.at.ns, a.at_text, a.by_absence, a.changed,
      a.fetched, verdict, a.waiting, absent.link, absent.asked_ms, absent.change, went_back.link, went_back.asked_ms,
      went_back.change, a.went_back_to.body, a.went_back_to.at_ms, static_cast<int>(a.question), a.question_change,
      a.gone_since.ns);
}

std::optional<sync::Resource> Transaction::resource(std::string_view kind, std::string_view id) {
  static const std::string kSelect = kSelectResource + "WHERE r.identity = ? AND r.kind = ? AND r.id = ?";
  if (db_.error()) return std::nullopt;
  if (const auto* known = here_->resources.find(kind, id)) return known->row;
  std::optional<sync::Resource> found;
  auto row = db_.query(kSelect, identity_, kind, id);
  if (row.next()) found = read_resource(row);
  if (!db_.error()) here_->resources.note(kind, id, found);
  return found;
}

void Transaction::put(const sync::Resource& r) {
  if (db_.error()) return;
  bool is_offer_all = false;
  auto offer = OfferColumns::All;
  bool drops_bodies = true;
  if (auto* known = here_->resources.find(r.kind, r.id); known != nullptr && known->row) {
    const sync::Resource& stored = *known->row;
    is_offer_all = is_same(stored, r);
    offer = changed_columns(stored.offering, r.offering);
    drops_bodies = names_less(stored.body, stored.offering, known->unnamed, r.body, r.offering);
  } else if (known != nullptr) {
    drops_bodies = !known->unnamed.empty();
  }
  if (is_offer_all && offer == OfferColumns::None && !drops_bodies) return;
  here_->resources.note(r.kind, r.id, r);
  if (!is_offer_all) write(r);
  note_written(r);
  const sync::Key key{r.kind, r.id};
  put_offer(key, /*artifact=*/false, /*may_settle=*/false, r.offering, offer);
  if (drops_bodies) drop_bodies_but(key, r.body, r.offering);
}

void Transaction::write(const sync::Resource& r) {
  const ProposalColumns absent(r.absent);
  db_.execute(
      "INSERT OR REPLACE INTO resources (identity, kind, id, artifact_id, name, gone, body, updated_at_ns, "
      "unconfirmed, "
      "hash, fetched_hash, changed, waiting, absent_link, absent_asked_ms, absent_change, gone_since_ns) "
      "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
      identity_, r.kind, r.id, r.artifact_id, r.name, r.gone, r.body, r.updated_at.ns, r.unconfirmed, r.hash,
      r.fetched_hash, r.changed, r.waiting, absent.link, absent.asked_ms, absent.change, r.gone_since.ns);
}

void Transaction::erase(const sync::Key& key) {
  forget(key);
  db_.execute("DELETE FROM artifacts WHERE identity = ? AND id = ? AND kind = ?", identity_, key.id, key.kind);
  if (db_.changed_rows() > 0) drop_ack(key.id);
  db_.execute("DELETE FROM resources WHERE identity = ? AND kind = ? AND id = ?", identity_, key.kind, key.id);
  db_.execute("DELETE FROM offers WHERE identity = ? AND kind = ? AND id = ?", identity_, key.kind, key.id);
  db_.execute("DELETE FROM bodies WHERE identity = ? AND owner_kind = ? AND owner_id = ?", identity_, key.kind, key.id);
  clear_pending(key);
  here_->left.note_erased();
  here_->left[Left::UnheldResource].reset();
}

}  // namespace tether::store
