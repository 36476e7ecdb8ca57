#include "tether/sync/rule.h"

namespace tether::sync {
namespace {

enum class Order { Earlier, Equal, Later };

Order order(Instant statement, Instant stored) {
  const auto difference = statement - stored;
  if (difference > kSameInstant) return Order::Later;
  if (difference < -kSameInstant) return Order::Earlier;
  return Order::Equal;
}

bool says_same_thing(const Artifact& stored, const Statement& statement) {
  return stored.wanted == (statement.deployed ? Wanted::Deployed : Wanted::Undeployed) &&
         stored.deployment_id == statement.deployment_id;
}

}  // namespace

bool is_same(const Artifact& stored, const Statement& statement) {
  return !stored.by_absence && says_same_thing(stored, statement) && order(statement.at, stored.at) == Order::Equal;
}

EventJudgement judge_event(const Artifact* stored, const Statement& event, Instant horizon) {
  if (stored != nullptr && is_same(*stored, event)) return EventJudgement::Same;
  if (event.at <= horizon) return EventJudgement::Doubt;
  if (stored == nullptr) return EventJudgement::Create;
  if (stored->wanted == Wanted::Gone) return event.at > stored->at ? EventJudgement::Doubt : EventJudgement::Nothing;
  if (stored->by_absence) return EventJudgement::Doubt;
  if (event.at > stored->at) {
    // Within the same instant only another id or state makes it newer; the same ones were caught above.
    return EventJudgement::Replace;
  }
  // Of the same instant, or earlier: an operation may commit behind one that was stamped later, also of the same id.
  return EventJudgement::Doubt;
}

RowJudgement judge_row(const Artifact* stored, const Statement& row, const RowContext& context) {
  if (stored != nullptr) {
    if (stored->wanted == Wanted::Gone) return context.raced ? RowJudgement::AskAgain : RowJudgement::AskExists;
    if (is_same(*stored, row)) return RowJudgement::Same;
  }
  // It is history by now. What came into service with it would count as good once what came after is refused (CE-11).
  if (context.stopped_since) return RowJudgement::AskAgain;
  if (stored == nullptr) return RowJudgement::Create;
  const Order when = order(row.at, stored->at);
  if (when == Order::Later) return RowJudgement::Replace;
  if (context.raced) return RowJudgement::AskAgain;
  if (when == Order::Equal || stored->by_absence) return RowJudgement::Replace;
  if (!context.full) return RowJudgement::Nothing;
  const bool said_before = stored->went_back && stored->went_back->link == context.link &&
                           stored->went_back_to == Version{row.deployment_id, row.at.ms()};
  if (!said_before) return RowJudgement::WentBack;
  const bool late_enough = context.asked_ms - stored->went_back->asked_ms >= kConfirmAfter.count();
  return late_enough ? RowJudgement::TakeBack : RowJudgement::AskAgain;
}

AbsenceJudgement judge_absence(const std::optional<Proposal>& noted, std::int64_t changed, std::int64_t asked_change,
                               std::int64_t link, std::int64_t asked_ms) {
  if (changed > asked_change) return AbsenceJudgement::AskAgain;
  if (!noted || noted->link != link || changed > noted->change) return AbsenceJudgement::Note;
  const std::int64_t since = asked_ms - noted->asked_ms;
  if (since > kConfirmBefore.count()) return AbsenceJudgement::Note;
  return since >= kConfirmAfter.count() ? AbsenceJudgement::Confirmed : AbsenceJudgement::AskAgain;
}

bool takes_out_of_service(const Artifact& stored, const Statement& row) {
  return !row.deployed && stored.wanted == Wanted::Deployed && stored.offering.offered.is_set() &&
         order(row.at, stored.at) == Order::Earlier;
}

Version wanted_version(const Artifact& artifact) {
  if (artifact.wanted != Wanted::Deployed) return {};
  return {artifact.deployment_id, artifact.at.ms()};
}

bool has_open_question(const Artifact& artifact) {
  const bool is_out = artifact.wanted == Wanted::Undeployed && artifact.by_absence;
  return artifact.question != Question::None && !(is_out && artifact.question == Question::Absence);
}

bool may_settle(const Artifact& artifact) {
  switch (artifact.wanted) {
    case Wanted::Gone:
      return false;
    case Wanted::Undeployed:
      // A removal that the gateway refused is not done.
      return !artifact.by_absence && artifact.verdict == Verdict::None && !artifact.offering.refused;
    case Wanted::Deployed:
      break;
  }
  const Version wanted = wanted_version(artifact);
  const bool refused = artifact.offering.refused && artifact.offering.refused->version == wanted;
  if (refused) return artifact.verdict == Verdict::None;
  return artifact.offering.offered == wanted && !artifact.offering.lost && artifact.verdict != Verdict::Success;
}

std::string_view to_string(StagedLack lack) {
  switch (lack) {
    case StagedLack::Nothing:
      return "nothing";
    case StagedLack::Link:
      return "a link of it";
    case StagedLack::Listings:
      return "two full listings, 10 s apart, that agree";
    case StagedLack::Round:
      return "its other listings";
    case StagedLack::Doubts:
      return "an answer about what is in doubt";
    case StagedLack::Documents:
      return "documents or secret values that are being fetched";
    case StagedLack::MissingDocuments:
      return "the operator: the control plane lists documents or secret values that it does not give";
    case StagedLack::Held:
      return "the operator: removals of its own are held";
    case StagedLack::Empty:
      return "the operator: it has nothing, and would empty the gateway";
    case StagedLack::TooFew:
      return "the operator: it has less than 80 % of the number of resources in service";
  }
  return "unknown";
}

bool needs_operator(StagedLack lack) {
  return lack >= StagedLack::MissingDocuments;
}

StagedLack judge_staged(const StagedFacts& facts) {
  if (!facts.agreed) return StagedLack::Listings;
  if (!facts.round_done) return StagedLack::Round;
  if (facts.doubts) return StagedLack::Doubts;
  if (facts.documents && !facts.only_missing) return StagedLack::Documents;
  if (facts.accepted) return StagedLack::Nothing;
  if (facts.documents) return StagedLack::MissingDocuments;
  if (facts.held) return StagedLack::Held;
  if (facts.resources == 0) return StagedLack::Empty;
  if (facts.resources * 100 < facts.in_service * kStagedPercent) return StagedLack::TooFew;
  return StagedLack::Nothing;
}

bool covers(const ShownIdentity& shown, StagedFacts facts) {
  facts.accepted = false;
  return shown.waits_for == to_string(judge_staged(facts)) && facts.resources >= shown.resources &&
         facts.in_service <= shown.in_service;
}

bool shows_most(std::int64_t stored, std::int64_t unseen) {
  return (stored - unseen) * 100 >= stored * kStagedPercent;
}

Settlement judge_settlement(const Artifact& artifact, std::chrono::nanoseconds age) {
  if (!may_settle(artifact)) return Settlement::Wait;
  if (artifact.wanted == Wanted::Undeployed) {
    return artifact.offering.offered.is_set() ? Settlement::Wait : Settlement::Success;
  }
  if (artifact.offering.offered == wanted_version(artifact)) return Settlement::Success;
  return age < kFailedWithin ? Settlement::Failed : Settlement::Silence;
}

}  // namespace tether::sync
