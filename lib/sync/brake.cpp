#include "tether/sync/brake.h"

#include <algorithm>

namespace tether::sync {
namespace {

void note(Context& context, Note::Level level, const std::string& message,
          std::vector<std::pair<std::string, std::string>> fields) {
  context.commands.emplace_back(Note{level, message, std::move(fields)});
}

/// How much a listing, with the others of its kind, shows of what was here when the hold began. What came or changed
/// later, by events say, neither opens the brake nor makes an empty control plane one that can be believed (CE-4).
std::int64_t kept_since(Records& records, const std::string& scope, const Missing& missing, std::int64_t began) {
  const auto own = records.seen_unchanged(scope, missing.kind, missing.artifact_kind, missing.artifact_id, began);
  // What others of its kind would say is not known while some have failed.
  if (missing.artifact_id.empty() || missing.unanswered > 0) return own;
  const auto elsewhere = records.unchanged_elsewhere(missing.kind, missing.artifact_id, began);
  return own + std::max<std::int64_t>(elsewhere - missing.unshown, 0);
}

/// Says what has changed, once.
void say(Context& context, const Hold& before, const Hold& hold, const Missing& missing) {
  const std::vector<std::pair<std::string, std::string>> fields = {
      {"listing", hold.scope}, {"missing", std::to_string(missing.unseen)}, {"stored", std::to_string(missing.stored)}};
  if (before.noted == 0) {
    note(context, Note::Level::Warn, "a listing lacks too much to be believed: removals are held", fields);
  } else if (before.release != Release::None && hold.release == Release::None && hold.noted != before.noted) {
    note(context, Note::Level::Warn, "a listing lacks more than what was released: removals are held again", fields);
  } else if (before.release == Release::Asked && hold.release == Release::Released) {
    note(context, Note::Level::Info, "the deletion brake is released by an operator", fields);
  } else if (before.release == Release::None && hold.release == Release::Released) {
    note(context, Note::Level::Info, "the deletion brake is released: listings have lacked the same for long enough",
         fields);
  }
}

Duration ask_again_in(const Hold& hold, Duration release_after) {
  if (hold.release == Release::Released) return kAskHeldAgain;
  const auto left = releases_in(hold, release_after);
  return left ? std::clamp(*left, kAskHeldAtOnce, kAskHeldAgain) : kAskHeldAgain;
}

std::optional<Call> call_of(const std::string& scope) {
  const std::string name = scope.substr(0, scope.find('/'));
  if (name == kDeploymentsScope) return Call::Deployments;
  if (name == "keys") return Call::Keys;
  if (name == "plans") return Call::Plans;
  if (name == "secrets") return Call::Secrets;
  if (name == "subscriptions") return Call::Subscriptions;
  if (name == "hmac") return Call::HmacSecrets;
  return std::nullopt;
}

}  // namespace

bool brake_holds(std::int64_t stored, std::int64_t unseen) {
  if (unseen == 0) return false;
  return unseen >= stored || (unseen > 5 && unseen * 5 > stored);
}

Release release_under(const Hold& hold, std::int64_t link) {
  return hold.release_link == link ? hold.release : Release::None;
}

Hold judge_hold(Hold hold, const Lacking& listing, Duration release_after) {
  hold.keeps_some = listing.keeps_some;
  const bool same_link = hold.judged_link == listing.link;
  const Duration since_last = std::chrono::milliseconds(listing.ended_ms - hold.judged_ms);
  hold.judged_link = listing.link;
  hold.judged_ms = listing.ended_ms;
  if (hold.noted == 0 || listing.fresh > 0) {
    hold.noted = listing.change;
    hold.held_ms = 0;
    hold.release = Release::None;
    return hold;
  }
  // Not our wall clock's time, which jumps, and not the time without a link, when nobody confirmed anything.
  if (same_link) {
    const auto step = std::chrono::duration_cast<std::chrono::milliseconds>(std::clamp(since_last, 0ns, kMaxHeldStep));
    hold.held_ms += step.count();
  }
  hold.release = release_under(hold, listing.link);
  if (hold.release == Release::Asked && listing.asked_change >= hold.release_change) hold.release = Release::Released;
  const auto left = releases_in(hold, release_after);
  if (hold.release == Release::None && left && *left == 0s) {
    hold.release = Release::Released;
    hold.release_link = listing.link;
    hold.release_change = listing.change;
  }
  return hold;
}

std::optional<Duration> releases_in(const Hold& hold, Duration release_after) {
  if (hold.release == Release::Released) return 0s;
  if (!hold.keeps_some) return std::nullopt;
  return std::max<Duration>(release_after - std::chrono::milliseconds(hold.held_ms), 0s);
}

bool judge_brake(Context& context, const Asked& asked, const Missing& missing) {
  Records& records = context.records;
  const std::string& scope = asked.scope;
  const auto held = records.hold(scope);
  const std::int64_t stored = held ? missing.unseen + kept_since(records, scope, missing, held->began) : missing.stored;
  // What a control plane at another address lacks is believed once it has shown most of what is stored.
  const bool is_strange = missing.unseen > 0 && records.marks().moved;
  if (!is_strange && !brake_holds(stored, missing.unseen)) {
    lift_brake(context, scope);
    return false;
  }
  Hold before;
  before.scope = scope;
  before.since = context.now.wall;
  before.began = asked.change;
  if (held) before = *held;
  Lacking lacking{context.memory.link, context.known_ms(asked), asked.change, records.next_change(), 0, false};
  lacking.fresh = records.note_held(scope, missing.kind, missing.artifact_kind, missing.artifact_id);
  lacking.keeps_some = kept_since(records, scope, missing, before.began) > 0;
  Hold hold = judge_hold(before, lacking, context.options.deletion_release_after);
  hold.would_go = missing.own;
  hold.in_service = missing.stored;
  records.put_hold(hold);
  say(context, before, hold, missing);
  // Only a listing that does not call for the brake lifts it: the next one is not left to the next poll.
  const Duration wait = ask_again_in(hold, context.options.deletion_release_after);
  context.memory.planner.plan(asked.call, scope, context.now.steady + wait, asked.full);
  return hold.release != Release::Released;
}

void lift_brake(Context& context, const std::string& scope) {
  if (!context.records.hold(scope)) return;
  context.records.drop_hold(scope);
  note(context, Note::Level::Info, "the deletion brake is released", {{"listing", scope}});
}

void ask_held_again(Context& context, const Asked& asked) {
  if (!context.records.hold(asked.scope)) return;
  context.memory.planner.plan(asked.call, asked.scope, context.now.steady + kAskHeldAgain, asked.full);
}

bool is_held(Records& records, const std::string& scope) {
  const auto hold = records.hold(scope);
  return hold && hold->release != Release::Released;
}

void end_release(Context& context, const std::string& scope, std::int64_t missing) {
  const auto hold = context.records.hold(scope);
  if (!hold || hold->release != Release::Released || missing > 0) return;
  context.records.drop_hold(scope);
  note(context, Note::Level::Info, "what the deletion brake held is gone", {{"listing", scope}});
}

void look_after_release(Context& context) {
  const auto hold = context.records.hold(kDeploymentsScope);
  if (!hold || hold->release != Release::Released) return;
  if (context.records.with_question(1).empty()) context.doubt();
}

void Engine::on_release_deletions(Records& records, const std::vector<ShownHold>& shown, Now now) {
  if (!memory_.identified || memory_.side != Side::Served) return;
  Context context(records, memory_, now, options_, commands_);
  for (const ShownHold& agreed : shown) {
    auto hold = records.hold(agreed.scope);
    const auto call = call_of(agreed.scope);
    // What is missing by now is not what the operator saw.
    if (!hold || !call || hold->noted != agreed.noted) continue;
    if (release_under(*hold, memory_.link) == Release::Released) continue;
    hold->release = Release::Asked;
    hold->release_link = memory_.link;
    hold->release_change = records.next_change();
    records.put_hold(*hold);
    note(context, Note::Level::Info, "an operator agrees to a held removal: the listing is asked again",
         {{"listing", agreed.scope}, {"missing", std::to_string(hold->would_go)}});
    if (*call == Call::Deployments) {
      context.doubt();
    } else {
      memory_.planner.want(*call, agreed.scope, now.steady);
    }
  }
  after_input(records, now);
}

}  // namespace tether::sync
