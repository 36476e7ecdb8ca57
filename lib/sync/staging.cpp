#include "tether/sync/staging.h"

#include "tether/sync/questions.h"

namespace tether::sync {
namespace {

StagedLack lack_of_staged(Context& context) {
  Records& records = context.records;
  const Memory& memory = context.memory;
  if (memory.side != Side::Staged || !memory.identified) return StagedLack::Link;
  StagedFacts facts;
  facts.in_service = records.offered_count();
  const OnLinkSide on(records, memory);
  const OpenWork open = records.open_work();
  facts.agreed = memory.staging.agreed;
  facts.round_done = memory.planner.everything_answered();
  facts.doubts = open.unheld || open.questions || open.doubts || memory.relist_due || !memory.hints.empty() ||
                 !memory.unreadable.empty();
  facts.documents = open.documents || open.lost;
  facts.only_missing = facts.documents && lacks_only_what_does_not_come(records, memory);
  facts.held = open.holds;
  facts.resources = records.offered_count();
  facts.accepted = memory.accepted && covers(*memory.accepted, facts);
  return judge_staged(facts);
}

void switch_identity(Context& context) {
  Records& records = context.records;
  Memory& memory = context.memory;
  const std::string before = records.marks().gateway_id;
  records.switch_to_staged(context.options.new_epoch());
  memory.side = Side::Served;
  memory.staging = {};
  memory.accepted.reset();
  memory.flight = {};
  memory.void_push = memory.last_push;
  memory.acks_unsent = true;
  context.commands.emplace_back(
      Note{Note::Level::Warn,
           "the identity that the control plane names is served from now on, in place of the one before",
           {{"before", before}, {"served", memory.link_gateway_id}}});
}

}  // namespace

void identify(Context& context, const std::string& gateway_id) {
  Records& records = context.records;
  Memory& memory = context.memory;
  const std::string served = records.marks().gateway_id;
  const bool is_served = served.empty() || served == gateway_id;
  if (memory.link_gateway_id != gateway_id) {
    // What the last link left open, and what its listings have shown, is about another identity.
    memory.hints.clear();
    memory.unconfirmed.clear();
    memory.listed_since_start = false;
    memory.all_listed = false;
    memory.listing_knew = false;
    memory.lost_under = 0;  // each identity counts its own links
  }
  memory.link_gateway_id = gateway_id;
  memory.staging = {};
  memory.side = is_served ? Side::Served : Side::Staged;
  memory.standing.other_gateway_id = is_served ? "" : gateway_id;
  const bool is_new = records.stage(is_served ? "" : gateway_id, context.now.wall);
  if (is_served) return;
  const Note::Level level = is_new ? Note::Level::Warn : Note::Level::Info;
  context.commands.emplace_back(Note{level,
                                     "the control plane names another gateway id than the one in service; what is in "
                                     "service is kept, and the other is staged beside it",
                                     {{"in_service", served}, {"staged", gateway_id}}});
}

void note_address(Context& context, Marks& marks) {
  const std::string& address = context.options.address;
  if (address.empty() || address == marks.address) return;
  if (!marks.address.empty()) {
    marks.moved = true;
    context.commands.emplace_back(
        Note{Note::Level::Warn,
             "the control plane is at another address than before: until a full listing shows most of what is stored, "
             "nothing is removed for being absent",
             {{"before", marks.address}, {"now", address}}});
  }
  marks.address = address;
}

void accept_staged(Context& context, const ShownIdentity& shown) {
  Memory& memory = context.memory;
  if (memory.side != Side::Staged || memory.link_gateway_id != shown.gateway_id) return;
  memory.accepted = shown;
  context.commands.emplace_back(
      Note{Note::Level::Info, "an operator accepts the staged identity", {{"staged", shown.gateway_id}}});
}

void note_staged_listing(Context& context, const Asked& asked) {
  Staging& staging = context.memory.staging;
  if (asked.differs || !staging.listed) {
    staging.listed = asked.when;
    staging.agreed = false;
  } else if (asked.when - *staging.listed >= kConfirmAfter) {
    staging.agreed = true;
  }
  if (staging.agreed) return;
  context.memory.planner.want(Call::Deployments, kDeploymentsScope, *staging.listed + kConfirmAfter, /*full=*/true);
}

void consider_switch(Context& context) {
  Standing& standing = context.memory.standing;
  standing.staged_gateway_id = context.records.staged_gateway_id();
  standing.staged_lack = StagedLack::Nothing;
  standing.staged_accepted = false;
  if (standing.staged_gateway_id.empty()) return;
  standing.staged_lack = lack_of_staged(context);
  if (standing.staged_lack == StagedLack::Nothing && context.options.new_epoch) {
    switch_identity(context);
    standing.staged_gateway_id.clear();
    return;
  }
  const StagedLack lack = standing.staged_lack;
  if (context.memory.accepted && needs_operator(lack)) {
    // Else it would have been served.
    context.memory.accepted.reset();
    context.commands.emplace_back(
        Note{Note::Level::Warn,
             "the staged identity is not as the operator was shown it: the consent is void",
             {{"staged", standing.staged_gateway_id}, {"waits_for", std::string(to_string(lack))}}});
  }
  standing.staged_accepted = context.memory.accepted.has_value();
  if (needs_operator(lack) && lack != context.memory.staging.said) {
    context.memory.staging.said = lack;
    context.commands.emplace_back(
        Note{Note::Level::Warn,
             "the staged identity does not take over by itself: it waits for an operator",
             {{"staged", standing.staged_gateway_id}, {"for", std::string(to_string(lack))}}});
  }
}

}  // namespace tether::sync
