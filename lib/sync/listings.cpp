#include "tether/sync/listings.h"

#include <algorithm>
#include <array>

#include "tether/protocol/kinds.h"
#include "tether/protocol/rest.h"
#include "tether/sync/artifacts.h"
#include "tether/sync/brake.h"
#include "tether/sync/resources.h"
#include "tether/sync/rule.h"
#include "tether/sync/staging.h"
#include "tether/sync/sweep.h"

namespace tether::sync {
namespace {

/// What stands behind the first `/` of a scope.
std::string after_slash(const std::string& scope) {
  const auto slash = scope.find('/');
  return slash == std::string::npos ? std::string() : scope.substr(slash + 1);
}

/// Servers without the experimental part do not have lists of their keys, so these are asked for only when the
/// deployment list has shown that there is such an artifact.
constexpr std::array<std::string_view, 2> kExperimentalKinds = {"WebSubApi", "WebBrokerApi"};

/// A list of what belongs to one artifact is not asked again once that is not wanted here.
bool is_asked_again(Context& context, const Asked& asked) {
  const auto scope = scope_of(asked);
  if (!scope || scope->artifact_id.empty()) return true;
  const auto artifact = context.records.artifact(scope->artifact_id);
  return artifact && artifact->wanted == Wanted::Deployed;
}

/// Says nothing about what was asked for: who answers so is not the control plane, or cannot look it up now.
bool is_away(int status) {
  constexpr std::array<int, 7> kAway = {0, 401, 408, 429, 502, 503, 504};
  return std::find(kAway.begin(), kAway.end(), status) != kAway.end();
}

/// What a row that could not be read wants is unknown: nobody can say that all is as it should be. It may be read the
/// next time; where it never is, the list is left to the polls.
void note_unreadable(Context& context, const Asked& asked, const RequestOutcome& outcome) {
  auto& unreadable = context.memory.unreadable;
  if (outcome.rows_rejected == 0 || !is_asked_again(context, asked)) {
    unreadable.erase(asked.scope);
  } else if (unreadable.size() < kMaxUnreadable || unreadable.contains(asked.scope)) {
    int& times = unreadable[asked.scope];
    times = std::min(times + 1, kUnreadableForGood);
    if (times == kUnreadableForGood) return;
    context.memory.planner.plan(asked.call, asked.scope, context.now.steady + kAskUnreadableAgain, asked.full);
  }
}

/// What nobody has said anything about counts as missing: of these artifacts the listing failed, and has not been
/// answered since.
void add_unanswered(Context& context, const Asked& asked, const ListingScope& scope, Missing& missing) {
  for (const std::string& artifact_id : context.memory.planner.failed_artifacts(asked.call)) {
    if (missing.unanswered > 0 && brake_holds(missing.stored, missing.unseen)) return;  // more changes nothing
    if (artifact_id == scope.artifact_id) continue;
    const auto unknown = context.records.unseen_resources(asked.scope, scope.kind, "", artifact_id);
    missing.unanswered += unknown.stored;
    missing.unseen = std::min(missing.unseen + unknown.stored, missing.stored);
  }
}

/// About what belongs to artifacts whose listing the control plane does not show, no list says anything: it is no share
/// of what is stored, and does not show that the control plane still has something.
void leave_out_unshown(Context& context, const Asked& asked, const ListingScope& scope, Missing& missing) {
  const std::string prefix = scope_of_artifact(asked.call, "");
  const auto failed = context.memory.planner.failed_artifacts(asked.call);
  const auto& unshown = context.memory.unshown;
  for (auto it = unshown.lower_bound(prefix); it != unshown.end() && it->starts_with(prefix); ++it) {
    const std::string artifact_id = after_slash(*it);
    if (std::find(failed.begin(), failed.end(), artifact_id) != failed.end()) continue;  // as in `add_unanswered`
    missing.unshown += context.records.unseen_resources(asked.scope, scope.kind, "", artifact_id).stored;
  }
  missing.stored -= missing.unshown;
}

}  // namespace

bool is_answered(Call call, const RequestOutcome& outcome) {
  if (outcome.complete || call == Call::FetchBatch) return true;  // what a batch lacked waits document by document
  if (call == Call::Deployments || call == Call::Exists) return false;
  if (call == Call::SecretValue) return !is_away(outcome.status);
  if (call != Call::Manifest) return is_unshown(outcome);
  return outcome.status >= 400 && outcome.status < 500 && outcome.status != 401 && outcome.status != 408 &&
         outcome.status != 429;
}

bool is_unshown(const RequestOutcome& outcome) {
  return outcome.status == 403 || outcome.status == 404;
}

std::optional<ListingScope> scope_of(const Asked& asked) {
  switch (asked.call) {
    case Call::Keys:
      return ListingScope{std::string(protocol::kApiKey), after_slash(asked.scope), ""};
    case Call::Plans:
      return ListingScope{std::string(protocol::kSubscriptionPlan), "", ""};
    case Call::Secrets:
      return ListingScope{std::string(protocol::kSecret), "", ""};
    case Call::Subscriptions:
      return ListingScope{std::string(protocol::kSubscription), "", after_slash(asked.scope)};
    case Call::HmacSecrets:
      return ListingScope{std::string(protocol::kHmacSecret), "", after_slash(asked.scope)};
    default:
      return std::nullopt;
  }
}

void begin_round(Context& context) {
  context.memory.planner.on_link_up(context.now.steady);
  Resources(context).follow_hints();
}

void list_experimental_keys(Context& context) {
  for (const std::string_view kind : kExperimentalKinds) {
    const std::string scope = "keys/" + std::string(kind);
    if (context.records.has_deployed(kind)) {
      context.memory.planner.plan_in_round(Call::Keys, scope, context.now.steady);
    } else {
      lift_brake(context, scope);  // nothing is left that it could lack, and nobody asks it any more
    }
  }
}

void end_manifest(Context& context, const RequestOutcome& outcome) {
  if (outcome.status != 409) return;
  context.commands.emplace_back(
      Note{Note::Level::Warn,
           "the control plane refused the gateway's manifest (409): gateway.version or gateway.functionality_type "
           "differs from what the gateway was registered with",
           {}});
}

void end_deployments(Context& context, Asked& asked, const RequestOutcome& outcome) {
  Records& records = context.records;
  Memory& memory = context.memory;
  Artifacts artifacts(context);
  artifacts.on_came(asked);
  // Of what came of one that was cut short the next one says nothing new.
  if (!outcome.complete) return;
  if (!asked.full) {
    // Something has changed and cannot be read: whether it is in the way, the full list says.
    if (outcome.rows_rejected > 0) context.doubt();
    return;
  }
  note_unreadable(context, asked, outcome);

  Marks marks = records.marks();
  const Instant date = outcome.date.value_or(asked.newest);
  // What a row that could not be read says is not known: the next delta asks for it once more.
  const bool is_readable = outcome.rows_rejected == 0;
  if (is_readable) marks.listed_to = std::min(asked.newest, date);
  // No slack here, unlike after the ack: what is replayed is older than the link. It would make each listing that a
  // doubt asks for put the events of the next second in doubt as well.
  marks.horizon = std::max(memory.acked_at + kHorizonSlack, date);
  records.put_marks(marks);
  if (is_readable) records.clear_doubts(asked.change);

  memory.listed = true;
  memory.listed_asked = asked.when;
  memory.listed_since_start = true;
  memory.listing_knew = asked.known_rows > 0;
  if (asked.change >= memory.relist_change) memory.relist_due = false;

  // A listing with an unreadable row says nothing about absence.
  if (!is_readable) {
    context.commands.emplace_back(
        Note{Note::Level::Warn,
             "rows of the deployment list could not be read; nothing is concluded from absence",
             {{"rows", std::to_string(outcome.rows_rejected)}}});
    ask_held_again(context, asked);
    return;
  }
  const auto share = records.unseen_artifacts(asked.scope);
  if (marks.moved && shows_most(share.stored, share.unseen)) {
    marks.moved = false;
    records.put_marks(marks);
  }
  const bool held = judge_brake(context, asked, {"", "", "", share.stored, share.unseen, share.unseen});
  const std::int64_t last_change = records.last_change();
  if (!held) {
    for (const Statement& row : asked.take_back) artifacts.on_taken_back(row);
  }
  asked.differs |= records.last_change() != last_change;
  records.visit_unseen_artifacts(asked.scope, [&records, &artifacts, &asked, held](const Artifact& artifact) {
    // What is not in service may go whatever the brake says: its removal takes nothing from the gateway.
    if (held && artifact.offering.offered.is_set()) return;
    const std::int64_t before = records.last_change();
    artifacts.on_absent(artifact, asked);
    // What is undeployed because it was absent is asked about at each listing: it is lacked as it was.
    asked.differs |= !artifact.by_absence && records.last_change() != before;
  });
  if (records.side() == Side::Staged) note_staged_listing(context, asked);
  end_release(context, asked.scope, records.unseen_artifacts(asked.scope).unseen);
}

void end_resources(Context& context, const Asked& asked, const RequestOutcome& outcome) {
  const auto scope = scope_of(asked);
  if (!scope) return;
  context.memory.unshown.erase(asked.scope);
  note_unreadable(context, asked, outcome);
  if (asked.call == Call::Keys && outcome.date) context.memory.keys_listed[asked.scope] = *outcome.date;
  Records& records = context.records;
  Resources resources(context);
  if (outcome.rows_rejected > 0) {
    // It says nothing about absence, and will not the next time either: what events said stands.
    resources.apply_hints(*scope);
    ask_held_again(context, asked);
    return;
  }
  resources.settle_hints(*scope, asked);
  // There is one such listing for each artifact, or for each kind of artifact.
  const bool is_one_of_many = !scope->artifact_id.empty();
  const auto word = is_one_of_many ? resources.word_of(scope->artifact_id, asked) : Resources::Word::Counts;
  if (word == Resources::Word::None) return resources.forget_proposals(*scope);
  if (word == Resources::Word::Raced) {
    return context.memory.planner.want_again(asked.call, asked.scope, context.now.steady + kConfirmAfter);
  }
  const auto own = [&records, &asked, &scope] {
    return records.unseen_resources(asked.scope, scope->kind, scope->artifact_kind, scope->artifact_id);
  };
  const auto share = own();
  Missing missing{scope->kind, scope->artifact_kind, scope->artifact_id, share.stored, share.unseen, share.unseen};
  if (is_one_of_many && share.unseen > 0) {
    // Judged against all of the kind: the one subscription of one API may go, all subscriptions may not. What the
    // others lack counts as well, and nothing is confirmed before all have been asked since.
    missing.stored = records.unseen_resources(asked.scope, scope->kind, "", "").stored;
    leave_out_unshown(context, asked, *scope, missing);
    missing.unseen += records.absent_elsewhere(scope->kind, scope->artifact_id);
    add_unanswered(context, asked, *scope, missing);
  }
  const bool was_held = records.hold(asked.scope).has_value();
  const bool held = judge_brake(context, asked, missing);
  // One that is not believed says nothing of the secrets that it lacks.
  if (asked.call == Call::Secrets && !held) context.memory.secrets_listed = asked.when;
  if (held && !is_one_of_many) return;
  const bool is_lifted = was_held && !records.hold(asked.scope);
  // What came into service since is kept as far as the sum goes, and no list has shown it yet.
  if (share.unseen == 0 || is_lifted) context.memory.weighed.erase(asked.scope);
  // What a brake has held and was released was weighed then.
  const bool may_confirm = !is_one_of_many || is_weighed(context, asked.scope) || records.hold(asked.scope);
  using Absent = Resources::Absent;
  const Absent how = held ? Absent::Held : may_confirm ? Absent::MayConfirm : Absent::ToBeWeighed;
  records.visit_unseen_resources(
      asked.scope, scope->kind, scope->artifact_kind, scope->artifact_id,
      [&resources, &asked, how](const Resource& resource) { resources.on_absent(resource, asked, how); });
  end_release(context, asked.scope, own().unseen);
}

void end_unshown(Context& context, const Asked& asked) {
  const auto scope = scope_of(asked);
  if (!scope) return;
  if (context.memory.unshown.size() < kMaxUnreadable) context.memory.unshown.insert(asked.scope);
  if (asked.call == Call::Secrets) context.memory.secrets_listed = asked.when;
  context.memory.unreadable.erase(asked.scope);
  Resources(context).apply_hints(*scope);
  // It does not show this artifact's any more, so nothing that it proposed before can be confirmed.
  if (!scope->artifact_id.empty()) Resources(context).forget_proposals(*scope);
  ask_held_again(context, asked);
}

void forget_unasked(Context& context) {
  auto& unreadable = context.memory.unreadable;
  if (unreadable.empty()) return;
  for (const std::string_view kind : kExperimentalKinds) {
    const auto found = unreadable.find("keys/" + std::string(kind));
    if (found != unreadable.end() && !context.records.has_deployed(kind)) unreadable.erase(found);
  }
}

std::string listing_path(Context& context, const Planner::Slot& slot) {
  const std::string rest = after_slash(slot.scope);
  switch (slot.call) {
    case Call::Manifest:
      return "/gateways/" + protocol::encode_segment(context.records.marks().gateway_id) + "/manifest";
    case Call::Deployments: {
      if (slot.full) return "/deployments";
      const Marks marks = context.records.marks();
      const Instant pending = context.records.earliest_pending_deployment();
      Instant since = marks.listed_to;
      if (pending.is_set()) since = std::min(since, pending);
      since = std::max(since - kSinceOverlap, Instant{});
      return "/deployments?since=" + protocol::since_query(since);
    }
    case Call::Keys: {
      const auto* kind = protocol::find_kind(rest);
      return std::string(kind == nullptr ? "" : kind->keys_path);
    }
    case Call::Plans:
      return "/subscription-plans";
    case Call::Secrets:
      return "/secrets";
    case Call::Subscriptions:
      return "/apis/" + protocol::encode_segment(rest) + "/subscriptions";
    case Call::HmacSecrets:
      return "/websub-apis/" + protocol::encode_segment(rest) + "/secrets";
    default:
      return "";
  }
}

}  // namespace tether::sync
