#include "tether/sync/rule.h"

#include <catch2/catch.hpp>

#include "tether/sync/brake.h"

using namespace tether;
using namespace tether::sync;

namespace {

const Instant kStored = from_ms(1'000'000);
const Instant kHorizon = from_ms(900'000);

Artifact stored(Wanted wanted = Wanted::Deployed) {
  Artifact artifact;
  artifact.id = "a";
  artifact.kind = "RestApi";
  artifact.wanted = wanted;
  artifact.deployment_id = "d1";
  artifact.at = kStored;
  artifact.changed = 10;
  return artifact;
}

Statement says(const std::string& deployment_id, bool deployed, Instant at) {
  return {"RestApi", "a", deployment_id, deployed, at, "text"};
}

EventJudgement event(const Artifact& artifact, const Statement& statement, Instant horizon = kHorizon) {
  return judge_event(&artifact, statement, horizon);
}

RowJudgement row(const Artifact& artifact, const Statement& statement,
                 const RowContext& context = {true, false, 1, 0}) {
  return judge_row(&artifact, statement, context);
}

Proposal noted_at(std::int64_t asked_ms, std::int64_t link = 1) {
  return {link, asked_ms, /*change=*/20};
}

}  // namespace

// Section 2: events.

TEST_CASE("an event that says what is stored, at most a millisecond apart, is the same [R22]") {
  CHECK(event(stored(), says("d1", true, kStored)) == EventJudgement::Same);
  CHECK(event(stored(), says("d1", true, kStored + 1ms)) == EventJudgement::Same);
  CHECK(event(stored(), says("d1", true, kStored - 1ms)) == EventJudgement::Same);
  CHECK(event(stored(), says("d1", true, kStored + 1ms + 1ns)) == EventJudgement::Replace);
}

TEST_CASE("the same event is the same before the horizon too, so that its ack can be repeated [C2]") {
  CHECK(event(stored(), says("d1", true, kStored), kStored + 1h) == EventJudgement::Same);
}

TEST_CASE("an event that a listing has spoken about is doubted [CE-6]") {
  CHECK(event(stored(), says("d2", true, kHorizon)) == EventJudgement::Doubt);
  CHECK(judge_event(nullptr, says("d2", true, kHorizon), kHorizon) == EventJudgement::Doubt);
  CHECK(judge_event(nullptr, says("d2", true, kHorizon + 1ns), kHorizon) == EventJudgement::Create);
}

TEST_CASE("an event about something unknown creates it") {
  CHECK(judge_event(nullptr, says("d1", true, kStored), kHorizon) == EventJudgement::Create);
  CHECK(judge_event(nullptr, says("d1", false, kStored), kHorizon) == EventJudgement::Create);
}

TEST_CASE("a later event replaces, whatever deployment an undeploy names [B1]") {
  CHECK(event(stored(), says("d2", true, kStored + 5ms)) == EventJudgement::Replace);
  CHECK(event(stored(), says("d1", false, kStored + 5ms)) == EventJudgement::Replace);
  CHECK(event(stored(), says("other", false, kStored + 5ms)) == EventJudgement::Replace);
  CHECK(event(stored(Wanted::Undeployed), says("d1", true, kStored + 5ms)) == EventJudgement::Replace);
}

TEST_CASE("later by less than a millisecond replaces only with another id or state") {
  CHECK(event(stored(), says("d2", true, kStored + 1ns)) == EventJudgement::Replace);
  CHECK(event(stored(), says("d1", false, kStored + 1ns)) == EventJudgement::Replace);
}

TEST_CASE("an event of the same instant with another id or state is doubted") {
  CHECK(event(stored(), says("d2", true, kStored)) == EventJudgement::Doubt);
  CHECK(event(stored(), says("d1", false, kStored)) == EventJudgement::Doubt);
  CHECK(event(stored(), says("d2", true, kStored - 1ms)) == EventJudgement::Doubt);
}

TEST_CASE("an event about what was concluded from an absence is doubted") {
  Artifact artifact = stored(Wanted::Undeployed);
  artifact.by_absence = true;

  CHECK(event(artifact, says("d1", true, kStored)) == EventJudgement::Doubt);
  CHECK(event(artifact, says("d1", false, kStored)) == EventJudgement::Doubt);
  CHECK(event(artifact, says("d2", true, kStored + 1s)) == EventJudgement::Doubt);
}

TEST_CASE("an earlier event is doubted, of the same deployment too: it may have committed later") {
  CHECK(event(stored(), says("d1", false, kStored - 2ms)) == EventJudgement::Doubt);
  CHECK(event(stored(), says("d0", true, kStored - 2ms)) == EventJudgement::Doubt);
}

TEST_CASE("an event about something deleted is doubted if it is later, else nothing [B4]") {
  CHECK(event(stored(Wanted::Gone), says("d2", true, kStored + 1s)) == EventJudgement::Doubt);
  CHECK(event(stored(Wanted::Gone), says("d1", true, kStored)) == EventJudgement::Nothing);
  CHECK(event(stored(Wanted::Gone), says("d0", true, kStored - 1s)) == EventJudgement::Nothing);
}

// Section 3: rows.

TEST_CASE("a row that was stopped after the listing was asked decides nothing, and is listed again [CE-11]") {
  const RowContext stopped_since{true, false, 1, 0, true};
  Artifact absent = stored(Wanted::Undeployed);
  absent.by_absence = true;

  CHECK(judge_row(nullptr, says("d1", true, kStored), stopped_since) == RowJudgement::AskAgain);
  CHECK(row(absent, says("d2", true, kStored + 1s), stopped_since) == RowJudgement::AskAgain);
  CHECK(row(stored(), says("d2", true, kStored + 1s), stopped_since) == RowJudgement::AskAgain);
  CHECK(row(stored(), says("d1", true, kStored), stopped_since) == RowJudgement::Same);
  CHECK(row(stored(Wanted::Gone), says("d2", true, kStored + 1s), stopped_since) == RowJudgement::AskExists);
}

TEST_CASE("a row about something unknown creates it, in a delta too") {
  CHECK(judge_row(nullptr, says("d1", true, kStored), {true, false, 1, 0}) == RowJudgement::Create);
  CHECK(judge_row(nullptr, says("d1", false, kStored), {false, false, 1, 0}) == RowJudgement::Create);
}

TEST_CASE("a row that says what is stored is the same, raced or not") {
  CHECK(row(stored(), says("d1", true, kStored + 1ms)) == RowJudgement::Same);
  CHECK(row(stored(), says("d1", true, kStored), {true, true, 1, 0}) == RowJudgement::Same);
}

TEST_CASE("a later row replaces, raced or not: newer wins [R22]") {
  CHECK(row(stored(), says("d2", true, kStored + 2ms)) == RowJudgement::Replace);
  CHECK(row(stored(), says("d2", true, kStored + 2ms), {false, true, 1, 0}) == RowJudgement::Replace);
}

TEST_CASE("state is part of what is compared, not only the time [B1]") {
  CHECK(row(stored(), says("d1", false, kStored)) == RowJudgement::Replace);
  CHECK(row(stored(Wanted::Undeployed), says("d1", true, kStored)) == RowJudgement::Replace);
}

TEST_CASE("a raced row that is not later decides nothing [B4]") {
  CHECK(row(stored(), says("d2", true, kStored), {true, true, 1, 0}) == RowJudgement::AskAgain);
  CHECK(row(stored(), says("d0", true, kStored - 1s), {true, true, 1, 0}) == RowJudgement::AskAgain);
  CHECK(row(stored(Wanted::Gone), says("d1", true, kStored), {true, true, 1, 0}) == RowJudgement::AskAgain);
}

TEST_CASE("a row decides a tie, and what was concluded from an absence") {
  Artifact artifact = stored(Wanted::Undeployed);
  artifact.by_absence = true;

  CHECK(row(stored(), says("d2", true, kStored)) == RowJudgement::Replace);
  CHECK(row(artifact, says("d1", true, kStored)) == RowJudgement::Replace);
  CHECK(row(artifact, says("d0", true, kStored - 1h)) == RowJudgement::Replace);
}

TEST_CASE("an earlier row of a delta is nothing") {
  CHECK(row(stored(), says("d0", true, kStored - 2ms), {false, false, 1, 0}) == RowJudgement::Nothing);
}

TEST_CASE("an earlier row of a full listing needs the same words again, asked ten seconds later") {
  const Statement earlier = says("d0", true, kStored - 2ms);
  CHECK(row(stored(), earlier, {true, false, 1, 0}) == RowJudgement::WentBack);

  Artifact artifact = stored();
  artifact.went_back = noted_at(1000);
  artifact.went_back_to = {"d0", earlier.at.ms()};

  CHECK(row(artifact, earlier, {true, false, 1, 10'999}) == RowJudgement::AskAgain);
  CHECK(row(artifact, earlier, {true, false, 1, 11'000}) == RowJudgement::TakeBack);
  CHECK(row(artifact, earlier, {true, false, 2, 11'000}) == RowJudgement::WentBack);
  CHECK(row(artifact, says("dx", true, earlier.at), {true, false, 1, 11'000}) == RowJudgement::WentBack);
}

TEST_CASE("a row that names something deleted asks whether it exists") {
  CHECK(row(stored(Wanted::Gone), says("d2", true, kStored + 1h)) == RowJudgement::AskExists);
  CHECK(row(stored(Wanted::Gone), says("d1", true, kStored)) == RowJudgement::AskExists);
}

// Section 4: absence.

TEST_CASE("an absence counts when it is said twice, asked ten to sixty seconds apart under one link [CE-10]") {
  CHECK(judge_absence(std::nullopt, 10, 20, 1, 0) == AbsenceJudgement::Note);
  CHECK(judge_absence(noted_at(0), 10, 30, 1, 9'999) == AbsenceJudgement::AskAgain);
  CHECK(judge_absence(noted_at(0), 10, 30, 1, 10'000) == AbsenceJudgement::Confirmed);
  CHECK(judge_absence(noted_at(0), 10, 30, 1, 60'000) == AbsenceJudgement::Confirmed);
  CHECK(judge_absence(noted_at(0), 10, 30, 1, 60'001) == AbsenceJudgement::Note);
  CHECK(judge_absence(noted_at(0), 10, 30, 2, 10'000) == AbsenceJudgement::Note);
}

TEST_CASE("what changed after the listing was asked is not absent [B4]") {
  CHECK(judge_absence(noted_at(0), 31, 30, 1, 10'000) == AbsenceJudgement::AskAgain);
}

TEST_CASE("what changed between two absences starts over") {
  CHECK(judge_absence(noted_at(0), 25, 30, 1, 10'000) == AbsenceJudgement::Note);
}

// Section 7: the brake.

TEST_CASE("the brake holds for more than five and more than a fifth, or for everything [B5]") {
  CHECK_FALSE(brake_holds(0, 0));
  CHECK_FALSE(brake_holds(100, 0));
  CHECK_FALSE(brake_holds(10, 5));
  CHECK(brake_holds(10, 6));
  CHECK_FALSE(brake_holds(30, 6));
  CHECK(brake_holds(29, 6));
  CHECK(brake_holds(1, 1));
  CHECK(brake_holds(3, 3));
}

// Section 9: acks.

TEST_CASE("a deployment is a success when what is wanted is offered, also after a failure") {
  Artifact artifact = stored();
  artifact.offering.offered = wanted_version(artifact);

  CHECK(judge_settlement(artifact, 0s) == Settlement::Success);
  artifact.verdict = Verdict::Failed;
  CHECK(judge_settlement(artifact, 2h) == Settlement::Success);
  artifact.verdict = Verdict::Success;
  CHECK(judge_settlement(artifact, 0s) == Settlement::Wait);
}

TEST_CASE("an undeployment is a success when nothing is offered, also if we never had it") {
  Artifact artifact = stored(Wanted::Undeployed);

  CHECK(judge_settlement(artifact, 0s) == Settlement::Success);
  artifact.verdict = Verdict::Success;
  CHECK(judge_settlement(artifact, 0s) == Settlement::Wait);
}

TEST_CASE("what was concluded from an absence is not acknowledged") {
  Artifact artifact = stored(Wanted::Undeployed);
  artifact.by_absence = true;

  CHECK(judge_settlement(artifact, 0s) == Settlement::Wait);
}

TEST_CASE("a refused removal is not acknowledged [C4]") {
  Artifact artifact = stored(Wanted::Undeployed);
  artifact.offering.refused = Refusal{{}, "busy", {}};

  CHECK(judge_settlement(artifact, 0s) == Settlement::Wait);
}

TEST_CASE("a refused deployment has failed for 55 seconds, then silence [C5]") {
  Artifact artifact = stored();
  artifact.offering.refused = Refusal{wanted_version(artifact), "no", {}};

  CHECK(judge_settlement(artifact, 55s - 1ns) == Settlement::Failed);
  CHECK(judge_settlement(artifact, 55s) == Settlement::Silence);
}

TEST_CASE("failed is never said after success, nor twice [C5]") {
  Artifact artifact = stored();
  artifact.offering.refused = Refusal{wanted_version(artifact), "no", {}};

  artifact.verdict = Verdict::Success;
  CHECK(judge_settlement(artifact, 1s) == Settlement::Wait);
  artifact.verdict = Verdict::Failed;
  CHECK(judge_settlement(artifact, 1s) == Settlement::Wait);
}

TEST_CASE("the refusal of an earlier deployment says nothing about the wanted one [C5]") {
  Artifact artifact = stored();
  artifact.offering.refused = Refusal{{"d0", 1}, "no", {}};

  CHECK(judge_settlement(artifact, 1s) == Settlement::Wait);
}

TEST_CASE("anything else waits") {
  Artifact artifact = stored();
  CHECK(judge_settlement(artifact, 1s) == Settlement::Wait);
  artifact.offering.offered = {"d0", 1};
  CHECK(judge_settlement(artifact, 1s) == Settlement::Wait);
  CHECK(judge_settlement(stored(Wanted::Gone), 1s) == Settlement::Wait);
}

// Section 11: the staged identity.

TEST_CASE("the first thing that a staged identity lacks keeps it from being served [CE-9]") {
  StagedFacts facts;
  facts.doubts = facts.documents = facts.held = true;
  facts.in_service = 10;
  facts.accepted = true;
  CHECK(judge_staged(facts) == StagedLack::Listings);
  facts.agreed = true;
  CHECK(judge_staged(facts) == StagedLack::Round);
  facts.round_done = true;
  CHECK(judge_staged(facts) == StagedLack::Doubts);
  facts.doubts = false;
  CHECK(judge_staged(facts) == StagedLack::Documents);
  facts.only_missing = true;
  CHECK(judge_staged(facts) == StagedLack::Nothing);  // an operator's word makes up for the rest

  facts.accepted = false;
  CHECK(judge_staged(facts) == StagedLack::MissingDocuments);
  facts.documents = false;
  CHECK(judge_staged(facts) == StagedLack::Held);
  facts.held = false;
  CHECK(judge_staged(facts) == StagedLack::Empty);
  facts.resources = 7;
  CHECK(judge_staged(facts) == StagedLack::TooFew);
  facts.resources = 8;
  CHECK(judge_staged(facts) == StagedLack::Nothing);
}
