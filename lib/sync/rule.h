#pragma once

#include <string>
#include <string_view>

#include "tether/base/time.h"
#include "tether/sync/model.h"

/// The rule itself: what one statement of the control plane means against what is stored. Pure functions, one for each
/// table of RULE.md; everything else in this folder carries out what they say.
namespace tether::sync {

/// What an event or a row says about an artifact.
struct Statement {
  std::string kind;
  std::string artifact_id;
  std::string deployment_id;
  bool deployed = false;
  Instant at;
  std::string at_text;
};

/// Two statements at most this far apart are of the same instant: the control plane first writes nanoseconds and
/// then truncates them (PROTOCOL.md section 4.2).
inline constexpr std::chrono::nanoseconds kSameInstant = std::chrono::milliseconds(1);

/// How long a proposal waits for its second statement, at least and at most (CE-10: two accidents far apart are no
/// confirmation).
inline constexpr std::chrono::milliseconds kConfirmAfter{10'000};
inline constexpr std::chrono::milliseconds kConfirmBefore{60'000};
/// How long a listing may take: what one lacked is known by then, also if its answer waited longer for the store.
inline constexpr std::chrono::milliseconds kListedWithin{120'000};
/// How soon after the confirmation `exists` must be asked; its answer to a later question says nothing about the list.
inline constexpr std::chrono::milliseconds kExistsWithin{30'000};

/// The same desired state, the same deployment, the same instant.
bool is_same(const Artifact& stored, const Statement& statement);

enum class EventJudgement {
  Nothing,
  Same,  ///< Settle again; the ack is repeated if it was a success.
  Create,
  Replace,
  Doubt,  ///< Change nothing, ask a full listing.
};
/// RULE.md section 2. `stored` is null if nothing is stored; `horizon` may be unset.
EventJudgement judge_event(const Artifact* stored, const Statement& event, Instant horizon);

enum class RowJudgement {
  Nothing,
  Create,
  Same,
  Replace,
  AskAgain,   ///< The row may be older than what is stored: list again in 10 s.
  WentBack,   ///< An earlier row, first time: note it and list again in 10 s.
  TakeBack,   ///< The same earlier row again: the control plane was restored. Replace.
  AskExists,  ///< The row names something that is known to be deleted.
};
struct RowContext {
  bool full = false;
  bool raced = false;  ///< The artifact changed after the listing was asked.
  std::int64_t link = 0;
  std::int64_t asked_ms = 0;
  bool stopped_since = false;  ///< An end of it that is later than the row came in doubt after the listing was asked.
};
/// RULE.md section 3.
RowJudgement judge_row(const Artifact* stored, const Statement& row, const RowContext& context);

enum class AbsenceJudgement {
  AskAgain,  ///< Changed after the request, or asked too early for a confirmation: list again in 10 s.
  Note,      ///< First time, or the first one is too long ago: note it and list again in 10 s.
  Confirmed,
};
/// RULE.md section 4, for anything that a listing lacks: `noted` is what an earlier listing said.
AbsenceJudgement judge_absence(const std::optional<Proposal>& noted, std::int64_t changed, std::int64_t asked_change,
                               std::int64_t link, std::int64_t asked_ms);

/// Whether this row, older than what is stored, would undeploy what is in service: like an absence, it counts for the
/// brake.
bool takes_out_of_service(const Artifact& stored, const Statement& row);

/// What keeps a staged identity from being served (RULE.md section 11).
enum class StagedLack {
  Nothing,
  Link,       ///< The present link is not its own, or there is none.
  Listings,   ///< Two full listings that agree, asked kConfirmAfter apart (CE-9).
  Round,      ///< The other listings of its link, each once.
  Doubts,     ///< An absence, a question, a row that could not be read, a hint.
  Documents,  ///< Documents or secret values, which are being fetched.
  // From here on it does not become complete by itself, and waits for an operator.
  MissingDocuments,  ///< The control plane lists them and does not give them.
  Held,              ///< The deletion brake holds for one of its own listings.
  Empty,             ///< It has nothing at all.
  TooFew,            ///< It has less than kStagedPercent of what is in service.
};
/// For people: what it waits for.
std::string_view to_string(StagedLack lack);
bool needs_operator(StagedLack lack);

/// At least this share of the number of resources in service is expected of an identity that takes over by itself. Of
/// what is stored, likewise, from a control plane that is found at another address.
inline constexpr std::int64_t kStagedPercent = 80;

struct StagedFacts {
  bool agreed = false;        ///< Two full listings agree.
  bool round_done = false;    ///< Every other listing of the link was answered, those of single artifacts too.
  bool doubts = false;        ///< Something is open besides documents and holds.
  bool documents = false;     ///< Something that it lists is not here.
  bool only_missing = false;  ///< … and all of that was asked for and did not come.
  bool held = false;
  std::int64_t resources = 0;
  std::int64_t in_service = 0;
  bool accepted = false;  ///< The operator has said that it is to be served with what it has.
};
StagedLack judge_staged(const StagedFacts& facts);

/// A staged identity as an operator was shown it.
struct ShownIdentity {
  std::string gateway_id;
  std::string waits_for;  ///< to_string() of what it lacked.
  std::int64_t resources = 0;
  std::int64_t in_service = 0;  ///< Of the identity that would go.
};
/// Whether the consent to what was shown is one to this: it lacks nothing else, has no less, and takes the place of no
/// more. `facts.accepted` is not looked at.
bool covers(const ShownIdentity& shown, StagedFacts facts);

/// Whether a full listing shows enough of what is stored to be taken for the same control plane's.
bool shows_most(std::int64_t stored, std::int64_t unseen);

enum class Settlement {
  Wait,
  Silence,  ///< Settled, and nothing is to be told.
  Success,
  Failed,
};
/// RULE.md section 9, for an artifact whose revision the gateway has answered. `age` is the statement's, by the control
/// plane's clock.
Settlement judge_settlement(const Artifact& artifact, std::chrono::nanoseconds age);

/// Up to this age a `failed` is worth saying: after 60 s the control plane has given its own verdict.
inline constexpr std::chrono::nanoseconds kFailedWithin = std::chrono::seconds(55);

/// Whether something is in question as long as `exists` is not answered. It is not about what is out of service because
/// no listing has it: that is asked about at each full listing, and no answer brings it back.
bool has_open_question(const Artifact& artifact);

/// Whether only the gateway's answer is missing for a verdict.
bool may_settle(const Artifact& artifact);

/// The version that the artifact's wanted state would offer.
Version wanted_version(const Artifact& artifact);

}  // namespace tether::sync
