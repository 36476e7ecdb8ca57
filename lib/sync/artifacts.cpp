#include "tether/sync/artifacts.h"

#include <algorithm>
#include <utility>

#include "tether/protocol/kinds.h"
#include "tether/sync/acks.h"
#include "tether/sync/brake.h"
#include "tether/sync/resources.h"
#include "tether/sync/sweep.h"

namespace tether::sync {
namespace {

/// Other words for the same instant are acknowledged as well. Of what is refused stays said what was said (CE-15).
void take_words(Artifact& artifact, const std::string& text) {
  const auto& refused = artifact.offering.refused;
  artifact.at_text = text;
  if (!refused || refused->version != wanted_version(artifact)) artifact.verdict = Verdict::None;
  artifact.may_settle = may_settle(artifact);
}

}  // namespace

void Artifacts::on_event(const Statement& event, const std::string& type) {
  Records& records = context_.records;
  auto stored = records.artifact(event.artifact_id);
  const Pending pending{type, {event.kind, event.artifact_id}, event.at, event.at, 0};
  switch (judge_event(stored ? &*stored : nullptr, event, records.marks().horizon)) {
    case EventJudgement::Nothing:
      records.put_seen(type, event.at);
      return;
    case EventJudgement::Same:
      if (stored->at_text != event.at_text) {
        take_words(*stored, event.at_text);
        records.put(*stored);
      } else if (stored->verdict == Verdict::Success) {
        repeat_ack(*stored);
      }
      if (stored->verdict == Verdict::None) {
        records.put_pending(pending);
      } else {
        records.put_seen(type, event.at);
      }
      return;
    case EventJudgement::Create:
    case EventJudgement::Replace: {
      const bool comes = event.deployed && (!stored || lists_pass_over(*stored));
      if (stored) {
        replace(*stored, event);
      } else {
        create(event);
      }
      if (comes) list_what_belongs_to({event.kind, event.artifact_id});
      records.put_pending(pending);
      return;
    }
    case EventJudgement::Doubt: {
      Pending doubted = pending;
      doubted.doubt_change = records.next_change();
      records.put_pending(doubted);
      context_.doubt();
      return;
    }
  }
}

void Artifacts::note_coming(const Statement& row, Asked& asked) {
  if (row.deployed && asked.coming.size() <= kMaxComing) asked.coming.push_back({row.kind, row.artifact_id});
}

void Artifacts::on_came(const Asked& asked) {
  if (asked.coming.size() > kMaxComing) context_.memory.planner.want_sweep(Planner::Pace::AtOnce);
  for (const Key& key : asked.coming) list_what_belongs_to(key);
}

/// Whether what lists say, or do not say, about what belongs to it counts for nothing now.
bool Artifacts::lists_pass_over(const Artifact& artifact) {
  return artifact.wanted != Wanted::Deployed || artifact.absent || artifact.question != Question::None;
}

void Artifacts::list_what_belongs_to(const Key& artifact) {
  // The lists show only what belongs to something deployed: what is here of it may be old, or nothing.
  const TimePoint soon = context_.now.steady + kComingShare;
  const auto* kind = protocol::find_kind(artifact.kind);
  if (kind != nullptr && !kind->keys_path.empty()) {
    context_.memory.planner.want(Call::Keys, "keys/" + artifact.kind, soon);
  }
  if (artifact.kind == "RestApi") list_coming(context_, Call::Subscriptions, artifact.id, soon);
  if (artifact.kind == "WebSubApi") list_coming(context_, Call::HmacSecrets, artifact.id, soon);
}

void Artifacts::repeat_ack(const Artifact& artifact) {
  const bool in_service = artifact.wanted == Wanted::Deployed ? artifact.offering.offered == wanted_version(artifact)
                                                              : !artifact.offering.offered.is_set();
  if (in_service) put_success(context_, artifact);
}

void Artifacts::create(const Statement& statement) {
  Artifact artifact;
  artifact.id = statement.artifact_id;
  take(artifact, statement);
  context_.offers.reconsider(artifact);
}

void Artifacts::take(Artifact& artifact, const Statement& statement) {
  artifact.kind = statement.kind;
  artifact.wanted = statement.deployed ? Wanted::Deployed : Wanted::Undeployed;
  artifact.deployment_id = statement.deployment_id;
  artifact.at = statement.at;
  artifact.at_text = statement.at_text;
  artifact.by_absence = false;
  artifact.changed = context_.records.next_change();
  artifact.verdict = Verdict::None;
  artifact.absent.reset();
  artifact.went_back.reset();
  artifact.went_back_to = {};
  artifact.question = Question::None;
}

void Artifacts::replace(Artifact& artifact, const Statement& statement) {
  // The kind of an artifact never changes; should a row say otherwise, what the gateway has keeps its name.
  Statement same_kind = statement;
  same_kind.kind = artifact.kind;
  take(artifact, same_kind);
  context_.records.drop_ack(artifact.id);
  if (artifact.wanted == Wanted::Deployed) {
    context_.offers.reconsider(artifact);
  } else {
    artifact.fetched.clear();
    context_.offers.stop(artifact);
    forget_absences(artifact.id);
  }
}

void Artifacts::forget_absences(const std::string& artifact_id) {
  for (const Call call : {Call::Subscriptions, Call::HmacSecrets}) {
    const std::string scope = scope_of_artifact(call, artifact_id);
    context_.records.drop_hold(scope);
    context_.memory.unreadable.erase(scope);
  }
  for (const Key& key : context_.records.resources_of(artifact_id)) {
    auto resource = context_.records.resource(key.kind, key.id);
    if (!resource || !resource->absent) continue;
    resource->absent.reset();
    context_.records.put(*resource);
  }
}

void Artifacts::on_deleted_event(const protocol::ArtifactDeleted& event, const std::string& type, Instant at) {
  Records& records = context_.records;
  auto artifact = records.artifact(event.artifact_id);
  const bool is_gone = artifact && artifact->wanted == Wanted::Gone;
  // What was said since of something that is gone may be of a life that has ended as well.
  if (!artifact || (is_gone && records.resources_of(artifact->id).empty())) {
    records.put_seen(type, at);  // it comes to gateways that never had it
    return;
  }
  if (!is_gone && at.second() < artifact->at.second()) {
    // Of an earlier life, most likely, and an answer that lags behind would end this one.
    records.put_pending({type, {artifact->kind, artifact->id}, at, at, records.next_change()});
    context_.doubt();
    return;
  }
  ask_existence(*artifact, Question::DeletedEvent);
  records.put_pending({type, {artifact->kind, artifact->id}, at, at, 0});
}

void Artifacts::on_row(std::optional<Artifact> stored, const Statement& row, const RowContext& row_context,
                       Asked& asked) {
  Records& records = context_.records;
  if (stored && is_back(*stored, asked)) {
    stored->question = Question::None;
    stored->absent.reset();
    records.put(*stored);
    if (stored->wanted == Wanted::Deployed) note_coming(row, asked);
  }
  const bool takes_back = row_context.full && stored && takes_out_of_service(*stored, row);
  if (takes_back) records.mark_taken_back(asked.scope, row.artifact_id);
  switch (judge_row(stored ? &*stored : nullptr, row, row_context)) {
    case RowJudgement::Nothing:
      return;
    case RowJudgement::Create:
      note_coming(row, asked);
      create(row);
      return;
    case RowJudgement::Same: {
      const bool take_text = stored->at_text != row.at_text && (!row_context.raced || row.at > stored->at);
      if (!stored->absent && !stored->went_back && !take_text) return;
      if (stored->absent) note_coming(row, asked);
      stored->absent.reset();
      stored->went_back.reset();
      if (take_text) {
        take_words(*stored, row.at_text);
      }
      records.put(*stored);
      return;
    }
    case RowJudgement::Replace:
      if (lists_pass_over(*stored)) note_coming(row, asked);
      replace(*stored, row);
      return;
    case RowJudgement::TakeBack:
      if (!takes_back) {
        if (lists_pass_over(*stored)) note_coming(row, asked);
        replace(*stored, row);
      } else if (asked.take_back.size() < kMaxTakenBack) {
        asked.take_back.push_back(row);  // counts for the brake, which is judged when the listing has ended
      } else {
        context_.ask_again();
      }
      return;
    case RowJudgement::AskAgain:
      // What is left to the next listing is in doubt until then.
      records.renew_doubts_about({row.kind, row.artifact_id}, records.next_change());
      context_.ask_again();
      return;
    case RowJudgement::WentBack:
      stored->went_back = Proposal{row_context.link, row_context.asked_ms, stored->changed};
      stored->went_back_to = {row.deployment_id, row.at.ms()};
      records.put(*stored);
      context_.ask_again();
      return;
    case RowJudgement::AskExists:
      // An answer that is on its way may be older than this row.
      if (stored->question == Question::None || asked.change >= stored->question_change) {
        ask_existence(*stored, stored->question == Question::None ? Question::Absence : stored->question);
      }
      return;
  }
}

void Artifacts::on_taken_back(const Statement& row) {
  auto stored = context_.records.artifact(row.artifact_id);
  // Whatever changed since its row was read has been said later.
  if (stored && takes_out_of_service(*stored, row) && stored->went_back) replace(*stored, row);
}

/// A listing asked after the question was raised shows it again: what was to be confirmed is not so.
bool Artifacts::is_back(const Artifact& artifact, const Asked& asked) {
  return artifact.question == Question::Absence && artifact.wanted != Wanted::Gone &&
         artifact.question_change <= asked.change;
}

/// An absence that takes something out of service is believed only while it is fresh, and under the link that showed
/// it: `exists` would answer the same hours later, when the listing has long had it again. One that came into service
/// meanwhile has none any more, and what the brake holds since is held whatever was asked before.
bool Artifacts::is_stale(const Artifact& artifact, const Asked& asked) const {
  if (artifact.question != Question::Absence || artifact.wanted == Wanted::Gone || artifact.by_absence) return false;
  if (artifact.offering.offered.is_set() && is_held(context_.records, kDeploymentsScope)) return true;
  return !artifact.absent || artifact.absent->link != context_.memory.link ||
         asked.when_ms - artifact.absent->asked_ms > kExistsWithin.count();
}

void Artifacts::ask_existence(Artifact& artifact, Question why) {
  artifact.question = why;
  artifact.question_change = context_.records.next_change();
  context_.records.put(artifact);
}

void Artifacts::on_absent(Artifact artifact, const Asked& asked) {
  if (artifact.went_back && artifact.went_back->change <= asked.change) {
    artifact.went_back.reset();  // an earlier row has to be said twice in a row, and may never be said again
    context_.records.put(artifact);
  }
  if (artifact.question == Question::DeletedEvent && !artifact.by_absence && artifact.changed <= asked.change) {
    // Asked for another reason: if it turns out to exist, it is still to be found out why no listing has it.
    artifact.absent = Proposal{context_.memory.link, context_.known_ms(asked), asked.change};
    context_.records.put(artifact);
  }
  if (artifact.question != Question::None) return;  // somebody is asking already
  if (artifact.by_absence) {
    // Out of service because it was absent; it stays so until it is said again, or does not exist any more.
    if (artifact.changed <= asked.change) ask_existence(artifact, Question::Absence);
    return;
  }
  switch (judge_absence(artifact.absent, artifact.changed, asked.change, context_.memory.link, asked.when_ms)) {
    case AbsenceJudgement::AskAgain:
      context_.ask_again();
      return;
    case AbsenceJudgement::Note:
      artifact.absent = Proposal{context_.memory.link, context_.known_ms(asked), asked.change};
      context_.records.put(artifact);
      context_.ask_again();
      return;
    case AbsenceJudgement::Confirmed:
      artifact.absent = Proposal{context_.memory.link, context_.known_ms(asked), asked.change};
      ask_existence(artifact, Question::Absence);
      return;
  }
}

void Artifacts::on_existence(const protocol::Existence& answer, const Asked& asked) {
  Records& records = context_.records;
  auto artifact = records.artifact(answer.artifact_id);
  if (!artifact || artifact->question == Question::None) return;
  // The question was raised again while this answer was on its way: only one that was asked later settles it.
  if (artifact->question_change > asked.change) return;
  const Question question = artifact->question;
  const bool stale = is_stale(*artifact, asked);
  const auto absent = std::exchange(artifact->absent, std::nullopt);
  artifact->question = Question::None;
  if (stale) {
    records.put(*artifact);
    if (!lists_pass_over(*artifact)) list_what_belongs_to({artifact->kind, artifact->id});
    context_.ask_again();
    return;
  }
  const bool unchanged = artifact->changed <= artifact->question_change;
  if (artifact->wanted == Wanted::Gone) {
    // A row named it after its deletion. If it does exist, the next listing's row is taken.
    if (answer.exists) {
      artifact->wanted = Wanted::Undeployed;
      artifact->by_absence = true;
      artifact->changed = records.next_change();
      records.renew_doubts_about({artifact->kind, artifact->id}, artifact->changed);
      context_.doubt();
    } else {
      Resources(context_).end_with(artifact->id, artifact->question_change);
      // Somebody may have said since that it is there.
      if (records.clear_doubts_about({artifact->kind, artifact->id}, asked.change)) context_.doubt();
    }
    records.put(*artifact);
  } else if (!unchanged) {   // NOLINT(bugprone-branch-clone): two reasons for the same
    records.put(*artifact);  // somebody said something newer meanwhile
  } else if (!answer.exists) {
    remove(*artifact);
  } else if (question == Question::Absence) {
    conclude_undeployed(*artifact);
  } else {
    artifact->absent = absent;  // the event was old; what a listing has said meanwhile was not
    records.put(*artifact);
    if (absent) context_.ask_again();
    if (!lists_pass_over(*artifact)) list_what_belongs_to({artifact->kind, artifact->id});
  }
  if (question == Question::DeletedEvent) records.clear_pending({artifact->kind, artifact->id});
}

void Artifacts::remove(Artifact& artifact) {
  Records& records = context_.records;
  artifact.wanted = Wanted::Gone;
  artifact.changed = records.next_change();
  artifact.gone_since = context_.now.wall;
  artifact.fetched.clear();
  artifact.went_back.reset();
  records.drop_ack(artifact.id);
  forget_absences(artifact.id);
  Resources(context_).end_with(artifact.id, artifact.changed);
  context_.offers.stop(artifact);
  records.clear_pending({artifact.kind, artifact.id});
}

void Artifacts::conclude_undeployed(Artifact& artifact) {
  if (artifact.wanted == Wanted::Undeployed) {
    // Nothing changes but that nobody says it any more; the next listing need not be asked about it twice.
    artifact.by_absence = true;
    artifact.may_settle = may_settle(artifact);
    context_.records.put(artifact);
    context_.records.clear_pending({artifact.kind, artifact.id});
    return;
  }
  artifact.wanted = Wanted::Undeployed;
  artifact.by_absence = true;
  artifact.changed = context_.records.next_change();
  artifact.fetched.clear();
  context_.records.drop_ack(artifact.id);
  context_.offers.stop(artifact);
  forget_absences(artifact.id);
  context_.records.clear_pending({artifact.kind, artifact.id});
}

void Artifacts::on_document(const Document& document) {
  Records& records = context_.records;
  auto artifact = records.artifact(document.artifact_id);
  const bool wanted = artifact && artifact->wanted == Wanted::Deployed &&
                      artifact->deployment_id == document.deployment_id && artifact->fetched != document.deployment_id;
  if (!wanted) return;  // superseded while it was fetched
  context_.memory.held_fetches.erase(document.deployment_id);
  if (!document.unusable.empty()) {
    context_.offers.refuse(*artifact, document.unusable);
    return;
  }
  Body body{artifact->kind, artifact->id, document.deployment_id, document.handle, document.text, {}};
  for (const auto& handle : document.providers) body.references.push_back({"LlmProvider", handle});
  for (const auto& handle : document.secrets) {
    body.references.push_back({std::string(protocol::kSecret), handle});
  }
  records.put_body(body);
  // The list names only secrets that something here refers to, so a new reference may have brought a new row.
  const bool unknown_secret = std::any_of(document.secrets.begin(), document.secrets.end(), [&](const auto& handle) {
    const auto secret = records.resource(protocol::kSecret, handle);
    return !secret || secret->gone;
  });
  if (unknown_secret) context_.memory.planner.want(Call::Secrets, "secrets", context_.now.steady);
  artifact->fetched = document.deployment_id;
  context_.offers.reconsider(*artifact);
}

}  // namespace tether::sync
