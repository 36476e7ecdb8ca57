#include <array>

#include "tether/protocol/kinds.h"
#include "tether/store/transaction.h"
#include "tether/store/work_left.h"
#include "tether/sync/rule.h"

namespace tether::store {
namespace {

/// In the order of Left, each with its index; ?1 is the identity.
const std::array<std::string, kLeftKinds> kFrom = {
    kWithoutDocument,
    kWithoutValue,
    "FROM artifacts INDEXED BY artifacts_absent WHERE identity = ?1 AND absent_change IS NOT NULL",
    "FROM artifacts INDEXED BY artifacts_went_back WHERE identity = ?1 AND went_back_change IS NOT NULL",
    "FROM resources INDEXED BY resources_absent WHERE identity = ?1 AND absent_change IS NOT NULL",
    "FROM resources r INDEXED BY resources_absent WHERE r.identity = ?1 AND r.absent_change IS NOT NULL AND NOT EXISTS "
    "(SELECT 1 FROM holds h WHERE h.identity = r.identity AND h.release <> 2 AND h.scope = CASE r.kind "
    "WHEN 'ApiKey' THEN 'keys/' || (SELECT a.kind FROM artifacts a WHERE a.identity = r.identity AND a.id = "
    "r.artifact_id) WHEN 'SubscriptionPlan' THEN 'plans' WHEN 'Secret' THEN 'secrets' WHEN 'Subscription' THEN "
    "'subscriptions/' || r.artifact_id ELSE 'hmac/' || r.artifact_id END)",
    "FROM artifacts INDEXED BY artifacts_with_question WHERE identity = ?1 AND question <> 0",
    "FROM artifacts INDEXED BY artifacts_with_question WHERE identity = ?1 AND question <> 0 AND NOT (question = 2 AND "
    "by_absence = 1 AND wanted = 1)",
    "FROM holds WHERE identity = ?1",
    "FROM holds WHERE identity = ?1 AND release <> 2",
    "FROM holds WHERE identity = ?1 AND scope = 'deployments' AND release <> 2",
    "FROM held_resources WHERE identity = ?1",
    "FROM artifacts INDEXED BY artifacts_waiting WHERE identity = ?1 AND waiting = 1",
    "FROM resources INDEXED BY resources_waiting WHERE identity = ?1 AND waiting = 1",
    "FROM offers INDEXED BY offers_refused WHERE identity = ?1 AND refused_body IS NOT NULL",
    "FROM offers INDEXED BY offers_refused WHERE identity = ?1 AND refused_body IS NOT NULL AND refused_body = ''",
    "FROM pending INDEXED BY pending_doubts WHERE identity = ?1 AND doubt = 1",
    "FROM offers INDEXED BY offers_lost WHERE identity = ?1 AND lost = 1",
};

}  // namespace

bool Transaction::is_left(Left what) {
  auto& known = here_->left[what];
  if (!known) {
    known = db_.number("SELECT EXISTS (SELECT 1 " + kFrom.at(static_cast<std::size_t>(what)) + ")", identity_) != 0;
  }
  return *known;
}

void Transaction::note_written(const sync::Artifact& a) {
  const auto& refused = a.offering.refused;
  const bool is_refused = refused && refused->version == sync::Version{a.deployment_id, a.at.ms()};
  here_->left.note_written(Left::Document,
                           a.wanted == sync::Wanted::Deployed && a.fetched != a.deployment_id && !is_refused);
  here_->left.note_written(Left::AbsentArtifact, a.absent.has_value());
  here_->left.note_written(Left::WentBack, a.went_back.has_value());
  here_->left.note_written(Left::Question, a.question != sync::Question::None);
  here_->left.note_written(Left::OpenQuestion, sync::has_open_question(a));
  here_->left.note_written(Left::WaitingArtifact, a.waiting);
  if (a.may_settle && a.offering.revision <= here_->none_settles_up_to) here_->none_settles_up_to = -1;
}

void Transaction::note_written(const sync::Resource& r) {
  here_->left.note_written(Left::Value,
                           r.kind == protocol::kSecret && !r.gone && (r.body.empty() || r.fetched_hash != r.hash));
  here_->left.note_written(Left::AbsentResource, r.absent.has_value());
  here_->left.note_written(Left::UnheldResource, r.absent.has_value());
  here_->left.note_written(Left::WaitingResource, r.waiting);
}

void Transaction::note_written(const sync::Offering& o) {
  here_->left.note_written(Left::Refused, o.refused.has_value());
  here_->left.note_written(Left::RefusedRemoval, o.refused && !o.refused->version.is_set());
  here_->left.note_written(Left::Lost, o.lost);
}

std::vector<sync::WantedDocument> Transaction::without_document(std::size_t limit) {
  if (!is_left(Left::Document)) return {};
  auto rows =
      db_.query("SELECT a.id, a.deployment_id " + kWithoutDocument + "ORDER BY a.changed LIMIT ?2", identity_, limit);
  std::vector<sync::WantedDocument> documents;
  while (rows.next()) documents.push_back({rows.text(0), rows.text(1)});
  return documents;
}

std::vector<std::string> Transaction::without_value(std::size_t limit) {
  if (!is_left(Left::Value)) return {};
  return texts(db_.query("SELECT r.id " + kWithoutValue + "ORDER BY r.changed LIMIT ?2", identity_, limit));
}

std::vector<std::string> Transaction::with_question(std::size_t limit) {
  if (!is_left(Left::Question)) return {};
  return texts(
      db_.query("SELECT id FROM artifacts INDEXED BY artifacts_with_question WHERE identity = ? AND question <> 0 "
                "ORDER BY changed LIMIT ?",
                identity_, limit));
}

sync::OpenWork Transaction::open_work() {
  sync::OpenWork work;
  work.documents = is_left(Left::Document) || is_left(Left::Value);
  const bool artifacts = is_left(Left::AbsentArtifact) || is_left(Left::WentBack);
  const bool resources = is_left(Left::AbsentResource);
  work.proposals = artifacts || resources;
  work.unheld = (artifacts && !is_left(Left::HoldOfArtifacts)) || (resources && is_left(Left::UnheldResource));
  work.questions = is_left(Left::OpenQuestion);
  work.holds = is_left(Left::Hold);
  work.unreleased = work.holds && is_left(Left::UnreleasedHold);
  work.waiting = is_left(Left::WaitingArtifact);
  work.refused = is_left(Left::Refused);
  work.removals = work.refused && is_left(Left::RefusedRemoval);
  work.doubts = is_left(Left::Doubt);
  work.lost = has_lost();
  return work;
}

}  // namespace tether::store
