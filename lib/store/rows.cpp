#include "tether/store/rows.h"

namespace tether::store {
namespace {

constexpr const char* kOfferColumns =
    "o.body, o.at_ms, o.lost, o.revision, o.good_body, o.good_at_ms, o.refused_body, o.refused_at_ms, "
    "o.refused_reason, "
    "o.refused_since_ns, o.sent_body, o.sent_at_ms, o.sent_push ";

sync::Offering read_offering(const Cursor& row, int first) {
  sync::Offering offering;
  offering.offered = {row.text(first), row.integer(first + 1)};
  offering.lost = row.flag(first + 2);
  offering.revision = row.integer(first + 3);
  offering.good = {row.text(first + 4), row.integer(first + 5)};
  if (!row.is_null(first + 6)) {
    offering.refused = sync::Refusal{
        {row.text(first + 6), row.integer(first + 7)}, row.text(first + 8), Instant{row.integer(first + 9)}};
  }
  offering.sent = {row.text(first + 10), row.integer(first + 11)};
  offering.sent_push = row.integer(first + 12);
  return offering;
}

std::optional<sync::Proposal> read_proposal(const Cursor& row, int first) {
  if (row.is_null(first)) return std::nullopt;
  return sync::Proposal{row.integer(first), row.integer(first + 1), row.integer(first + 2)};
}

}  // namespace

const std::string kSelectArtifact =
    std::string(
        "SELECT a.id, a.kind, a.wanted, a.deployment_id, a.at_ns, a.at_text, a.by_absence, a.changed, a.fetched, "
        "a.verdict, o.may_settle, a.waiting, a.absent_link, a.absent_asked_ms, a.absent_change, a.went_back_link, "
        "a.went_back_asked_ms, a.went_back_change, a.went_back_body, a.went_back_at_ms, a.question, "
        "a.question_change, a.gone_since_ns, ") +
    kOfferColumns + "FROM artifacts a JOIN offers o ON o.identity = a.identity AND o.kind = a.kind AND o.id = a.id ";

const std::string kSelectResource =
    std::string(
        "SELECT r.kind, r.id, r.artifact_id, r.name, r.gone, r.body, r.updated_at_ns, r.unconfirmed, r.hash, "
        "r.fetched_hash, r.changed, r.waiting, r.absent_link, r.absent_asked_ms, r.absent_change, r.gone_since_ns, ") +
    kOfferColumns + "FROM resources r JOIN offers o ON o.identity = r.identity AND o.kind = r.kind AND o.id = r.id ";

sync::Artifact read_artifact(const Cursor& row) {
  sync::Artifact a;
  a.id = row.text(0);
  a.kind = row.text(1);
  a.wanted = static_cast<sync::Wanted>(row.integer(2));
  a.deployment_id = row.text(3);
  a.at = Instant{row.integer(4)};
  a.at_text = row.text(5);
  a.by_absence = row.flag(6);
  a.changed = row.integer(7);
  a.fetched = row.text(8);
  a.verdict = static_cast<sync::Verdict>(row.integer(9));
  a.may_settle = row.flag(10);
  a.waiting = row.flag(11);
  a.absent = read_proposal(row, 12);
  a.went_back = read_proposal(row, 15);
  a.went_back_to = {row.text(18), row.integer(19)};
  a.question = static_cast<sync::Question>(row.integer(20));
  a.question_change = row.integer(21);
  a.gone_since = Instant{row.integer(22)};
  a.offering = read_offering(row, 23);
  return a;
}

sync::Resource read_resource(const Cursor& row) {
  sync::Resource r;
  r.kind = row.text(0);
  r.id = row.text(1);
  r.artifact_id = row.text(2);
  r.name = row.text(3);
  r.gone = row.flag(4);
  r.body = row.text(5);
  r.updated_at = Instant{row.integer(6)};
  r.unconfirmed = row.flag(7);
  r.hash = row.text(8);
  r.fetched_hash = row.text(9);
  r.changed = row.integer(10);
  r.waiting = row.flag(11);
  r.absent = read_proposal(row, 12);
  r.gone_since = Instant{row.integer(15)};
  r.offering = read_offering(row, 16);
  return r;
}

const std::string kHoldColumns =
    "scope, since_ns, would_go, in_service, began, noted, held_ms, judged_link, judged_ms, keeps_some, release, "
    "release_link, release_change";

sync::Hold read_hold(const Cursor& row) {
  sync::Hold hold;
  hold.scope = row.text(0);
  hold.since = Instant{row.integer(1)};
  hold.would_go = row.integer(2);
  hold.in_service = row.integer(3);
  hold.began = row.integer(4);
  hold.noted = row.integer(5);
  hold.held_ms = row.integer(6);
  hold.judged_link = row.integer(7);
  hold.judged_ms = row.integer(8);
  hold.keeps_some = row.flag(9);
  hold.release = static_cast<sync::Release>(row.integer(10));
  hold.release_link = row.integer(11);
  hold.release_change = row.integer(12);
  return hold;
}

ProposalColumns::ProposalColumns(const std::optional<sync::Proposal>& proposal) {
  if (!proposal) return;
  link = proposal->link;
  asked_ms = proposal->asked_ms;
  change = proposal->change;
}

}  // namespace tether::store
